"""Incremental loads, back-fills, and files in pieces."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from movie_mlops.core import clock
from movie_mlops.ingest import IngestConfig, Window, cursor_of, load, open_source, since_cursor
from movie_mlops.lake import Lake, LakeConfig
from tests.fixtures.stage_1.listed_source import ListedSource, Row

MAY = datetime(2024, 5, 1, tzinfo=UTC)
CONFIG = IngestConfig(overlap_days=3)


@pytest.fixture(autouse=True)
def _june(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: datetime(2024, 6, 1, tzinfo=UTC))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(LakeConfig(tmp_path / "lake"))


def row(user: str, day: float) -> Row:
    return (user, "1", "4", str(int((MAY + timedelta(days=day)).timestamp())))


def users(lake: Lake) -> list[str]:
    return sorted(lake.scan("interactions").collect()["user_id"])


def test_an_incremental_load_takes_late_rows_in_and_begins_at_the_overlap(lake: Lake) -> None:
    """Promise P1: an incremental load takes what is new and what came late, inside the overlap, and nothing twice."""
    load(ListedSource([row("a", 1), row("b", 5)]), lake, config=CONFIG)
    window = since_cursor(lake, "shop", CONFIG)
    assert window.since == MAY + timedelta(days=2)
    rows = [row("a", 1), row("b", 5), row("late", 2.5), row("new", 6), row("too late", 1.5)]
    report = load(ListedSource(rows), lake, config=CONFIG, window=window)
    assert (report.rows_good, report.rows_new, report.rows_outside) == (3, 2, 2)
    assert users(lake) == ["a", "b", "late", "new"]
    assert since_cursor(lake, "shop", CONFIG).since == MAY + timedelta(days=3)


def test_the_cursor_stands_with_the_last_rows_of_a_load(lake: Lake) -> None:
    """Promise P1: a load that dies before its last piece has not moved the cursor, and nothing is skipped after."""
    rows = [row("a", 9), row("b", 1), row("c", 2)]

    def dies(point: str, seen: list[str] = []) -> None:  # noqa: B006 - counts over the calls
        seen.append(point)
        if seen.count("committed") == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load(ListedSource(rows, piece=1), lake, config=CONFIG, at=dies)
    assert users(lake) == ["a", "b"]
    assert lake.cursor("interactions", cursor_of("shop")) is None
    load(ListedSource(rows, piece=1), lake, config=CONFIG, window=since_cursor(lake, "shop", CONFIG))
    assert users(lake) == ["a", "b", "c"]
    assert lake.cursor("interactions", cursor_of("shop")) == int(rows[0][3]) * 1_000_000


def test_a_back_fill_takes_its_days_leaves_the_cursor_and_may_run_twice(lake: Lake) -> None:
    """Promise P1: a back-fill brings the rows of its range once, from its first day up to before its last."""
    rows = [row("a", 1), row("b", 2), row("c", 3), row("d", 4), ("undated", "1", "4", "")]
    window = Window(MAY + timedelta(days=2), MAY + timedelta(days=4), moves_cursor=False)
    for new in (3, 0):
        report = load(ListedSource(rows), lake, config=CONFIG, window=window)
        assert (report.rows_good, report.rows_new, report.rows_outside) == (3, new, 2)
    assert users(lake) == ["b", "c", "undated"]
    assert lake.cursor("interactions", cursor_of("shop")) is None


def test_each_load_leaves_what_it_counted(lake: Lake) -> None:
    """Statistics of each batch are kept: rows by what became of them, and the columns."""
    rows = [row("a", 1), row("b", 2), row("b", 3), ("c", "x", "4", ""), ("c", "1", "2.5", "")]
    load(ListedSource(rows, piece=2), lake, config=CONFIG)
    films, batch = lake.scan("batches").collect().to_dicts()
    counts = [batch[f"rows_{name}"] for name in ("read", "good", "new", "quarantined", "outside")]
    assert counts == [5, 4, 4, 1, 0]
    assert (films["table"], films["rows_good"]) == ("movies", 3)
    assert (batch["source"], batch["file"], batch["fingerprint"]) == ("shop", "shop.csv", "listed")
    assert batch["reasons"] == '{"bad-movie-id":1}'
    statistics = pl.Series([batch["statistics"]]).str.json_decode(
        pl.Struct(
            {
                "user_id": pl.Struct({"nulls": pl.Int64, "min": pl.String, "max": pl.String, "distinct": pl.Int64}),
                "value": pl.Struct({"nulls": pl.Int64, "min": pl.Float64, "max": pl.Float64, "distinct": pl.Int64}),
                "event_time": pl.Struct({"nulls": pl.Int64, "min": pl.String, "max": pl.String, "distinct": pl.Int64}),
            }
        )
    )[0]
    assert statistics == {
        "user_id": {"nulls": 0, "min": "a", "max": "c", "distinct": 3},
        "value": {"nulls": 0, "min": 2.5, "max": 4.0, "distinct": 2},
        "event_time": {"nulls": 1, "min": "2024-05-02T00:00:00Z", "max": "2024-05-04T00:00:00Z", "distinct": 3},
    }


CELL = st.sampled_from(
    ["a", "b", "7", "007", "", " ", "1", "2", "3.0", "1.5", "+2", "-1", "x", "4", "4.5", "9", "nan", "inf", "1e0",
     "0x1", "1700000000", "1700000000000", "17e8", "2023-11-14", "1700000000.5", '"1"', '"a', "é", "\t2", "\x00", "1,2"]
)  # fmt: skip
ENDS = st.sampled_from(["", "\n", "\r\n"])
LINE = st.one_of(
    st.tuples(CELL, CELL, CELL, CELL).map(",".join),
    st.tuples(st.sampled_from("abc"), st.sampled_from("12"), st.sampled_from("12345"), st.sampled_from("789")).map(
        lambda cells: f"{cells[0]},{cells[1]},{cells[2]},170000000{cells[3]}"
    ),
    st.sampled_from(["", "a,1", "a,1,4,1700000000,5", "a,1,4,", ",,,"]),
)


@settings(max_examples=40, deadline=None, phases=[Phase.explicit, Phase.generate], derandomize=True)
@given(lines=st.lists(LINE, min_size=1, max_size=12), size=st.integers(8, 120), end=ENDS)
@pytest.mark.long
def test_pieces_and_the_lane_change_nothing(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], size: int, end: str
) -> None:
    """A file in pieces, through the lane where it is clean, gives the rows and refusals of the whole file as text."""
    folder = tmp_path_factory.mktemp("pieces")
    path = folder / "mine.csv"
    path.write_bytes(("user,item,rating,ts\na,1,4,1700000000\n" + "\n".join(lines) + end).encode())
    source = open_source(f"file:{path}", downloads=folder)
    found = []
    for name, config in (("pieces", IngestConfig(chunk_bytes=size)), ("whole", IngestConfig())):
        lake = Lake(LakeConfig(folder / name))
        given_source = source if name == "pieces" else _AsText(source)
        report = load(given_source, lake, config=config)
        rows = lake.scan("interactions").collect().drop("ingested_at").sort("event_id").rows()
        refused = lake.scan("quarantine").collect().drop("ingested_at").sort("line").rows()
        found.append((rows, refused, report.rows_read, report.rows_good))
    assert found[0] == found[1]


class _AsText:
    """A source that gives everything at once, as text."""

    def __init__(self, source) -> None:
        self._source = source
        self.dataset = source.dataset
        self.prepare, self.fingerprint, self.movies = source.prepare, source.fingerprint, source.movies
        self.users = source.users

    def batches(self, *, config: IngestConfig, unknown: bool = False):
        yield self._source.interactions()


def test_rows_of_a_user_that_lie_apart_are_found_again(lake: Lake, tmp_path: Path) -> None:
    """A repeat far from its first, in any order of users, is a duplicate that names the line of the first."""
    rows = [f"u{n % 30},{n},4,{1_700_000_000 + n}" for n in range(300)]
    random.Random(3).shuffle(rows)
    text = "user,item,rating,ts\n" + "\n".join([*rows, rows[0], rows[150]]) + "\n"
    (tmp_path / "mine.csv").write_text(text)
    source = open_source(f"file:{tmp_path / 'mine.csv'}", downloads=tmp_path)
    for new in (300, 0):
        report = load(source, lake, config=IngestConfig(chunk_bytes=400))
        assert (report.rows_good, report.rows_new, report.reasons) == (300, new, {"duplicate": 2})
    refused = lake.scan("quarantine").sort("line").select("line", "detail").collect().rows()
    told = "the same user, film, kind and time as line {}"
    assert refused == [(302, told.format(2)), (303, told.format(152))]
