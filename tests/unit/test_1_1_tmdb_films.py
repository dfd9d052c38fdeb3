"""From TMDB's answers to facts: what is read, and what is refused."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from movie_mlops.ingest.tmdb.client import Answer
from movie_mlops.ingest.tmdb.films import Film, read_film
from movie_mlops.ingest.tmdb.shapes import Genres, Listed, Refusal, Sheet, read
from tests.fixtures.stage_1.tmdb import film

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def tell(payload: Any, tmdb_id: int = 7) -> Film | Refusal:
    return read_film(tmdb_id, Answer(payload, json.dumps(payload)), cast_size=2, now=NOW)


def test_a_film_is_read_into_the_lake_s_words() -> None:
    """Directors come from the crew, the cast in billing order, keywords sorted, genres by the lake's names."""
    assert tell(film(7)) == Film(
        tmdb_id=7,
        imdb_id="tt0000007",
        title="Film 7",
        year=1999,
        genres=["Drama", "Sci-Fi"],
        directors=["Di Rector 7"],
        language="ko",
        runtime_minutes=107,
        keywords=["grief", "moon"],
        cast=["Al First", "Bo Second"],
    )


def test_what_tmdb_does_not_know_is_unknown() -> None:
    """Zero minutes, an empty date, no identifier and no language are unknown, not facts; blank names are nobody."""
    blank = {"cast": [{"name": " ", "order": 0}], "crew": [{"name": "", "job": "Director"}]}
    told = tell(film(7, runtime=0, release_date="", imdb_id="", original_language="xx", genres=[], credits=blank))
    assert isinstance(told, Film)
    assert (told.runtime_minutes, told.year, told.imdb_id, told.language) == (None, None, None, None)
    assert (told.genres, told.cast, told.directors) == ([], [], [])
    assert tell(film(7, runtime=None, release_date=None, imdb_id=None)).year is None  # type: ignore[union-attr]


def test_a_film_tells_its_series() -> None:
    """The collection that a film belongs to is its series; a film of none, or of one without a name, has none."""
    for collection, series in (({"id": 86311, "name": " The Alien Saga "}, "The Alien Saga"), ({"name": " "}, None)):
        told = tell(film(7, belongs_to_collection=collection))
        assert isinstance(told, Film)
        assert told.series == series
    assert tell(without("belongs_to_collection")) == tell(film(7))
    assert isinstance(tell(film(7, belongs_to_collection=7)), Refusal)


def test_a_film_survives_the_journal() -> None:
    """What is written to the journal comes back the same, also what was written before films told their series."""
    told = tell(film(7))
    assert isinstance(told, Film)
    assert Film.from_json(told.to_json()) == told
    older = {name: value for name, value in json.loads(told.to_json()).items() if name != "series"}
    assert Film.from_json(json.dumps(older)) == told
    refused = tell({})
    assert isinstance(refused, Refusal)
    assert Refusal.from_json(refused.to_json()) == refused


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in film(7).items() if key != name}


@pytest.mark.parametrize(
    ("payload", "reason", "detail"),
    [
        (without("runtime"), "missing-field", "runtime is missing"),
        (without("credits"), "missing-field", "credits is missing"),
        ({**without("runtime"), "run_time": 107}, "missing-field", "runtime is missing"),
        (film(7, runtime="107"), "bad-field", "runtime is '107'"),
        (film(7, runtime=True), "bad-field", "runtime is True"),
        (film(7, runtime=-1), "bad-field", "runtime is -1"),
        (film(7, title=" "), "bad-field", "title is ' '"),
        (film(7, title="\ud800"), "bad-field", "title is '\\ud800'"),
        (film(7, title=["Film 7"]), "bad-field", "title is ['Film 7']"),
        (film(7, imdb_id="nm0000007"), "bad-field", "imdb_id"),
        (film(7, release_date="15.10.1999"), "bad-field", "release_date"),
        (film(7, original_language="Korean"), "bad-field", "original_language"),
        (film(7, genres=["Drama"]), "bad-field", "genres.0"),
        (film(7, keywords=[{"name": "moon"}]), "bad-field", "keywords"),
        (film(7, keywords={"results": []}), "missing-field", "keywords.keywords is missing"),
        (film(7, credits={"cast": [{"name": "Al"}], "crew": []}), "missing-field", "credits.cast.0.order is missing"),
        (film(7, id="7"), "bad-field", "id is '7'"),
        (film(8), "wrong-film", "film 8 came for film 7"),
        (film(7, release_date="0001-01-01"), "year-out-of-range", "0001-01-01"),
        (film(7, release_date="2999-01-01"), "year-out-of-range", "2999-01-01"),
        ([], "bad-field", "the answer is []"),
        ("Film 7", "bad-field", "the answer is 'Film 7'"),
    ],
)
def test_a_changed_shape_is_refused_with_its_place(payload: Any, reason: str, detail: str) -> None:
    """A field that is missing, renamed or of another type refuses the film; it is never guessed."""
    told = tell(payload)
    assert isinstance(told, Refusal)
    assert (told.place, told.line, told.reason) == ("tmdb:movie/7", 1, reason)
    assert detail in told.detail
    assert len(told.detail) < 250
    assert told.raw == json.dumps(payload)


def test_fields_that_nobody_reads_may_change() -> None:
    """Only what is used is checked: a new or odd field elsewhere costs no film."""
    assert isinstance(tell(film(7, popularity="high", budget=None, brand_new={"a": 1})), Film)


def test_the_real_shapes_are_read(shared_data: Path) -> None:
    """Answers as the service really gives them are read: a film, lists, changes, genres."""

    def real(name: str) -> Answer:
        text = (shared_data / "tmdb" / f"{name}.json").read_text(encoding="utf-8")
        return Answer(json.loads(text), text)

    whole = real("movies/details_with_append_to_response")
    told = read_film(12313, whole, cast_size=3, now=NOW)
    assert isinstance(told, Film)
    assert (told.title, told.year, told.language, told.runtime_minutes) == ("Rock Crystal", 2004, "de", 92)
    assert (told.directors, told.keywords) == (["Joseph Vilsmaier"], ["mountain village"])
    assert told.cast[0] == "Dana Vávrová"
    parts = {"credits": real("movies/credits").data, "keywords": real("movies/keywords").data}
    told = read_film(550, Answer(real("movies/details").data | parts, ""), cast_size=3, now=NOW)
    assert isinstance(told, Film)
    assert (told.directors, len(told.keywords)) == (["David Fincher"], 15)
    for name, rows in (("movie_lists/popular", 20), ("discover/movies", 20), ("changes/movie_list", 100)):
        sheet = read(Sheet, real(name).data, place=name, raw="")
        assert isinstance(sheet, Sheet)
        assert [isinstance(read(Listed, row, place=name, raw=""), Listed) for row in sheet.results] == [True] * rows
    assert isinstance(read(Genres, real("genres/movie_list").data, place="", raw=""), Genres)
    assert read_film(550, real("movies/details"), cast_size=3, now=NOW).detail == "credits is missing"  # type: ignore[union-attr]
