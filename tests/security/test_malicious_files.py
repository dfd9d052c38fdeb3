"""Files that are made to run, to fill the memory or to lie: wherever a file comes in, each is refused."""

import contextlib
import gzip
import io
import pickle  # noqa: TID251 - makes the malicious file that must be refused
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from movie_mlops import settings
from movie_mlops.core.errors import MovieMlopsError
from movie_mlops.core.memory import process_memory_bytes
from movie_mlops.evaluation.given import given_folds
from movie_mlops.evaluation.list_files import read_lists
from movie_mlops.ingest import IngestConfig, SourceOptions, open_source

MARK = "movie-mlops-ran"
MEBIBYTE = 1024 * 1024


class Bomb:
    """Makes a file when somebody unpickles it."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (Path(MARK),)  # type: ignore[return-value]


def npy_of_objects() -> bytes:
    held = io.BytesIO()
    np.save(held, np.array([Bomb()], dtype=object), allow_pickle=True)
    return held.getvalue()


def npy_that_lies() -> bytes:
    """A header that tells of a terabyte, and eight bytes."""
    head = b"{'descr': '<f8', 'fortran_order': False, 'shape': (137438953472,), }"
    head += b" " * (118 - len(head)) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + bytes(8)


def safetensors_that_lies() -> bytes:
    head = b'{"w":{"dtype":"F32","shape":[1099511627776],"data_offsets":[0,4398046511104]}}'
    return struct.pack("<Q", 1 << 60) + head


def parquet() -> bytes:
    held = io.BytesIO()
    pl.DataFrame({"user_id": ["a"], "movie_id": [1], "value": [4.0]}).write_parquet(held)
    return held.getvalue()


def torch_archive() -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(Bomb()))
    return held.getvalue()


HOSTILE: dict[str, Callable[[], bytes]] = {
    "a pickle": lambda: pickle.dumps(Bomb()),
    "an old pickle": lambda: pickle.dumps(Bomb(), protocol=0),
    "an array of objects": npy_of_objects,
    "an array that lies of its size": npy_that_lies,
    "tensors that lie of their size": safetensors_that_lies,
    "a PyTorch file": torch_archive,
    "a gzip bomb": lambda: gzip.compress(bytes(64 * MEBIBYTE), 1),
    "a Parquet with a footer that lies": lambda: parquet()[:-8] + struct.pack("<I", 0x7FFFFFF0) + b"PAR1",
    "a Parquet that was cut off": lambda: parquet()[:-20],
    "a Parquet with a wrong footer": lambda: parquet()[:40] + bytes(80) + parquet()[-8:],
    "YAML that makes objects": lambda: b"!!python/object/apply:pathlib.Path.touch [x]\n",
    "an executable": lambda: b"\x7fELF" + bytes(200),
    "a page of a portal": lambda: b"<!doctype html><html><body>Please sign in</body></html>",
    "nothing": bytes,
    "zeros": lambda: bytes(4096),
}
"""What is no table, by whatever name it comes."""


@pytest.fixture(autouse=True)
def nothing_ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Hold that nothing was run, and that a gibibyte of memory was not taken."""
    monkeypatch.chdir(tmp_path)
    before = process_memory_bytes()
    yield
    assert not (tmp_path / MARK).exists()
    assert process_memory_bytes() - before < 512 * MEBIBYTE


def read_all(source: str) -> None:
    """Read everything of a source, as a load does."""
    opened = open_source(source, downloads=Path("downloads"), options=SourceOptions())
    opened.prepare()
    for _ in opened.batches(config=IngestConfig()):
        pass
    opened.movies()


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".dat"])
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_no_source(tmp_path: Path, name: str, suffix: str) -> None:
    """Promise P24: ingest refuses it in one sentence with the next step; nothing of it runs, no memory is taken."""
    path = tmp_path / f"ratings{suffix}"
    path.write_bytes(HOSTILE[name]())
    with pytest.raises(MovieMlopsError) as refused:
        read_all(f"file:{path}")
    assert refused.value.next_step


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_no_archive_of_movielens(tmp_path: Path, name: str) -> None:
    """Promise P24: what is no zip, or holds no release, is refused before any member of it is read."""
    path = tmp_path / "ml.zip"
    path.write_bytes(HOSTILE[name]())
    with pytest.raises(MovieMlopsError):
        read_all(f"movielens:{path}")


def zipped(path: Path, members: dict[str, bytes], **changes: int) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = changes.get("compress_type", zipfile.ZIP_DEFLATED)
            info.external_attr = changes.get("external_attr", 0o644 << 16)
            archive.writestr(info, content)


GOOD = {
    "ml/ratings.csv": b"userId,movieId,rating,timestamp\n1,1,4.0,964982703\n",
    "ml/movies.csv": b"movieId,title,genres\n1,Toy Story (1995),Comedy\n",
}


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    """Promise P24: a member that becomes a thousand times as large is named; a sound release is read."""
    path = tmp_path / "ml.zip"
    zipped(path, GOOD)
    read_all(f"movielens:{path}")
    zipped(path, {**GOOD, "ml/ratings.csv": GOOD["ml/ratings.csv"] + b"1" * (80 * MEBIBYTE)})
    with pytest.raises(MovieMlopsError, match=r"would become 1,\d\d\d times as large"):
        read_all(f"movielens:{path}")


