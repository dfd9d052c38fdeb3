"""Loading: films that come again, events that come twice."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import polars as pl
import pytest

from movie_mlops.core import clock
from movie_mlops.core.nouns import Interaction, Kind
from movie_mlops.ingest import IngestConfig, SourceOptions, load, load_events, open_source
from movie_mlops.lake import Lake, LakeConfig

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(LakeConfig(tmp_path / "lake"))


def ingest(lake: Lake, folder: Path, movies: str | None):
    (folder / "mine.csv").write_text("user,item\na,1\na,2\n")
    options = SourceOptions()
    if movies is not None:
        (folder / "films.csv").write_text(movies)
        options = SourceOptions(movies=folder / "films.csv")
    return load(open_source(f"file:{folder / 'mine.csv'}", downloads=folder, options=options), lake)


def films(lake: Lake) -> list[tuple[object, ...]]:
    return (
        lake.scan("movies").select("movie_id", "title", "year", "genres", "tmdb_id").sort("movie_id").collect().rows()
    )


def test_a_film_that_comes_again_keeps_what_the_new_row_does_not_know(lake: Lake, tmp_path: Path) -> None:
    """A changed film takes the place of the old one, but an empty field does not erase a known one."""
    ingest(lake, tmp_path, "movieId,title,year,genres,tmdbId\n1,Haet,1995,Crime,949\n2,Alien,1979,,\n")
    report = ingest(lake, tmp_path, "movieId,title,year,genres,tmdbId\n1,Heat,,,\n2,Alien,1979,,\n3,Ran,1985,Drama,\n")
    assert films(lake) == [
        (1, "Heat", 1995, ["Crime"], 949),
        (2, "Alien", 1979, [], None),
        (3, "Ran", 1985, ["Drama"], None),
    ]
    assert (report.movies, report.movies_new, report.versions["movies"]) == (3, 2, 1)


def test_made_up_titles_never_replace_real_ones(lake: Lake, tmp_path: Path) -> None:
    """Without a file of films, ids that the lake knows keep their titles, and others are called by their id."""
    ingest(lake, tmp_path, "movieId,title\n1,Heat (1995)\n2,Alien\n")
    report = ingest(lake, tmp_path, None)
    assert [film[1] for film in films(lake)] == ["Heat", "Alien"]
    assert (report.movies_new, report.versions["movies"]) == (0, 0)


class CrashError(Exception):
    """The load ends here."""


def in_pieces(folder: Path) -> tuple[str, IngestConfig]:
    """A file of six pieces, with a film that nobody can be about in the first."""
    rows = [f"u{user},{user},4,{1_700_000_000 + user}" for user in range(1, 60)]
    (folder / "shop.csv").write_text("\n".join(["user,film,rating,timestamp", "u0,x,4,1700000000", *rows]) + "\n")
    return f"file:{folder / 'shop.csv'}", IngestConfig(chunk_bytes=256)


def test_refused_rows_are_kept_before_the_cursor_moves(lake: Lake, tmp_path: Path) -> None:
    """They wait for the last commit, and a load that ends before it is made good by the next one."""
    name, config = in_pieces(tmp_path)
    seen: list[tuple[bool, int]] = []

    def look(point: str) -> None:
        if point == "committed":
            moved = lake.cursor("interactions", "ingest:shop") is not None
            refused = 0 if lake.version("quarantine") is None else lake.scan("quarantine").collect().height
            seen.append((moved, refused))
        if len(seen) == 3:
            raise CrashError

    with pytest.raises(CrashError):
        load(open_source(name, downloads=tmp_path), lake, config=config, at=look)
    assert seen == [(False, 0)] * 3
    seen.clear()
    load(open_source(name, downloads=tmp_path), lake, config=config, at=lambda point: look(point) if seen else None)
    assert lake.scan("quarantine").collect()["line"].to_list() == [2]
    assert lake.scan("interactions").collect().height == 59
    assert lake.cursor("interactions", "ingest:shop") is not None


def test_what_another_writer_brought_meanwhile_is_not_brought_again(lake: Lake, tmp_path: Path) -> None:
    """A load looks at the lake again where its own commit was not the last; no row is there twice."""
    name, config = in_pieces(tmp_path)
    other = Lake(LakeConfig(tmp_path / "lake"))
    committed: list[str] = []

    def meddle(point: str) -> None:
        if point == "committed":
            committed.append(point)
            if len(committed) == 2:
                load(open_source(name, downloads=tmp_path), other, config=config)

    report = load(open_source(name, downloads=tmp_path), lake, config=config, at=meddle)
    held = lake.scan("interactions").collect()
    assert held["event_id"].is_unique().all()
    assert (held.height, report.rows_good) == (59, 59)
    assert report.rows_new < 59
    assert lake.scan("quarantine").collect().height == 1


def test_films_that_are_refused_are_kept_where_there_is_no_rating(lake: Lake, tmp_path: Path) -> None:
    """A file of interactions with nothing in it hides nothing of the films."""
    pl.DataFrame(schema={"user": pl.String, "item": pl.Int64}).write_parquet(tmp_path / "mine.parquet")
    (tmp_path / "films.csv").write_text("movieId,title\n1,Heat (1995)\nx,Alien\n")
    options = SourceOptions(movies=tmp_path / "films.csv")
    report = load(open_source(f"file:{tmp_path / 'mine.parquet'}", downloads=tmp_path, options=options), lake)
    assert report.movies_quarantined == 1
    assert lake.scan("quarantine").collect()["table"].to_list() == ["movies"]


def test_each_commit_says_where_its_rows_came_from(lake: Lake, tmp_path: Path) -> None:
    """The history of each table names the source and its fingerprint."""
    ingest(lake, tmp_path, None)
    for table in ("movies", "interactions", "quarantine"):
        [commit] = lake.history(table)
        assert commit.note["source"] == "mine"
        assert len(commit.note["fingerprint"]) == 64


def event(event_id: str, movie_id: int = 1) -> Interaction:
    return Interaction(event_id, "ann", movie_id, Kind.LIKE, None, NOON, "api")


def test_events_that_came_are_looked_for_only_among_those_of_their_time(lake: Lake, tmp_path: Path) -> None:
    """Of a large lake nothing is read that is older than the events: the rows of its oldest file may even be lost."""
    assert load_events([event("e1")._replace(event_time=NOON - timedelta(days=90))], lake) == 1
    [oldest] = (tmp_path / "lake").rglob("*.parquet")
    whole = oldest.read_bytes()
    # What says which times are in it stands at the end; what is before that are the rows.
    end = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    oldest.write_bytes(whole[:4] + bytes(end - 4) + whole[end:])
    assert load_events([event("e2")], lake) == 1
    assert load_events([event("e2"), event("e3")], lake) == 1
    oldest.write_bytes(whole)
    assert lake.scan("interactions").collect()["event_id"].sort().to_list() == ["e1", "e2", "e3"]


def test_events_are_in_the_lake_as_they_were_told(lake: Lake) -> None:
    """To the microsecond, in any zone, with and without a time, a value: each in its own column, and when it came."""
    odd = NOON.astimezone(timezone(timedelta(hours=9))) + timedelta(microseconds=1)
    told = [
        event("e1")._replace(event_time=None),
        Interaction("e2", "bob", 7, Kind.RATING, 3.5, odd, "file"),
        event("e3")._replace(event_time=NOON.replace(year=1969)),
    ]
    before = clock.now()
    assert load_events(told, lake) == 3
    rows = lake.scan("interactions").sort("event_id").collect()
    kept = ["event_id", "user_id", "movie_id", "kind", "value", "event_time", "source"]
    assert rows.select(kept).rows() == [tuple(one._replace(kind=str(one.kind))) for one in told]
    assert all(before <= came <= clock.now() for came in rows["ingested_at"])


def test_events_reach_the_lake_once(lake: Lake) -> None:
    """Promise P1: an event that comes twice, in one batch or in two, is in the lake once."""
    assert load_events([event("e1"), event("e2"), event("e1", movie_id=9)], lake) == 2
    assert load_events([event("e2"), event("e3")], lake) == 1
    assert load_events([event("e3")], lake) == 0
    assert load_events([], lake) == 0
    rows = lake.scan("interactions").sort("event_id").collect()
    assert rows["event_id"].to_list() == ["e1", "e2", "e3"]
    assert rows.row(0)[:6] == ("e1", "ann", 1, "like", None, NOON)
    assert rows["movie_id"].to_list() == [1, 1, 1]
    assert lake.version("interactions") == 1
