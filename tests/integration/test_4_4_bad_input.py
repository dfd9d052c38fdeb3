"""Bad input at the door: one clear sentence, the next step, the right exit code, and nothing half-written."""

import json
import os
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from movie_mlops.cli.main import main
from tests.fixtures.stage_4.command_line import CommandLine, contents, copied
from tests.fixtures.stage_5.platform import Platform

RATINGS = b"userId,movieId,rating,timestamp\n1,1,4,1000000000\n"
MOVIES = b"movieId,title,genres\n1,A (2000),Drama\n"


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MOVIE_MLOPS_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("MOVIE_MLOPS_ENV_FILE", str(tmp_path / "none"))
    yield
    subprocess.run(["umount", str(tmp_path / "disk")], capture_output=True, check=False)


def zipped(path: Path, files: dict[str, bytes]) -> bytes:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path.read_bytes()


def prepare(folder: Path) -> None:
    """Write every kind of bad source."""
    (folder / "empty.csv").touch()
    (folder / "folder").mkdir()
    (folder / "other").mkdir()
    (folder / "other" / "notes.txt").write_text("hello")
    whole = zipped(folder / "whole.zip", {"ml/ratings.csv": RATINGS, "ml/movies.csv": MOVIES})
    (folder / "half.zip").write_bytes(whole[: len(whole) // 2])
    (folder / "columns.csv").write_text("a,b\n1,2\n")
    (folder / "head.csv").write_text("user_id,movie_id,rating\n")
    (folder / "bytes.csv").write_bytes(bytes(range(256)) * 10)
    (folder / "quote.csv").write_text('"user_id,movie_id\na,1\n')
    (folder / "cut.parquet").write_bytes(b"PAR1xxxx")
    (folder / "ok.csv").write_text("user_id,movie_id,rating\n1,1,5\n")


SOURCES = [
    (["file:none.csv"], "There is no file none.csv. Check the path in --source."),
    (["movielens:none.zip"], "There is no file or folder none.zip. Check"),
    (["movielens:other"], "is not laid out as MovieLens: expected ratings.csv with movies.csv"),
    (["movielens:folder"], "found no file. Name the folder or the zip"),
    (["movielens:half.zip"], "is not a whole zip"),
    (["movielens:ml-3m"], "Did you mean --source movielens:ml-32m?"),
    (["file:empty.csv"], "The file empty.csv is empty."),
    (["file:head.csv"], "The file head.csv is empty but for its first line."),
    (["file:folder"], "folder is a folder, not a file."),
    (["file:columns.csv"], "--column user_id=<its name in the file>"),
    (["file:quote.csv"], "has no column for user_id and movie_id"),
    (["file:bytes.csv"], "has no column for user_id and movie_id"),
    (["file:cut.parquet"], "is not a whole Parquet file"),
    (["file:whole.zip"], "is a zip. Unpack it, or, for MovieLens, use --source movielens:whole.zip"),
    (["smaple"], "Write for example --source sample"),
    ([""], "Write for example --source"),
    (["file:ok.csv", "--column", "x"], "--column 'x' is not OURS=THEIRS."),
    (["file:ok.csv", "--column", "user_id=nobody"], "has no column 'nobody'"),
    (["file:ok.csv", "--scale", "5,1"], "does not rise"),
    (["file:ok.csv", "--scale", "five"], "is not two numbers"),
    (["file:ok.csv", "--movies", "none.csv"], "There is no file none.csv. Check the path in --movies."),
]


@pytest.mark.parametrize("job", [["run"], ["ingest", "load"]], ids=["run", "ingest"])
@pytest.mark.parametrize(("words", "sentence"), SOURCES, ids=[" ".join(words) for words, _ in SOURCES])
def test_a_source_that_cannot_be_used_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], job: list[str], words: list[str], sentence: str
) -> None:
    """Whatever is wrong with a source: exit 1, the sentence on both outputs, and no home is even begun."""
    prepare(tmp_path)
    assert main([*job, "--source", *words, "--home", "home", "--json"]) == 1
    told(capsys, sentence)
    assert not Path("home").exists()


def told(capsys: pytest.CaptureFixture[str], sentence: str) -> dict[str, Any]:
    """Return the error that was told, the same on both outputs."""
    captured = capsys.readouterr()
    return error_of(captured.out, captured.err, sentence)


