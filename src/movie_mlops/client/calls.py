"""The requests of the API: what is sent where, and what comes back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar, Unpack
from urllib.parse import quote

from movie_mlops.client.shapes import (
    Appended,
    Event,
    Film,
    FilmFilters,
    Found,
    Genres,
    GroupRecommendations,
    History,
    HistoryWord,
    Passport,
    Recommendations,
    Reranked,
    RerankWishes,
    Similar,
    Somebody,
    Strategy,
    Wishes,
)
from movie_mlops.core.identifiers import time_ordered_id

T = TypeVar("T")

START: Final = "start"
"""The cursor of the first of several pages."""


@dataclass(frozen=True)
class Call(Generic[T]):
    """A request whose answer is a ``T``.

    Attributes:
        method: The HTTP method.
        path: The path, percent-encoded.
        query: The parameters of the address.
        body: The JSON body; ``None`` for none.
    """

    method: str
    path: str
    query: Mapping[str, str]
    body: Any = None


def recommend(user_id: str, **wishes: Unpack[Wishes]) -> Call[Recommendations]:
    """Return films for a user."""
    return Call("GET", f"/v1/users/{_part(user_id)}/recommendations", _query(wishes))


def recommend_for(
    history: Sequence[HistoryWord], *, traits: Mapping[str, str | int] | None = None, **wishes: Unpack[Wishes]
) -> Call[Recommendations]:
    """Return films for somebody without an account, who met these films and has these traits, as of age and gender."""
    told = {"traits": dict(traits)} if traits else {}
    return Call("POST", "/v1/recommendations", {}, {**wishes, **told, "history": list(history)})


def recommend_group(
    members: Sequence[Somebody], strategy: Strategy = "average", **wishes: Unpack[Wishes]
) -> Call[GroupRecommendations]:
    """Return one list for several people."""
    body = {**wishes, "members": list(members), "strategy": strategy}
    return Call("POST", "/v1/recommendations/group", {}, body)


def rerank(who: Somebody, candidates: Sequence[int], **wishes: Unpack[RerankWishes]) -> Call[Reranked]:
    """Return candidates in the order that fits somebody."""
    return Call("POST", "/v1/recommendations/rerank", {}, {**wishes, **who, "candidates": list(candidates)})


def passport(recommendation_id: str) -> Call[Passport]:
    """Return everything behind a list."""
    return Call("GET", f"/v1/recommendations/{_part(recommendation_id)}/passport", {})


def history(user_id: str) -> Call[History]:
    """Return what a user met, the newest first."""
    return Call("GET", f"/v1/users/{_part(user_id)}/history", {})


def send(*events: Event) -> Call[Appended]:
    """Record events, all or none; the next answer reflects them.

    Each has an id of its own, so that one that is sent again counts once.
    """
    named = [{"event_id": time_ordered_id(), **event} for event in events]
    return Call("POST", "/v1/events", {}, {"events": named})


def search(query: str = "", *, offset: int = 0, **filters: Unpack[FilmFilters]) -> Call[Found]:
    """Return films by title, director or year."""
    return Call("GET", "/v1/movies", {"query": query, "offset": str(offset), **_query(filters)})


def movie(movie_id: int) -> Call[Film]:
    """Return a film."""
    return Call("GET", f"/v1/movies/{movie_id}", {})


def similar(movie_id: int, *, exclude: Sequence[int] = (), **filters: Unpack[FilmFilters]) -> Call[Similar]:
    """Return films like one film, each with what the two have in common."""
    chosen = {"exclude": _text(list(exclude))} if exclude else {}
    return Call("GET", f"/v1/movies/{movie_id}/similar", {**_query(filters), **chosen})


def genres() -> Call[Genres]:
    """Return every genre."""
    return Call("GET", "/v1/genres", {})


def _part(name: str) -> str:
    """Return a name as one part of a path; one of dots alone would mean another place."""
    return quote(name, safe="") if name.strip(".") else name.replace(".", "%2E")


_NAMES: Final = {"languages": "language", "boosts": "boost", "pins": "pin"}
"""What lists are called in an address, where it is not the same as in a body."""


def _query(wishes: Mapping[str, Any]) -> dict[str, str]:
    return {_NAMES.get(name, name): _text(value) for name, value in wishes.items()}


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(_boost(one) if isinstance(one, dict) else str(one) for one in value)
    return str(value)


def _boost(boost: Mapping[str, Any]) -> str:
    """Return a boost as an address says it: of one kind of film."""
    kinds = [name for name in ("genre", "language", "years", "movies") if name in boost]
    if len(kinds) != 1:
        message = (
            f"the boost {dict(boost)} names {len(kinds)} kinds of films: in an address it names one; use recommend_for"
        )
        raise ValueError(message)
    what = boost[kinds[0]]
    if kinds[0] == "movies":
        return ",".join(f"movie:{movie_id}:{boost['by']:g}" for movie_id in what)
    return f"{kinds[0]}:{what}:{boost['by']:g}"
