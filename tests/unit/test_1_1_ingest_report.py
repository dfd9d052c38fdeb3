"""The report on what came in: its numbers, and the page."""

import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest

from movie_mlops.ingest import IngestConfig
from movie_mlops.ingest.replay import open_rows, replay
from movie_mlops.ingest.report import figures, write_ingest_report
from movie_mlops.ingest.report.figures import Tables
from movie_mlops.lake import SCHEMAS, Lake, LakeConfig

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
TUESDAY = MONDAY + timedelta(days=1)
THURSDAY = MONDAY + timedelta(days=3)

Row = tuple[str, int, str, float | None, datetime | None]


def interactions(arrived: datetime, *rows: Row) -> pl.DataFrame:
    filled = [
        (f"{user}|{film}|{number}", user, film, kind, value, time, arrived, "shop")
        for number, (user, film, kind, value, time) in enumerate(rows)
    ]
    return pl.DataFrame(filled, SCHEMAS["interactions"], orient="row")


def refused(arrived: datetime, *rows: tuple[int, str, str]) -> pl.DataFrame:
    filled = [("interactions", "r.csv", line, reason, "why", raw, "shop", arrived, None) for line, reason, raw in rows]
    return pl.DataFrame(filled, SCHEMAS["quarantine"], orient="row")


@pytest.fixture
def empty(tmp_path: Path) -> Lake:
    return Lake(LakeConfig(tmp_path / "lake"))


@pytest.fixture
def lake(empty: Lake) -> Lake:
    """Two batches of one shop: six interactions, four films, three refused rows."""
    films = [
        (1, "Heat", 1995, ["Crime", "Drama"], ["Michael Mann"], "en", None, None, None, [], [], None),
        (2, "Ran", 1985, ["Drama"], [], "ja", None, None, None, [], [], None),
        (3, "Ikiru", None, [], [], None, None, None, None, [], [], None),
        (4, "Alien", 1979, ["Horror"], [], "en", None, 348, None, [], [], None),
    ]
    empty.append("movies", pl.DataFrame(films, SCHEMAS["movies"], orient="row"))
    first = interactions(
        TUESDAY,
        ("ann", 1, "rating", 4.5, MONDAY),
        ("ann", 2, "rating", 3.0, MONDAY),
        ("bob", 1, "rating", 4.5, MONDAY),
        ("bob", 1, "like", None, None),
    )
    empty.append("interactions", first)
    empty.append(
        "interactions", interactions(THURSDAY, ("eve", 1, "like", None, THURSDAY), ("eve", 3, "like", None, THURSDAY))
    )
    empty.append("quarantine", refused(TUESDAY, (7, "bad-time", "x,1,4,soon"), (9, "bad-time", "y,1,4,<b>now</b>")))
    empty.append("quarantine", refused(THURSDAY, (2, "unknown-film", "z,99,4,1")))
    return empty


def test_the_totals_count_each_thing_once(lake: Lake) -> None:
    """Interactions, users, films and refused rows are counted, and the times are the extreme ones."""
    assert figures.totals(Tables(lake)) == figures.Totals(
        interactions=6,
        users=3,
        rated_films=3,
        films=4,
        refused=3,
        replayed=0,
        first_event=MONDAY,
        last_event=THURSDAY,
        last_arrival=THURSDAY,
        timeless=1,
    )


def test_a_day_without_interactions_is_a_bar_of_no_height(lake: Lake) -> None:
    """Days between the first and the last are all there, and each counts its users once."""
    span, counted = figures.by_time(Tables(lake), figures.totals(Tables(lake)))
    midnight = MONDAY.replace(hour=0)
    days = [(midnight + timedelta(days=day), *numbers) for day, numbers in enumerate([(3, 2), (0, 0), (0, 0), (2, 1)])]
    assert (span, counted.rows()) == ("day", days)
    months = [("u", film, "like", None, MONDAY + timedelta(days=400 * film)) for film in range(3)]
    lake.overwrite("interactions", interactions(THURSDAY, *months))
    span, counted = figures.by_time(Tables(lake), figures.totals(Tables(lake)))
    assert (span, counted.height, counted["interactions"].sum()) == ("month", 27, 3)