def error_of(out: str, err: str, sentence: str) -> dict[str, Any]:
    """Return the error that stands on both outputs of a command."""
    error: dict[str, Any] = json.loads(out)["error"]
    assert err.splitlines()[-1] == f"error: {error['problem']} {error['next_step']}"
    assert sentence in err
    assert set(error) == {"code", "problem", "next_step"}
    return error


def test_a_download_without_a_network_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A release that is not here yet and cannot be fetched is told, with how to bring it by hand."""

    def refuse(*_arguments: Any, **_options: Any) -> None:
        raise httpx.ConnectError("no network")

    monkeypatch.setattr(httpx.Client, "stream", refuse)
    assert main(["run", "--source", "movielens:ml-1m", "--home", "home", "--json"]) == 1
    told(capsys, "--source movielens:/path/to/file.zip")
    assert not Path("home").exists()


def test_a_zip_with_paths_that_lead_out_writes_nothing_outside(tmp_path: Path) -> None:
    """Promise P25: names in a zip are never paths on this machine: only what is asked for is read, nothing unpacked."""
    inside = tmp_path / "inside"
    inside.mkdir()
    zipped(inside / "x.zip", {"../../ratings.csv": RATINGS, "/movies.csv": MOVIES, "../../evil": b"evil"})
    before = contents(tmp_path)
    assert main(["ingest", "load", "--source", "movielens:inside/x.zip", "--home", "inside/home"]) == 0
    outside = {name: value for name, value in contents(tmp_path).items() if not name.startswith("inside/home")}
    assert outside == before


@pytest.mark.parametrize(
    ("content", "good", "reason"),
    [
        (b"\xef\xbb\xbfuser_id;movie_id;rating\r\nann;1;5\r\nbob;2;4\r\n", 2, None),
        ("user_id,movie_id,rating\nAndr\xe9,1,5\nann,1,4\n".encode("latin-1"), 1, "bad-encoding"),
        (b'user_id,movie_id,rating\n"an\nn",1,5\nbob,2,4\n', 1, "broken-row"),
        ("user_id,movie_id\n김/철수 1,1\na b,2\n".encode(), 2, None),
        (b"user_id,movie_id,rating\nx,y,z\n", 0, "bad-movie-id"),
    ],
    ids=["bom, semicolons, windows", "latin-1", "quoted new line", "names", "no good row"],
)
def test_odd_files_keep_every_row_on_one_side(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, good: int, reason: str | None
) -> None:
    """Promise P2: marks, separators and line ends do not matter; what cannot be read is in the quarantine, not lost."""
    (tmp_path / "odd.csv").write_bytes(content)
    assert main(["ingest", "load", "--source", "file:odd.csv", "--home", "home", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["rows_good"] == good
    assert report["rows_good"] + report["rows_quarantined"] == report["rows_read"]
    if reason is not None:
        assert main(["ingest", "quarantine", "--dataset", "odd", "--home", "home", "--json"]) == 0
        assert {row["reason"] for row in json.loads(capsys.readouterr().out)} == set(report["reasons"])


def test_a_source_without_one_good_row_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The main job on rows that all break the contract ends with the reasons and where to look at them."""
    (tmp_path / "bad.csv").write_text("user_id,movie_id,rating\nx,y,z\n")
    assert main(["run", "--source", "file:bad.csv", "--home", "home", "--json"]) == 1
    error = told(capsys, "movie-mlops ingest quarantine --dataset bad")
    assert error["problem"].startswith("None of the 1 rows of bad keeps the contract")


def spoil(path: Path, how: str) -> None:
    if how == "missing":
        path.unlink()
    elif how == "cut":
        path.write_bytes(path.read_bytes()[:-10])
    else:
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)


@pytest.mark.parametrize("how", ["flipped", "missing", "cut"])
@pytest.mark.parametrize("name", ["manifest.json", "weights.npy"])
def test_a_damaged_bundle_is_named_and_can_be_replaced(
    finished: CommandLine, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, how: str
) -> None:
    """Promise P8: verify names the file that was touched; the next run says what to delete."""
    home = copied(finished, tmp_path).home
    [bundle] = [path for path in (home / "models" / "sample").iterdir() if path.is_dir()]
    spoil(bundle / name, how)
    assert main(["models", "verify", "--home", str(home), "--json"]) == 1
    [row] = json.loads(capsys.readouterr().out)
    assert (row["bundle"], row["whole"]) == (bundle.name, "no")
    assert name in row["problem"]


