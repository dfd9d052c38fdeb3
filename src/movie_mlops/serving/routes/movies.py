"""Films: search, one film, films like it, genres."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query

from movie_mlops.serving.asks import SearchQuery, SimilarQuery
from movie_mlops.serving.catalogue import Catalogue, Film
from movie_mlops.serving.errors import NoReleaseError, UnknownFilmError
from movie_mlops.serving.reading import read_ids
from movie_mlops.serving.responses import Json
from movie_mlops.serving.search import Found
from movie_mlops.serving.services import Services
from movie_mlops.serving.shapes import (
    LONGEST_QUERY,
    FilmOut,
    GenresOut,
    MoviesOut,
    ProblemOut,
    SimilarOut,
)
from movie_mlops.serving.similar import like, why_not
from movie_mlops.serving.wishes import Filters

_NEAR: Final = 3
_MovieIdPath = Annotated[str, Path(max_length=LONGEST_QUERY, description="The film's id.", examples=["1"])]
_NOT_FOUND: dict[int | str, dict[str, Any]] = {404: {"model": ProblemOut}}


def make_router(services: Services) -> APIRouter:
    """Return the routes of films."""
    router = APIRouter(prefix="/v1", tags=["films"])

    @router.get("/movies", responses={200: {"model": MoviesOut}}, summary="Search films")
    async def movies(asked: Annotated[SearchQuery, Query()]) -> Json:
        """Find films whose title, year or directors hold every word; without a query, the most liked films.

        Where no film has a word as it is written, the nearest known word stands for it, and `corrected` says so.
        """
        catalogue = services.watcher.snapshot.catalogue
        filters = asked.filters()
        found = catalogue.find(asked.query)
        mask = filters.mask(catalogue)
        passing = found.films if mask is None else found.films[mask[found.films]]
        page = passing[asked.offset : asked.offset + asked.k].tolist()
        note = _note(catalogue, found, filters, len(passing))
        items = [catalogue.films[position].document() for position in page]
        return Json({"total": len(passing), "items": items, "corrected": found.corrected, "note": note})

    @router.get("/movies/{movie_id}", responses={200: {"model": FilmOut}, **_NOT_FOUND}, summary="One film")
    async def movie(movie_id: _MovieIdPath) -> Json:
        """Return what is known about a film."""
        return Json(_film(services.watcher.snapshot.catalogue, movie_id).document())

    @router.get(
        "/movies/{movie_id}/similar", responses={200: {"model": SimilarOut}, **_NOT_FOUND}, summary="Films like it"
    )
    def similar(movie_id: _MovieIdPath, asked: Annotated[SimilarQuery, Query()]) -> Json:
        """Return the films that the released model finds most like one film, each with what the two have in common."""
        snapshot = services.watcher.snapshot
        film = _film(snapshot.catalogue, movie_id)
        if snapshot.model is None:
            raise NoReleaseError(
                "No release is loaded, and films are compared by the released model.",
                next_step="Ask again in a moment; GET /readyz tells what is missing.",
            )
        filters = asked.filters()
        picks = like(
            snapshot.catalogue, snapshot.model, film, k=asked.k, filters=filters, without=set(read_ids(asked.exclude))
        )
        items = [pick.document(rank) for rank, pick in enumerate(picks, start=1)]
        note = None if picks else why_not(snapshot.catalogue, snapshot.model, film, filters)
        return Json({"movie_id": film.movie_id, "items": items, "note": note})

    @router.get("/genres", responses={200: {"model": GenresOut}}, summary="Every genre")
    async def genres() -> Json:
        """Return every genre that a film has, in alphabetical order."""
        return Json({"genres": services.watcher.snapshot.catalogue.genres})

    return router


def _film(catalogue: Catalogue, movie_id: str) -> Film:
    film = catalogue.get(int(movie_id)) if movie_id.isascii() and movie_id.isdigit() else None
    if film is not None:
        return film
    near = [catalogue.films[position] for position in catalogue.search(movie_id)[:_NEAR].tolist()]
    named = ", ".join(f"{film.movie_id} ({film.title})" for film in near)
    hint = f"Near in title: {named}." if near else "Search for its title with GET /v1/movies?query=…"
    raise UnknownFilmError(
        f"There is no film with the id '{movie_id}'.",
        next_step=hint,
        extra={"near": [{"movie_id": film.movie_id, "title": film.title} for film in near]},
    )


def _note(catalogue: Catalogue, found: Found, filters: Filters, passing: int) -> str | None:
    """Say why no film was found, or by which words those were that are shown."""
    if passing:
        return (
            None
            if found.corrected is None
            else f"No film has these words as they are written; '{found.corrected}' has."
        )
    if not len(found.films):
        return "No film has these words, nor any like them."
    unknown = filters.unknown_genres(catalogue)
    which = f"; there is no genre '{unknown[0]}'" if unknown else ""
    return f"No film is left after the filters{which}."