def test_batches_join_what_was_kept_and_what_was_refused(lake: Lake) -> None:
    """A batch is what arrived at one time from one source: its kept and its refused rows side by side."""
    lake.append("quarantine", refused(THURSDAY + timedelta(days=1), (1, "bad-time", "")))
    assert figures.batches(Tables(lake)).rows() == [
        (TUESDAY, "shop", 4, 2, 0),
        (THURSDAY, "shop", 2, 1, 0),
        (THURSDAY + timedelta(days=1), "shop", 0, 1, 0),
    ]


def test_ratings_kinds_and_names_are_counted(lake: Lake) -> None:
    """Ratings by half stars, kinds, genres and languages by how often they occur; decades of the films."""
    tables = Tables(lake)
    assert figures.values(tables).rows() == [(3.0, 1), (4.5, 2)]
    assert figures.kinds(tables).rows() == [("like", 3), ("rating", 3)]
    assert figures.names(tables, "genres", 2).rows() == [("Drama", 2), ("Crime", 1)]
    assert figures.names(tables, "language", 9).rows() == [("en", 2), ("ja", 1)]
    assert figures.decades(tables).rows() == [(1970, 1), (1980, 1), (1990, 1)]


def test_the_tail_is_measured(lake: Lake) -> None:
    """Interactions of each film, in bins and as shares of the most popular ones."""
    counts = figures.per(Tables(lake), "movie_id")
    assert counts.to_list() == [4, 1, 1]
    assert figures.in_bins(counts).rows() == [("1", 2), ("2", 0), ("3", 1)]
    assert figures.concentration(counts).rows() == [
        (0.0, 0.0),
        pytest.approx((1 / 3, 4 / 6)),
        pytest.approx((2 / 3, 5 / 6)),
        (1.0, 1.0),
    ]
    assert figures.share_of_top(counts, 0.1) == pytest.approx(4 / 6)
    assert figures.in_bins(pl.Series([1_500, 250_000])).rows()[0] == ("1k", 1)
    assert figures.in_bins(pl.Series([1_500, 250_000])).rows()[-1] == ("100k", 1)


def test_missing_values_count_empty_lists(lake: Lake) -> None:
    """A null and an empty list are missing; their number and share are told for each column."""
    lacking = {name: (count, share) for name, count, share in figures.missing(Tables(lake).movies)}
    assert lacking["movie_id"] == (0, 0.0)
    assert lacking["year"] == (1, 0.25)
    assert lacking["genres"] == (1, 0.25)
    assert lacking["directors"] == (3, 0.75)
    assert lacking["imdb_id"] == (4, 1.0)


def test_reasons_come_with_examples(lake: Lake) -> None:
    """Each reason has its number and its first rows, with file, line and the row as it stood."""
    rows = figures.reasons(Tables(lake)).to_dicts()
    assert [(row["table"], row["reason"], row["count"]) for row in rows] == [
        ("interactions", "bad-time", 2),
        ("interactions", "unknown-film", 1),
    ]
    assert rows[0]["examples"][0] == {"file": "r.csv", "line": 7, "detail": "why", "raw": "x,1,4,soon"}
    assert figures.refused_by_batch(Tables(lake)).rows() == [(TUESDAY, "bad-time", 2), (THURSDAY, "unknown-film", 1)]