def test_a_zip_that_lies_is_refused(tmp_path: Path) -> None:
    """Promise P24: another size than its directory says, a password, an unusual packing, parts that overlap."""
    path = tmp_path / "ml.zip"
    zipped(path, GOOD)
    sound = path.read_bytes()
    directory = sound.rindex(b"PK\x01\x02")
    for offset, change in (
        (8, struct.pack("<H", 1)),  # a password
        (10, struct.pack("<H", 12)),  # bzip2
        (10, struct.pack("<H", 99)),  # what nobody knows
        (16, struct.pack("<I", 1)),  # another checksum
        (20, struct.pack("<I", 1 << 30)),  # packed, larger than the file
        (24, struct.pack("<I", 5)),  # unpacked, smaller than it is
        (24, struct.pack("<I", (1 << 32) - 2)),  # unpacked, larger than it is
        (42, struct.pack("<I", 0)),  # where the other member lies
    ):
        forged = bytearray(sound)
        forged[directory + offset : directory + offset + len(change)] = change
        path.write_bytes(bytes(forged))
        with pytest.raises(MovieMlopsError):
            read_all(f"movielens:{path}")


@pytest.mark.parametrize(
    "name", ["../../ratings.csv", "/etc/ratings.csv", "ml\\..\\ratings.csv", "ml/./../../ratings.csv"]
)
def test_names_within_a_zip_lead_nowhere(tmp_path: Path, name: str) -> None:
    """Promise P25: members are read from the archive and never written by their names, whatever these say."""
    path = tmp_path / "a" / "b" / "ml.zip"
    path.parent.mkdir(parents=True)
    zipped(path, {name: GOOD["ml/ratings.csv"], "ml/movies.csv": GOOD["ml/movies.csv"]})
    before = sorted(tmp_path.rglob("*"))
    # A name with backslashes is that of no file we know.
    with contextlib.suppress(MovieMlopsError):
        read_all(f"movielens:{path}")
    assert sorted(tmp_path.rglob("*")) == before


READERS = {
    "capacity.yaml": settings.read_capacity,
    "platform.yaml": settings.read_platform_config,
    "tuned.yaml": settings.read_tuned,
    "sources.yaml": settings.read_sources,
    "contracts.yaml": settings.read_contracts,
    "gates.yaml": settings.read_gates,
    "rules.yaml": settings.read_rules,
    "spark.yaml": settings.read_spark,
    "rollout.yaml": settings.read_rollout,
    "triggers.yaml": settings.read_triggers,
    "monitoring.yaml": settings.read_monitoring,
    "notify.yaml": settings.read_notify,
    "security-scan.yaml": settings.read_scan,
    "security.yaml": settings.read_security,
}
LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
)
YAML = {
    "an object": f"!!python/object/apply:pathlib.Path.touch [{MARK}]",
    "a module": "!!python/module:os",
    "a name": "!!python/name:os.system",
    "a new object": f"!!python/object/new:os.system ['touch {MARK}']",
    "a value that is one": f"seed: !!python/object/apply:os.system ['touch {MARK}']",
    "a tuple": "!!python/tuple [1, 2]",
    "a tag of its own": "!something {a: 1}",
    "a billion laughs": LAUGHS,
    "a list that holds itself": "&a [*a]",
    "a table that holds itself": "a: &a {b: *a}",
    "brackets without end": "[" * 2_000,
    "a binary": "\x00\x01\x02",
    "five mebibytes": "# " + "x" * (5 * MEBIBYTE),
}


def test_every_file_of_settings_has_a_reader_here() -> None:
    """A new file under ``config/`` that the settings read must be held against the same corpus."""
    readers = {name for name in dir(settings) if name.startswith("read_")} - {
        "read_settings",
        "read_proxy",
        "read_java_home",
    }
    assert {reader.__name__ for reader in READERS.values()} == readers


@pytest.mark.parametrize("what", YAML)
def test_hostile_yaml_is_refused_by_every_reader(tmp_path: Path, what: str) -> None:
    """Promise P24: tags that make objects, laughs by the billion, what holds itself: one sentence, at once."""
    # To find out takes seconds; all of them read by the same hand.
    readers = dict([*READERS.items()][:1]) if what == "brackets without end" else READERS
    for name, read in readers.items():
        path = tmp_path / name
        path.write_text(YAML[what])
        with pytest.raises(MovieMlopsError):
            read(path)
        path.unlink()


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_no_settings_lists_or_folds(tmp_path: Path, name: str) -> None:
    """Promise P24: the same files where settings, logged lists and folds are read."""
    path = tmp_path / "x.yaml"
    path.write_bytes(HOSTILE[name]())
    if name != "nothing":
        with pytest.raises(MovieMlopsError):
            settings.read_platform_config(path)
    for suffix in (".csv", ".parquet"):
        path = tmp_path / f"lists{suffix}"
        path.write_bytes(HOSTILE[name]())
        with pytest.raises(MovieMlopsError):
            read_lists(path)
    for file in ("dataset.parquet", "test_0.parquet"):
        (tmp_path / file).write_bytes(HOSTILE[name]())
    with pytest.raises(MovieMlopsError):
        given_folds(tmp_path)
