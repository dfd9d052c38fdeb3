"""Real releases, from the files beside the project."""

from pathlib import Path

import polars as pl
import pytest

from movie_mlops.ingest import SourceOptions, load, open_source
from movie_mlops.lake import Lake, LakeConfig

pytestmark = pytest.mark.data


def test_ml_latest_small_is_good_to_the_last_row(shared_data: Path, tmp_path: Path) -> None:
    """The whole of ml-latest-small keeps the contract: 100,836 ratings by 610 users, 9,742 films with their links."""
    lake = Lake(LakeConfig(tmp_path))
    report = load(open_source(f"movielens:{shared_data / 'ml-latest-small'}", downloads=tmp_path), lake)
    assert (report.rows_read, report.rows_good, report.rows_new, report.rows_quarantined) == (100836, 100836, 100836, 0)
    assert (report.movies_read, report.movies, report.movies_quarantined) == (9742, 9742, 0)
    assert lake.sql("SELECT count(DISTINCT user_id) FROM interactions").item() == 610
    films = lake.scan("movies").collect()
    assert films.row(0) == (
        1,
        "Toy Story",
        1995,
        ["Adventure", "Animation", "Children", "Comedy", "Fantasy"],
        [],
        None,
        None,
        862,
        "tt0114709",
        [],
        [],
        None,
    )
    assert films.filter(pl.col("movie_id") == 720)["title"].item().startswith("Wallace & Gromit: The Best of")
    assert films.filter(pl.col("title").str.contains(r", (?:The|A|An)$")).height == 0
    assert films["genres"].list.contains("(no genres listed)").any() is False


def test_ml_1m_is_read_from_a_parquet_file_with_missing_times(shared_data: Path, tmp_path: Path) -> None:
    """ML-1M comes in from one Parquet file, 1,000,209 ratings, with the 556,356 times that nobody knows as unknown."""
    lake = Lake(LakeConfig(tmp_path))
    ratings, movies = shared_data / "ml-1m" / "ratings.parquet", shared_data / "ml-1m" / "movies.dat"
    options = SourceOptions(movies=movies, dataset="ml-1m")
    report = load(open_source(f"file:{ratings}", downloads=tmp_path, options=options), lake)
    assert (report.rows_read, report.rows_good, report.rows_quarantined) == (1_000_209, 1_000_209, 0)
    facts = "SELECT count(DISTINCT user_id), count(*) FILTER (event_time IS NULL), min(source) FROM interactions"
    assert lake.sql(facts).rows() == [(6040, 556_356, "ml-1m")]
    assert report.movies == 3883
    assert lake.sql("SELECT title FROM movies WHERE movie_id = 73").item() == "Les Misérables"


@pytest.mark.parametrize(("name", "films"), [("ml-25m-movies.csv", 62_423), ("ml-20m-movies.csv", 27_278)])
def test_whole_catalogues_keep_the_contract(shared_data: Path, tmp_path: Path, name: str, films: int) -> None:
    """The catalogues of ml-25m and ml-20m come in whole: every quote and every year."""
    (tmp_path / "mine.csv").write_text("user,item\na,1\n")
    options = SourceOptions(movies=shared_data / "catalogues" / name)
    report = load(
        open_source(f"file:{tmp_path / 'mine.csv'}", downloads=tmp_path, options=options),
        Lake(LakeConfig(tmp_path / "lake")),
    )
    assert (report.movies_read, report.movies, report.movie_reasons) == (films, films, {})