def test_rows_that_were_replayed_are_refused_no_more(lake: Lake, tmp_path: Path) -> None:
    """A refused row that was fixed and replayed is told apart from those that are refused still."""
    fixed = open_rows(lake).filter(pl.col("line") == 9)
    corrected = {fixed["quarantine_id"][0]: {"user_id": "y", "movie_id": "1", "value": "4", "event_time": "1700000000"}}
    assert replay(lake, config=IngestConfig(), corrected=corrected).replayed == 1
    tables = Tables(lake)
    facts = figures.totals(tables)
    assert (facts.interactions, facts.refused, facts.replayed) == (7, 2, 1)
    rows = figures.reasons(tables).to_dicts()
    assert [(row["reason"], row["count"], row["replayed"]) for row in rows] == [
        ("bad-time", 1, 1),
        ("unknown-film", 1, 0),
    ]
    assert [[example["line"] for example in row["examples"]] for row in rows] == [[7], [2]]
    assert figures.batches(tables).rows()[:2] == [(TUESDAY, "shop", 4, 2, 1), (THURSDAY, "shop", 2, 1, 0)]
    path = tmp_path / "ingest.html"
    write_ingest_report(path, lake, dataset="shop", command="c")
    page = read(path)
    for told in (
        "2 rows were refused, 7 are good.",
        "1 more was refused first, and has been replayed since.",
        "22.2% of what came is refused still",
    ):
        assert told in page.text
    assert "y,1,4,<b>now</b>" not in page.text


class Reader(HTMLParser):
    """Collects what a page shows and what it would load."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.loads: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the tag and any address in it."""
        self.tags.append(tag)
        self.loads += [value or "" for name, value in attrs if name in {"src", "href", "data", "srcset", "xlink:href"}]

    def handle_data(self, data: str) -> None:
        """Note the text."""
        self.text += data


def read(path: Path) -> Reader:
    reader = Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    return reader


def test_the_page_shows_it_all_and_needs_nothing_beside_it(lake: Lake, tmp_path: Path) -> None:
    """One file with every plot, the refused rows as text and never as markup, and nothing to load."""
    path = tmp_path / "reports" / "ingest.html"
    write_ingest_report(
        path, lake, dataset="<shop>", command="movie-mlops ingest report", made_at=THURSDAY + timedelta(hours=30)
    )
    page = read(path)
    assert page.loads == []
    assert page.tags.count("svg") == 4 + 4 + 2 + 3
    assert "b" not in page.tags
    for told in (
        "Data of <shop>",
        "3 rows were refused, 6 are good.",
        "1 day ago",
        "bad-time",
        "r.csv, line 9: why",
        "y,1,4,<b>now</b>",
        "1 interaction (16.7%) of unknown time are left out",
        "33.3% of what came is refused still.",
        "Nothing is missing in movie_id, title.",
    ):
        assert told in page.text
    assert [file.name for file in path.parent.iterdir()] == ["ingest.html"]


def test_one_of_something_is_said_as_one(empty: Lake, tmp_path: Path) -> None:
    """Numbers and words agree, and the axis of a small count has whole numbers alone."""
    empty.append("interactions", interactions(TUESDAY, ("ann", 1, "like", None, MONDAY)))
    path = tmp_path / "ingest.html"
    write_ingest_report(path, empty, dataset="one", command="c")
    page = read(path)
    assert "The only interaction keeps the contract." in page.text
    assert "1 interaction for the one in the middle" in page.text
    assert "1 film has only one." in page.text
    assert not re.search(r">\d+00m<|>0\.\d+<", path.read_text(encoding="utf-8"))


def test_an_empty_lake_has_a_page_too(empty: Lake, tmp_path: Path) -> None:
    """Before anything came in, and when everything was refused, the page says so."""
    path = tmp_path / "ingest.html"
    write_ingest_report(path, empty, dataset="none", command="c")
    assert "Nothing has come in yet." in read(path).text
    empty.append("quarantine", refused(TUESDAY, (1, "bad-time", "x")))
    write_ingest_report(path, empty, dataset="none", command="c")
    assert "The only row was refused" in read(path).text


def test_unknown_times_leave_the_plots_over_time_out(empty: Lake, tmp_path: Path) -> None:
    """Data without any time is a page without plots over time, with a sentence in their place."""
    empty.append("interactions", interactions(TUESDAY, ("ann", 1, "like", None, None)))
    path = tmp_path / "ingest.html"
    write_ingest_report(path, empty, dataset="none", command="c")
    assert "No interaction says when it happened." in read(path).text
    assert read(path).tags.count("svg") == 3
