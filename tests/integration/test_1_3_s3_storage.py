"""The lake on a real S3 server: what goes wrong there, the commands, the main job."""

import logging
import re
import socket
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import obstore
import polars as pl
import pytest
from obstore.exceptions import GenericError
from pydantic import SecretStr

from movie_mlops.lake import Lake, LakeConfig, LakeError, S3Config, StorageDownError, StorageError, open_storage, verify
from tests.fixtures.common.warm_python import WARM
from tests.integration.conftest import make_bucket, s3_config, start_s3, stop

CANARIES = ("AKIA-a-canary", "the-other-canary")
FRAME = pl.DataFrame({"movie_id": [1, 2]})


def every_word_of(error: BaseException) -> str:
    """All that a traceback of this error shows, with the errors behind it."""
    return "".join(traceback.format_exception(error)) + repr(error)


@pytest.mark.parametrize("act", [Lake.tables, lambda lake: lake.append("t", FRAME), lambda lake: lake.scan("t")])
def test_a_missing_bucket_is_named(s3_server: str, act) -> None:
    """A bucket that does not exist is said so in one sentence, whatever is asked of the lake."""
    lake = Lake(LakeConfig("s3://no-such-bucket/x", s3_config(s3_server)))
    with pytest.raises(StorageError, match="There is no bucket 'no-such-bucket' at http://127") as refused:
        act(lake)
    assert not any(canary in every_word_of(refused.value) for canary in CANARIES)


def test_wrong_keys_are_refused_and_never_shown(caplog: pytest.LogCaptureFixture) -> None:
    """Keys that the server does not know give one sentence, and neither of them is in any error, log or text."""
    caplog.set_level(logging.DEBUG)
    server, address = start_s3({"INITIAL_NO_AUTH_ACTION_COUNT": "1"})
    try:
        make_bucket(address, "lakes")
        config = LakeConfig("s3://lakes/x", s3_config(address))
        lake = Lake(config)
        for act in (lake.tables, lambda: lake.append("t", FRAME), lambda: lake.delta("t"), lambda: lake.version("t")):
            with pytest.raises(StorageError, match="does not let these keys into the bucket 'lakes'") as refused:
                act()
            shown = every_word_of(refused.value) + caplog.text + repr(config) + str(config) + repr(vars(config))
            assert not any(canary in shown for canary in CANARIES)
    finally:
        stop(server)


def test_a_server_that_is_down_is_said_so_soon() -> None:
    """A server that does not answer is one sentence after a few seconds, not a hang; back again, all goes on."""
    server, address = start_s3()
    make_bucket(address, "lakes")
    lake = Lake(LakeConfig("s3://lakes/x", s3_config(address)))
    lake.append("t", FRAME)
    stop(server)
    started = time.monotonic()
    for act in (lake.tables, lambda: lake.append("t", FRAME), lambda: verify(lake, "t"), lambda: lake.sql("FROM t")):
        with pytest.raises(StorageDownError, match=f"does not answer .{address}") as refused:
            act()
        assert refused.value.retryable
    assert time.monotonic() - started < 60


