"""Erasure in its parts: the inventory, the list of the erased, tables and refused rows."""

from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import JSON, LargeBinary, String, Text

import movie_mlops.flows.serve  # noqa: F401 - with it every table of the state is declared
from movie_mlops.core.columns import USER_ID
from movie_mlops.features import VIEWS
from movie_mlops.flows.erasure import files, lake_rows
from movie_mlops.ingest import whom
from movie_mlops.lake import BATCHES, SCHEMAS, Lake, LakeConfig, erase_rows, verify
from movie_mlops.security.erasure import PLACES, WITHOUT, Erased, Kind
from movie_mlops.security.errors import ErasureError
from movie_mlops.state import METADATA, Database, StateConfig
from tests.conftest import REPOSITORY

DOCUMENT = REPOSITORY / "docs/07-security/7.4-erasure-implementation.md"


def _could_name() -> set[tuple[str, str]]:
    """Return every column of state and lake that could hold an id."""
    state = {
        (table.name, column.name)
        for table in METADATA.tables.values()
        for column in table.columns
        # Tests of the database itself make tables of their own.
        if not table.name.startswith("test_") and isinstance(column.type, String | Text | JSON | LargeBinary)
    }
    lake = {(table, name) for table, schema in SCHEMAS.items() for name, kind in schema.items() if kind == pl.String}
    # A view of users and films has no table of its own.
    views = {
        (view.name, name)
        for view in VIEWS
        if len(view.entity.keys) == 1
        for name, kind in view.schema.items()
        if kind == pl.String
    }
    return state | lake | views


def test_every_column_that_could_name_somebody_is_in_the_inventory() -> None:
    """Promise P28: a table or column that is new, and could hold an id, is looked at before it is merged."""
    known = {(place.name, column) for place in PLACES for column in place.columns}
    known |= {(table, column) for table, columns in WITHOUT.items() for column in columns}
    missing = sorted(_could_name() - known)
    assert not missing, f"say in security/erasure/places.py what becomes of {missing}"


def test_the_document_has_the_inventory_as_it_is() -> None:
    """The table of the document is the inventory, line by line."""
    from movie_mlops.security.erasure import reference  # noqa: PLC0415

    assert "\n".join(reference()) in DOCUMENT.read_text(encoding="utf-8")


@pytest.fixture
def erased(tmp_path: Path) -> Erased:
    """An empty list."""
    return Erased(Database(StateConfig(f"sqlite:///{tmp_path / 'state.db'}")), tmp_path / "keys", "tests")


def test_the_list_knows_people_again_and_names_nobody(erased: Erased, tmp_path: Path) -> None:
    """Promise P28: the erased are known by a keyed hash alone, of this data set alone; without its key nothing goes."""
    assert erased.among(["anna"]) == set()
    erased.enter("anna", by="a test")
    many = [f"somebody-{number}" for number in range(1000)]
    assert erased.among(["anna", "bert"]) == erased.among([*many, "anna"]) == {"anna"}
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"anna" not in kept
    (tmp_path / "keys/erasure.key").rename(tmp_path / "away")
    with pytest.raises(ErasureError, match="is gone"):
        erased.among(["anna"])
    (tmp_path / "keys/erasure.key").write_bytes(b"another key of so many bytes, 32")
    with pytest.raises(ErasureError, match="not the one"):
        erased.among(["anna"])


@pytest.mark.parametrize(
    ("raw", "fields", "people"),
    [
        ("5,183,4.0", '{"user_id":"5","movie_id":"183"}', ["5"]),
        ("5,183,4.0", '{"user_id":5}', ["5"]),
        ("5::183", None, ["5", "183"]),
        ("5;x", '{"user_id":null}', ["5", "x"]),
    ],
)
def test_a_refused_row_is_about_its_user(raw: str, fields: str | None, people: list[str]) -> None:
    """A refused row is that of the user who could be read, and of any word of it only where none could."""
    assert list(whom(raw, fields)) == people


def test_old_versions_and_the_log_lose_a_row_too(tmp_path: Path) -> None:
    """Promise P28: no file of a table, log and checkpoint included, tells of a row that is erased."""
    lake = Lake(LakeConfig(tmp_path / "lake"))
    for name in ("anna", "zoe-the-canary", "bert"):
        lake.append("people", pl.DataFrame({USER_ID: [name, "carl"], "stars": [1, 2]}))
    lake.overwrite("people", pl.DataFrame({USER_ID: ["anna", "zoe-the-canary"], "stars": [3, 4]}))
    lake.delta("people").create_checkpoint()
    report = erase_rows(lake, "people", pl.col(USER_ID) == "zoe-the-canary")
    assert report.rows == 1
    assert len(report.files) == 2
    assert report.given_up == (1, 2, 3)
    assert lake.scan("people").collect()[USER_ID].to_list() == ["anna"]
    assert lake.scan("people", version=0).collect()[USER_ID].to_list() == ["anna", "carl"]
    assert not verify(lake, "people").defects
    for path in (tmp_path / "lake").rglob("*"):
        assert path.is_dir() or b"zoe-the-canary" not in path.read_bytes(), path
    for path in (tmp_path / "lake/people/_delta_log").glob("*.parquet"):
        assert "zoe-the-canary" not in str(pl.read_parquet(path).to_dicts()), path
    assert erase_rows(lake, "people", pl.col(USER_ID) == "zoe-the-canary").version is None


def test_a_bound_that_is_an_id_is_blanked_and_no_other(tmp_path: Path) -> None:
    """Of what a load left of itself, only the bound that is the person's goes."""
    lake = Lake(LakeConfig(tmp_path / "lake"))
    told = '{"user_id":{"max":"zoe","min":"anna"},"value":{"max":5,"min":1}}'
    row = {name: [None] for name in SCHEMAS[BATCHES]} | {"statistics": [told]}
    lake.append(BATCHES, pl.DataFrame(row, schema=SCHEMAS[BATCHES]))
    theirs = lake_rows.theirs(lake, BATCHES, "zoe")
    assert theirs is not None
    erase_rows(lake, BATCHES, theirs.rows, change=theirs.change)
    [left] = lake.scan(BATCHES).collect()["statistics"].to_list()
    assert left == '{"user_id":{"max":null,"min":"anna"},"value":{"max":5,"min":1}}'
    # A number that is in the figures, and no bound of ids, is nobody: an erasure of user 5 has nothing to do here.
    five = lake_rows.theirs(lake, BATCHES, "5")
    assert five is not None
    assert lake.scan(BATCHES).filter(five.rows).collect().is_empty()


def test_a_number_is_not_searched_by_its_letters() -> None:
    """An id that is short, or a number, is found by rows alone: its letters are in everything."""
    assert files.can_be_searched("anna-the-first")
    assert not any(map(files.can_be_searched, ("183", "20240101", "bo")))


def test_every_kind_of_place_is_told() -> None:
    """Lake, state, files, copies and memory are all in the inventory."""
    assert {place.kind for place in PLACES} == set(Kind)