@pytest.mark.long
def test_a_run_replaces_a_bundle_that_is_gone(finished: CommandLine, tmp_path: Path) -> None:
    """Where the champion's bundle is lost, verify says so, and the next run makes it again, byte for byte."""
    home = copied(finished, tmp_path)
    models = home.home / "models" / "sample"
    [bundle] = [path for path in models.iterdir() if path.is_dir()]
    before = contents(bundle)
    manifest = bundle / "manifest.json"
    manifest.write_bytes(manifest.read_bytes()[:-10])
    stuck = home("run")
    assert stuck.code == 1
    assert "Traceback" not in stuck.err
    assert f"{bundle.name} cannot be trusted: manifest.json" in stuck.err
    assert "Delete the folder, then: train again" in stuck.err
    shutil.rmtree(bundle)
    assert home("models", "verify", "--json").document[0]["whole"] == "no"
    again = home("run", "--json")
    assert again.code == 0, again.err
    assert contents(bundle) == before


SPOILT: dict[str, Callable[[Path], object]] = {
    "nothing": lambda _: None,
    "state": lambda home: (home / "data/state/sample.db").write_text("no database " * 500),
    "bytes": lambda home: (home / "data/active-dataset").write_bytes(b"\xff\xfe"),
    "path": lambda home: (home / "data/active-dataset").write_text("../../etc"),
    "rows": lambda home: [file.unlink() for file in home.glob("data/lake/sample/movies/*.parquet")],
    "log": lambda home: next(home.glob("data/lake/sample/movies/_delta_log/*0.json")).write_text("{"),
}
BROKEN = [
    ("state", ["release", "status"], "cannot be used"),
    ("bytes", ["lake", "tables"], "--dataset sample"),
    ("path", ["lake", "tables"], "--dataset sample"),
    ("rows", ["lake", "show", "movies"], "has lost 1 of its 1 files"),
    ("rows", ["lake", "sql", "from movies"], "has lost 1 of its 1 files"),
    ("log", ["lake", "tables"], "cannot be read"),
    ("nothing", ["models", "show", "/etc"], "There is no bundle '/etc'"),
    ("nothing", ["models", "verify", "../../x"], "There is no bundle '../../x'"),
    ("nothing", ["lake", "show", "movis"], "Did you mean 'movies'?"),
    ("nothing", ["lake", "tables", "--dataset", "../x"], "There is no data set '../x'"),
    ("nothing", ["lake", "sql", "drop table movies"], "only reads"),
    ("nothing", ["release", "rollback", "--reason", "x"], "nothing to roll back to"),
    ("nothing", ["evaluate", "--model", "eese"], "Did you mean 'ease'?"),
    ("nothing", ["evaluate", "--protocol", "folds", "--path", "/none"], "Name a folder that holds dataset.parquet"),
]


RECORD = ("data/keys", "data/state/sample.db")


@pytest.mark.parametrize("case", BROKEN, ids=[f"{what}-{' '.join(words)}" for what, words, _ in BROKEN])
def test_a_broken_home_or_a_wrong_name_is_one_sentence(
    finished: CommandLine, tmp_path: Path, case: tuple[str, list[str], str]
) -> None:
    """A store that is damaged, or a name that is none, is told in a line, and looking at it changes nothing."""
    spoilt, words, sentence = case
    command = copied(finished, tmp_path)
    SPOILT[spoilt](command.home)
    before = contents(command.home)
    # A process of its own: this one knows tables of every room, and would make those that are missing.
    done = command(*words, "--json")
    assert done.code == 1
    error = error_of(done.out, done.err, sentence)
    assert "\n" not in error["problem"]
    now = contents(command.home)
    if words[:2] == ["release", "rollback"]:
        # That it was tried is on record, sealed with a key.
        now, before = (
            {name: each for name, each in found.items() if not name.startswith(RECORD)} for found in (now, before)
        )
    assert now == before


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("platform.yaml", b"\xff", "is not YAML"),
        ("platform.yaml", b"recipes: [{name: popular, model: popular}]", "no recipe is called 'popular-recent'"),
        ("platform.yaml", b"evaluation: {cutoffs: [0]}", "The cut-offs are 0."),
        ("platform.yaml", None, "cannot be read"),
        ("gates.yaml", b"metric: fame@10", "metric is 'fame@10'"),
        ("gates.yaml", b"data: {max_refused: 30}", "data.max_refused is 30, which is no share"),
        ("gates.yaml", None, "cannot be read"),
    ],
)
def test_a_configuration_that_cannot_be_used_stops_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, text: bytes | None, sentence: str
) -> None:
    """What is wrong in a file of ``config/`` is told before the first step, not after the third."""
    file = tmp_path / "config" / name
    (file if text is None else file.parent).mkdir(parents=True)
    if text is not None:
        file.write_bytes(text)
    assert main(["run", "--home", "home", "--json"]) == 1
    told(capsys, sentence)
    assert not Path("home").exists()