def test_a_server_that_goes_down_half_way_is_said_so_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Delta itself meets the fault, in the middle of a call, the sentence is the same."""
    server, address = start_s3()
    make_bucket(address, "lakes")
    lake = Lake(LakeConfig("s3://lakes/x", s3_config(address)))
    lake.append("t", FRAME)
    stop(server)
    monkeypatch.setattr(lake.storage, "has_table", lambda _table: True)
    for act in (lambda: lake.append("t", FRAME), lambda: lake.delta("t")):
        with pytest.raises(StorageDownError, match="does not answer") as refused:
            act()
        assert not any(canary in every_word_of(refused.value) for canary in CANARIES)


@pytest.mark.parametrize("code", ["InvalidAccessKeyId", "SomethingNew"])
def test_keys_that_a_server_repeats_stay_out_of_the_error(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """A server may tell a key back in its answer: the error and the errors behind it do not pass it on."""
    lake = Lake(LakeConfig("s3://lakes/x", s3_config("http://127.0.0.1:9")))

    def refuse(*_words: object) -> object:
        raise GenericError(f"<Error><Code>{code}</Code><AWSAccessKeyId>{CANARIES[0]}</AWSAccessKeyId></Error>")

    monkeypatch.setattr(obstore, "list_with_delimiter", refuse)
    monkeypatch.setattr(obstore, "list", refuse)
    for act in (lake.tables, lambda: lake.append("t", FRAME)):
        with pytest.raises(StorageError) as refused:
            act()
        assert not any(canary in every_word_of(refused.value) for canary in CANARIES)
    told = lake.storage.fault(OSError(f"{code} {CANARIES[1]}"))
    assert told is not None
    assert CANARIES[1] not in str(told)


def test_the_address_is_checked_before_anything_is_asked() -> None:
    """No bucket, or half a pair of keys, is refused at once."""
    with pytest.raises(LakeError, match="names no bucket"):
        open_storage(LakeConfig("s3:///x"))
    with pytest.raises(LakeError, match="Only one of the two keys"):
        open_storage(LakeConfig("s3://b/x", S3Config(access_key_id=SecretStr("a"))))


def test_each_data_set_has_a_prefix_of_its_own(s3_server: str) -> None:
    """Data sets lie side by side under the root, and are listed by name."""
    root = LakeConfig("s3://lakes/side by side/", s3_config(s3_server))
    Lake(root.of("b")).append("t", FRAME)
    Lake(root.of("a")).append("t", FRAME)
    assert open_storage(root).folders() == ["a", "b"]
    assert Lake(root.of("a")).names() == ["t"]


def run(*words: str) -> tuple[int, str]:
    """Call the command line in a process of its own; return its exit code and all that it printed."""
    done = WARM.run(["-m", "movie_mlops", *words], cwd=Path.cwd())
    return done.returncode, done.stdout + done.stderr


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def served(*words: str) -> Iterator[str]:
    """Serve what was released, and give its address."""
    server = WARM.start(["-m", "movie_mlops", "serve", "--port", str(free_port()), *words], cwd=Path.cwd())
    try:
        assert server.stdout is not None
        told = server.stdout.readline()
        yield re.search(r"http://[^/]+", told)[0]
    finally:
        server.terminate()
        server.communicate(timeout=30)


@pytest.fixture
def small_source(tmp_path: Path) -> Path:
    """Ratings with two tastes, enough for every step of the main job."""
    lines = ["user,item,rating,timestamp"]
    for user in range(60):
        for step in range(14):
            film = (user * 5 + step * 3) % 30 + (30 if user % 2 else 0)
            lines.append(f"u{user},{film},{4.5 if step % 4 else 2.0},{1_700_000_000 + step * 86_400 + user}")
    path = tmp_path / "mine.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.long
def test_the_main_job_and_every_lake_command_work_on_s3(
    s3_server: str, small_source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With MOVIE_MLOPS_LAKE on S3, ingest, features and all lake commands work, and nothing of the lake is local."""
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "LAKE": "s3://lakes/main job",
        "S3_ENDPOINT": s3_server,
        "S3_ACCESS_KEY_ID": CANARIES[0],
        "S3_SECRET_ACCESS_KEY": CANARIES[1],
        "HOME": str(tmp_path / "home"),
    }.items():
        monkeypatch.setenv(f"MOVIE_MLOPS_{name}", value)
    code, output = run("run", "--source", f"file:{small_source}")
    assert code == 0, output
    assert "nDCG@10" in output
    assert not (tmp_path / "home" / "data" / "lake").exists()
    on = ("--dataset", "mine")
    shown = output
    for words in (
        ("lake", "tables", *on),
        ("lake", "history", "interactions", *on),
        ("lake", "show", "movies", "--version", "0", *on),
        ("lake", "sql", "SELECT count(*) AS n FROM interactions", "--json", *on),
        ("lake", "compact", *on),
        ("lake", "vacuum", "--dry-run", *on),
        ("lake", "vacuum", "--keep-days", "0", *on),
        ("lake", "verify", *on),
        ("ingest", "quarantine", *on),
        ("ingest", "report", *on),
    ):
        code, output = run(*words)
        assert code == 0, output
        shown += output
    assert '"n": 840' in shown
    assert "interactions: whole" in shown
    with served(*on) as url, httpx.Client(base_url=url, timeout=30) as client:
        assert client.get("/v1/movies").json()["total"] == 60
        assert len(client.get("/v1/users/u1/recommendations").json()["items"]) == 10
    assert not any(canary in shown for canary in CANARIES)
