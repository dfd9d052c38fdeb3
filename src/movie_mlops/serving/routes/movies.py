"""Films: search, one film, films like it, genres."""

from typing import Annotated, Any, Final

import numpy as np
from fastapi import APIRouter, Path, Query
from numpy.typing import NDArray

from movie_mlops.serving.catalogue import Catalogue, Film
from movie_mlops.serving.errors import NoReleaseError, NotSupportedError, UnknownFilmError
from movie_mlops.serving.model import ServingModel
from movie_mlops.serving.recommend import Pick
from movie_mlops.serving.responses import Json
from movie_mlops.serving.services import Services
from movie_mlops.serving.shapes import (
    LONGEST_QUERY,
    MOST_PICKS,
    FilmOut,
    GenresOut,
    MoviesOut,
    ProblemOut,
    SimilarOut,
)
from movie_mlops.serving.wishes import Filters, read_genres, read_years

_NEAR: Final = 3
_LARGEST_OFFSET: Final = 10_000_000
_MovieIdPath = Annotated[str, Path(max_length=LONGEST_QUERY, description="The film's id.", examples=["1"])]
_NOT_FOUND: dict[int | str, dict[str, Any]] = {404: {"model": ProblemOut}}


def make_router(services: Services) -> APIRouter:
    """Return the routes of films."""
    router = APIRouter(prefix="/v1", tags=["films"])

    @router.get("/movies", responses={200: {"model": MoviesOut}}, summary="Search films")
    async def movies(
        query: Annotated[str, Query(max_length=LONGEST_QUERY, description="Beginnings of words.")] = "",
        genres: Annotated[str | None, Query(description="At least one of these.", examples=["Comedy,Drama"])] = None,
        years: Annotated[str | None, Query(description="1994, 1990-1999, 1990-, -1999.")] = None,
        k: Annotated[int, Query(ge=1, le=MOST_PICKS, description="How many films.")] = 24,
        offset: Annotated[int, Query(ge=0, le=_LARGEST_OFFSET, description="How many to skip.")] = 0,
    ) -> Json:
        """Find films whose title, year or directors hold every word; without a query, the most liked films."""
        catalogue = services.watcher.snapshot.catalogue
        filters = Filters(read_genres(genres), read_years(years))
        found = catalogue.search(query)
        mask = filters.mask(catalogue)
        passing = found if mask is None else found[mask[found]]
        page = passing[offset : offset + k].tolist()
        note = None if len(passing) else _nothing(catalogue, query, found, filters)
        items = [catalogue.films[position].document() for position in page]
        return Json({"total": len(passing), "items": items, "note": note})

    @router.get("/movies/{movie_id}", responses={200: {"model": FilmOut}, **_NOT_FOUND}, summary="One film")
    async def movie(movie_id: _MovieIdPath) -> Json:
        """Return what is known about a film."""
        return Json(_film(services.watcher.snapshot.catalogue, movie_id).document())

    @router.get(
        "/movies/{movie_id}/similar", responses={200: {"model": SimilarOut}, **_NOT_FOUND}, summary="Films like it"
    )
    def similar(
        movie_id: _MovieIdPath, k: Annotated[int, Query(ge=1, le=MOST_PICKS, description="How many films.")] = 10
    ) -> Json:
        """Return the films that the released model finds most like one film."""
        snapshot = services.watcher.snapshot
        film = _film(snapshot.catalogue, movie_id)
        if snapshot.model is None:
            raise NoReleaseError(
                "No release is loaded, and films are compared by the released model.",
                next_step="Ask again in a moment; GET /readyz tells what is missing.",
            )
        picks = _similar(snapshot.catalogue, snapshot.model, film, k)
        items = [pick.document(rank) for rank, pick in enumerate(picks, start=1)]
        note = None if picks else f"The released model knows nothing like {film.title}."
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


def _similar(catalogue: Catalogue, model: ServingModel, film: Film, k: int) -> list[Pick]:
    if not model.recommender.capabilities.similar:
        raise NotSupportedError(
            f"The released model ({model.release.model}) does not compare films.",
            next_step="Release a model that does, such as edlae.",
        )
    item = model.items.get(film.movie_id)
    if item is None:
        return []
    # A model may have films that the catalogue does not hold any more: they are asked for as well, and left out.
    unlisted = int(np.count_nonzero(model.positions < 0))
    others, similarities = model.recommender.similar(item, k + unlisted)
    listed = np.flatnonzero(model.positions[others] >= 0)[:k]
    positions = model.positions[others[listed]].tolist()
    return [
        Pick(catalogue.films[position], similarity)
        for position, similarity in zip(positions, similarities[listed].tolist(), strict=True)
    ]


def _nothing(catalogue: Catalogue, query: str, found: NDArray[np.int64], filters: Filters) -> str:
    """Say why no film was found."""
    if len(found):
        unknown = filters.unknown_genres(catalogue)
        which = f"; there is no genre '{unknown[0]}'" if unknown else ""
        return f"No film is left after the filters{which}."
    spelling = catalogue.spelling(query)
    hint = f" Did you mean '{spelling}'?" if spelling else ""
    return f"No film has these words.{hint}"