@pytest.mark.parametrize("home", ["file", "file/below", "/proc/none"])
def test_a_home_that_cannot_be_written_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str], home: str) -> None:
    """A home that is a file, or lies where nothing can be made, is told with the path and the reason."""
    (tmp_path / "file").write_text("mine")
    (tmp_path / "ok.csv").write_text("user_id,movie_id\n1,1\n")
    assert main(["run", "--source", "file:ok.csv", "--home", home, "--json"]) == 1
    told(capsys, "--home names another folder")
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_full_disk_is_told_and_harms_nothing(tmp_path: Path) -> None:
    """Where the disk is full the run ends with a sentence, and with room again the same command completes the job."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody mount a disk")
    (tmp_path / "few.csv").write_text(
        "user_id,movie_id,rating\n" + "".join(f"u{u},{(u * 7 + s * 3) % 23},5\n" for u in range(40) for s in range(6))
    )
    (disk / "filler").write_bytes(bytes((4 << 20) - (160 << 10)))
    home = CommandLine(tmp_path, disk / "home")
    words = ("run", "--source", f"file:{tmp_path / 'few.csv'}", "--json")
    full = home(*words)
    assert full.code == 1
    assert "Traceback" not in full.err
    assert full.document["error"]["code"] in {"state", "system", "lake", "bundle", "tracking"}
    (disk / "filler").unlink()
    again = home(*words)
    assert again.document["rows"]["rows_good"] == 240


@pytest.mark.parametrize(
    "words",
    [["bogus"], ["run", "--bogus"], ["run", "--port", "0"], ["run", "--port", "x"], ["lake", "show"], ["run", "more"]],
)
def test_wrong_usage_is_exit_2(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    """A command or an option that does not exist, or a value of the wrong type, is usage: exit 2 and where to look."""
    assert main([*words, "--json"]) == 2
    captured = capsys.readouterr()
    assert json.loads(captured.out)["error"]["code"] == "usage"
    assert "--help" in captured.err
    assert main(words) == 2
    assert capsys.readouterr().out == ""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    platform = Platform(tmp_path_factory.mktemp("platform"))
    platform.promote(platform.train())
    with platform.served() as url, httpx.Client(base_url=url, timeout=20) as client:
        yield client
    platform.database.close()


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
@pytest.mark.parametrize("path", ["/v1/events", "/v1/recommendations"])
def test_a_body_of_another_type_is_refused(client: httpx.Client, path: str, kind: str | None) -> None:
    """A body that is not said to be JSON is refused with a problem that names the header."""
    headers = {} if kind is None else {"content-type": kind}
    answer = client.post(path, content=b'{"user_id": "a", "movie_id": 1, "kind": "like"}', headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert "Content-Type: application/json" in answer.json()["detail"]


def test_an_unknown_genre_gives_no_film_and_says_so(client: httpx.Client) -> None:
    """A genre that no film has empties the list, with a note that names it and where the genres are listed."""
    answer = client.get("/v1/users/nobody/recommendations", params={"genres": "Wester"}).json()
    assert (answer["items"], answer["source"]) == ([], "popular")
    assert "No film has the genre 'Wester'; GET /v1/genres lists those that there are." in answer["note"]
