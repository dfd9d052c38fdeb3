"""The catalogue of the sample: real films, true facts."""

import csv
import re
from collections import Counter
from pathlib import Path

import polars as pl

from movie_mlops.ingest.sample import read_films

GENRES = {
    "Action",
    "Adventure",
    "Animation",
    "Children",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
}


def test_well_known_films_have_their_facts():
    """Films that everybody can check are there with title, year, genres, directors and language."""
    films = read_films()
    wanted = {"Parasite", "The Godfather", "Spirited Away", "The Matrix", "Pather Panchali"}
    found = films.filter(pl.col("title").is_in(wanted)).select("title", "year", "genres", "directors", "language")
    assert found.rows() == [
        ("Pather Panchali", 1955, ["Drama"], ["Satyajit Ray"], "bn"),
        ("The Godfather", 1972, ["Crime", "Drama"], ["Francis Ford Coppola"], "en"),
        ("The Matrix", 1999, ["Action", "Sci-Fi", "Thriller"], ["Lana Wachowski", "Lilly Wachowski"], "en"),
        ("Spirited Away", 2001, ["Adventure", "Animation", "Fantasy"], ["Hayao Miyazaki"], "ja"),
        ("Parasite", 2019, ["Comedy", "Drama", "Thriller"], ["Bong Joon-ho"], "ko"),
    ]


def test_films_are_numbered_in_order_and_none_comes_twice():
    """Each film has one row; the numbers run from 1 in the order of years."""
    films = read_films()
    assert films["movie_id"].to_list() == list(range(1, films.height + 1))
    assert films["year"].is_sorted()
    assert films.select(pl.col("title").str.to_lowercase(), "year").is_duplicated().sum() == 0


def test_every_fact_is_there_in_the_words_of_the_tables():
    """No fact is missing, genres are MovieLens' words, languages are ISO 639-1 codes."""
    films = read_films()
    assert dict(films.schema) == {
        "movie_id": pl.Int64,
        "title": pl.String,
        "year": pl.Int32,
        "genres": pl.List(pl.String),
        "directors": pl.List(pl.String),
        "language": pl.String,
    }
    assert films.null_count().row(0) == (0,) * 6
    assert set(films["genres"].explode()) == GENRES
    assert films.filter(pl.col("genres").list.n_unique() != pl.col("genres").list.len()).is_empty()
    names = [*films["title"], *films["directors"].explode()]
    assert [name for name in names if not name or name != name.strip() or "|" in name] == []
    assert [code for code in films["language"].unique() if not re.fullmatch("[a-z]{2}", code)] == []


def test_the_catalogue_is_wide():
    """The films come from eleven decades and many countries, among them at least forty Korean ones."""
    films = read_films()
    decades = Counter(year // 10 * 10 for year in films["year"])
    languages = Counter(films["language"])
    assert films.height >= 620
    assert sorted(decades) == list(range(1920, 2030, 10))
    assert min(decades.values()) >= 15
    assert languages["ko"] >= 40
    assert len(languages) >= 30
    assert min(languages[code] for code in ("en", "ja", "fr", "it", "de", "hi", "fa", "zh", "es", "sv", "pt")) >= 10


def test_titles_and_years_agree_with_movielens(shared_data: Path):
    """Nine films in ten of those made before 2019 are in MovieLens' catalogue under the same title and year."""
    with (shared_data / "catalogues" / "ml-25m-movies.csv").open(encoding="utf-8", newline="") as file:
        theirs = {key for row in csv.DictReader(file) for key in _titles_and_years(row["title"])}
    ours = read_films().filter(pl.col("year") < 2019).select("title", "year").rows()
    missing = [film for film in ours if (_plain(film[0]), film[1]) not in theirs]
    assert len(missing) < 0.1 * len(ours), missing


def _titles_and_years(text: str) -> list[tuple[str, int]]:
    match = re.fullmatch(r"(.*?)\s*\((\d{4})\)\s*", text)
    if not match:
        return []
    titles = [re.sub(r"\s*\([^()]*\)", "", match[1]), *re.findall(r"\(([^()]*)\)", match[1])]
    return [(_plain(title), int(match[2])) for title in titles]


def _plain(title: str) -> str:
    title = re.sub(r"^a\.?k\.?a\.? ", "", title.casefold().replace("&", "and"))
    title = re.sub(r"^(the|an?) |, (the|an?)$", "", title)
    return re.sub(r"\W", "", title)
