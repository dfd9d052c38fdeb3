"""The catalogue in memory: search, order of popularity, masks."""

import csv
import re
from pathlib import Path

import polars as pl
import pytest

from movie_mlops.serving import Catalogue, Film
from movie_mlops.serving.folding import title_keys, words

FILMS = [
    Film(1, "Toy Story", 1995, ("Animation",), ("John Lasseter",), likes=9),
    Film(2, "Toy Story 2", 1999, ("Animation",), ("John Lasseter",), likes=30),
    Film(3, "Toys", 1992, ("Comedy",), ("Barry Levinson",), likes=50),
    Film(4, "The Matrix", 1999, ("Action", "Sci-Fi"), ("Lana Wachowski",), likes=40),
    Film(5, "Matrix Reloaded, The", 2003, ("Action",), ("Lana Wachowski",), likes=60),
    Film(6, "Amélie", 2001, ("Comedy",), ("Jean-Pierre Jeunet",), likes=20),
    Film(7, "Schindler's List", 1993, ("Drama",), ("Steven Spielberg",), likes=45),
    Film(8, "괴물", 2006, ("Horror",), ("봉준호",), likes=12),
    Film(9, "Up", None, (), (), likes=1),
]


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue(FILMS)


def found(catalogue: Catalogue, query: str) -> list[int]:
    return [catalogue.films[position].movie_id for position in catalogue.search(query).tolist()]


@pytest.mark.parametrize(
    ("query", "films"),
    [
        ("toy story", [1, 2]),  # the exact title before the more popular one
        ("toy", [2, 1, 3]),  # a whole word before the beginning of one
        ("TOY sto", [2, 1]),
        ("matrix", [4, 5]),  # the whole title, its article aside, before the more popular one
        ("the matrix", [4, 5]),
        ("reloaded matrix", [5]),
        ("amelie", [6]),
        ("AMÉLIE", [6]),
        ("schindlers", [7]),
        ("toy 1999", [2]),
        ("spielberg", [7]),
        ("괴", [8]),
        ("봉준호", [8]),
        ("toy matrix", []),
        ("zzz", []),
        ("!?", []),
    ],
)
def test_search_finds(catalogue: Catalogue, query: str, films: list[int]) -> None:
    """Every word must begin some word of the film; the more exact title comes first, then the more popular film."""
    assert found(catalogue, query) == films


def test_no_query_gives_every_film_by_likes(catalogue: Catalogue) -> None:
    """Without a query come all films, the most liked first."""
    assert found(catalogue, "  ") == [5, 3, 7, 4, 2, 6, 8, 1, 9]


def test_words_fold_case_accents_and_apostrophes() -> None:
    """Text is searched without case, accents and apostrophes."""
    assert words("L'Été à Søren, WALL·E & Ça_2") == ["lete", "a", "soren", "wall", "e", "ca", "2"]


def test_title_keys_put_the_article_aside() -> None:
    """A title is named exactly with its article in front, at the end, or left out."""
    assert title_keys(["matrix", "the"]) == ["matrix the", "matrix", "the matrix"]
    assert title_keys(["the"]) == ["the"]


def test_popularity_is_recent_likes_then_likes_then_id() -> None:
    """Films are popular by their recent likes; all likes, then the id, decide between equals."""
    films = [
        Film(i, str(i), likes=likes, recent_likes=recent)
        for i, likes, recent in [(4, 1, 0), (3, 1, 0), (2, 9, 0), (1, 2, 5)]
    ]
    assert Catalogue(films).movie_ids.tolist() == [1, 2, 3, 4]


def test_masks_by_language_runtime_and_list() -> None:
    """A film of unknown language or length is in no language and of no length; languages are known in any case."""
    films = Catalogue(
        [
            Film(1, "A", language="en", runtime_minutes=90),
            Film(2, "B", language="ko", runtime_minutes=120),
            Film(3, "C"),
        ]
    )

    def ids(mask: object) -> set[int]:
        return set(films.movie_ids[mask].tolist())  # type: ignore[index]

    assert ids(films.language_mask(["KO", "xx"])) == {2}
    assert ids(films.runtime_mask(None, 100)) == {1}
    assert ids(films.runtime_mask(None, None)) == {1, 2}
    assert ids(films.films_mask({3, 1, 99})) == {1, 3}


def test_masks_by_genre_and_year(catalogue: Catalogue) -> None:
    """A genre filter takes any of the genres whatever their case; a film without a year is in no span of years."""

    def ids(mask: object) -> set[int]:
        return set(catalogue.movie_ids[mask].tolist())  # type: ignore[index]

    assert ids(catalogue.genre_mask(["comedy", "SCI-FI", "Nonsense"])) == {3, 4, 6}
    assert ids(catalogue.year_mask(1999, 2001)) == {2, 4, 6}
    assert ids(catalogue.year_mask(None, 1993)) == {3, 7}
    assert ids(catalogue.year_mask(2003, None)) == {5, 8}
    assert ids(catalogue.year_mask(None, None)) == set(range(1, 9))


def test_from_frames_joins_facts_and_features() -> None:
    """The catalogue is made of the films of the lake and, where there are any, their features."""
    movies = pl.DataFrame(
        {
            "movie_id": [1, 2],
            "title": ["Heat", "Up"],
            "year": [1995, None],
            "genres": [["Crime"], None],
            "directors": [None, []],
            "language": ["en", None],
            "runtime_minutes": [170, None],
            "series": ["Mann", None],
        },
        schema_overrides={"genres": pl.List(pl.String), "directors": pl.List(pl.String), "year": pl.Int32},
    )
    features = pl.DataFrame({"movie_id": [1], "likes_all": [7], "likes_30d": [3], "rating_mean": [4.25]})
    catalogue = Catalogue.from_frames(movies, features)
    assert catalogue.get(1) == Film(1, "Heat", 1995, ("Crime",), (), "en", 7, 3, 4.25, 170, "Mann")
    assert catalogue.get(2) == Film(2, "Up")
    assert catalogue.get(3) is None
    assert len(Catalogue.from_frames(movies)) == 2


def test_search_over_a_real_catalogue(shared_data: Path) -> None:
    """Among 62,423 real titles the ones that are meant come first."""
    films = []
    with (shared_data / "catalogues" / "ml-25m-movies.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            match = re.fullmatch(r"(.*) \((\d{4})\)", row["title"].strip())
            title, year = (match[1], int(match[2])) if match else (row["title"], None)
            films.append(Film(int(row["movieId"]), title, year, tuple(row["genres"].split("|"))))
    catalogue = Catalogue(films)
    assert len(catalogue) == 62_423
    for query, first in [("toy story", 1), ("the matrix", 2571), ("amelie poulain", 4973), ("heat 1995", 6)]:
        assert found(catalogue, query)[0] == first
