"""From a file of one's own to tables that can be asked, at any version, with every bad row accounted for."""

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fixtures.stage_4.command_line import CommandLine

RATINGS = """customer,film,stars,when
ann,1,9,2024-01-01T00:00:00Z
ann,6,4,2024-01-02T00:00:00Z
bob,1,11,2024-01-03T00:00:00Z
bob,6,ten,2024-01-03T00:00:00Z
bob,50,8,2024-01-04T00:00:00Z
,50,8,2024-01-05T00:00:00Z
ann,1,9,2024-01-01T00:00:00Z
cho,1,10,2999-01-01T00:00:00Z
"""
COLUMNS = ["--column", "user_id=customer", "--column", "movie_id=film", "--column", "value=stars"]
MAPPING = [*COLUMNS, "--column", "event_time=when", "--scale", "1,10", "--dataset", "shop"]
REFUSED = [(4, "value-out-of-range"), (5, "bad-value"), (7, "missing-user"), (8, "duplicate"), (9, "time-in-future")]
COUNTS = "select user_id, count(*) as n, max(value) as most from interactions group by user_id order by user_id"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """A home into which a file has been loaded, with a second, corrected one after it."""
    folder = tmp_path_factory.mktemp("shop")
    home = CommandLine(folder, folder / "home", offline=True)
    (folder / "shop.csv").write_text(RATINGS)
    first = home("ingest", "load", "--source", f"file:{folder / 'shop.csv'}", *MAPPING, "--json")
    assert first.code == 0, first.err
    (folder / "first.json").write_text(first.out)
    lines = RATINGS.splitlines()
    lines[3] = lines[3].replace(",11,", ",10,")
    (folder / "corrected.csv").write_text("\n".join([*lines, "dan,6,2,2024-02-01T00:00:00Z", ""]))
    second = home("ingest", "load", "--source", f"file:{folder / 'corrected.csv'}", *MAPPING)
    assert second.code == 0, second.err
    (folder / "second.txt").write_text(second.out)
    return replace(home, offline=False)


def test_every_bad_row_is_told_with_its_line_and_reason(shop: CommandLine) -> None:
    """Promise P2: good and quarantined add up to read; each refused row can be looked at with its line and its text."""
    report = shop("ingest", "quarantine", "--dataset", "shop", "--json").document
    first = [row for row in report if row["file"] == "shop.csv"]
    assert sorted((row["line"], row["reason"]) for row in first) == REFUSED
    lines = dict(enumerate(csv.reader(io.StringIO(RATINGS)), start=1))
    for row in first:
        assert next(csv.reader([row["raw"]])) == lines[row["line"]]
    only = shop("ingest", "quarantine", "--dataset", "shop", "--reason", "missing-user", "--json").document
    assert {row["line"] for row in only} == {7}


def test_what_is_loaded_can_be_asked_at_every_version(shop: CommandLine) -> None:
    """The second file added what was corrected and what is new; the first state can still be read beside it."""
    commits = shop("lake", "history", "interactions", "--dataset", "shop", "--json").document
    assert [commit["version"] for commit in commits] == [1, 0]
    before = shop("lake", "show", "interactions", "--version", "0", "--dataset", "shop", "--json").document
    assert sorted((row["user_id"], row["movie_id"]) for row in before) == [("ann", 1), ("ann", 6), ("bob", 50)]
    now = shop("lake", "sql", COUNTS, "--dataset", "shop", "--json").document
    assert [tuple(row.values()) for row in now] == [("ann", 2, 4.5), ("bob", 2, 5.0), ("dan", 1, 1.0)]
    refused = shop("lake", "sql", "drop table interactions", "--dataset", "shop")
    assert (refused.code, refused.err.startswith("error: ")) == (1, True)


def test_the_same_file_once_more_changes_nothing(shop: CommandLine) -> None:
    """Promise P1: loading a file again says that nothing is new, and no table but the record of batches changes."""

    def tables() -> dict[str, tuple[int, int]]:
        rows = shop("lake", "tables", "--dataset", "shop", "--json").document
        return {row["table"]: (row["version"], row["rows"]) for row in rows}

    before = tables()
    again = shop("ingest", "load", "--source", f"file:{shop.folder / 'corrected.csv'}", *MAPPING)
    assert "(0 new)" in again.out
    after = tables()
    assert after.pop("batches") > before.pop("batches")
    assert after == before


def test_the_report_page_says_what_came_in(shop: CommandLine) -> None:
    """One page, readable without a network, has the counts of the tables and the reasons of what was refused."""
    facts = shop("ingest", "report", "--dataset", "shop", "--json").document
    assert (facts["interactions"], facts["users"]) == (5, 3)
    page = Path(facts["report"]).read_text(encoding="utf-8")
    for reason in dict(REFUSED).values():
        assert reason in page
    assert "<script src=" not in page
    assert 'href="http' not in page
