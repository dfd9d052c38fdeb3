"""Recommendations, for a user and for a list of films."""

import logging
import math
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from movie_mlops.core import clock
from movie_mlops.core.errors import MovieMlopsError
from movie_mlops.core.tracing import span
from movie_mlops.features import FeatureError, FeedbackConfig, History
from movie_mlops.serving.answering import Given, Make
from movie_mlops.serving.asks import ListQuery, RecommendationRequest
from movie_mlops.serving.impressions import Impression
from movie_mlops.serving.looking_up import informed
from movie_mlops.serving.model import Snapshot
from movie_mlops.serving.personal import NO_USE, Traits, read_traits
from movie_mlops.serving.recommend import Answer, Source, recommend
from movie_mlops.serving.responses import Json
from movie_mlops.serving.served import sampled, take
from movie_mlops.serving.services import Services
from movie_mlops.serving.shapes import HistoryOut, ProblemOut, RecommendationOut, UserId
from movie_mlops.serving.sound import Word, read_list
from movie_mlops.serving.wishes import Wish
from movie_mlops.state import StateError

_LOG: Final = logging.getLogger("movie_mlops.serving.recommendations")
_UNTOLD: Final[Mapping[str, str | int]] = {}
_NOTHING: Final = History.of((), FeedbackConfig())
_RESPONSES: dict[int | str, dict[str, Any]] = {200: {"model": RecommendationOut}, 422: {"model": ProblemOut}}


def make_router(services: Services) -> APIRouter:
    """Return the routes of recommendations and histories."""
    router = APIRouter(prefix="/v1", tags=["recommendations"])

    # Scoring takes less time than handing it to another thread, so it is done right here; arranging takes longer.
    @router.get("/users/{user_id:path}/recommendations", responses=_RESPONSES, summary="Recommendations for a user")
    async def for_user(request: Request, user_id: UserId, query: Annotated[ListQuery, Query()]) -> Json:
        """Score every film with the released model from what the user did up to this moment."""
        wish = query.wish()
        services.read_before.keep(request.scope, wish)
        answer = partial(answer_user, services, user_id, wish)
        return answer() if wish.plain else await run_in_threadpool(answer)

    @router.post("/recommendations", responses=_RESPONSES, summary="Recommendations for a list of films")
    async def for_list(body: RecommendationRequest) -> Json:
        """Do the same for somebody without an account.

        Nothing of the list is stored but with the answer itself, and of traits only which were told.
        """
        wish = body.wish()
        history = list_history(services, body.history)
        answer = partial(_answer, services, history, wish, words=body.history, traits=body.traits)
        return answer() if wish.plain else await run_in_threadpool(answer)

    @router.get("/users/{user_id:path}/history", responses={200: {"model": HistoryOut}}, summary="What a user met")
    async def history(user_id: UserId) -> Json:
        """Return the films of a user's history, the newest first; none for somebody unknown."""
        films = services.watcher.snapshot.catalogue
        words = services.histories.read(user_id)
        items = [
            {**film.document(), **word}
            for movie_id, word in zip(words.movie_ids.tolist(), _said(words), strict=True)
            if (film := films.get(movie_id)) is not None
        ]
        unknown = len(words) - len(items)
        return Json({"user_id": user_id, "items": items[::-1], "unknown_films": unknown})

    return router


def _said(words: History) -> Iterator[dict[str, Any]]:
    """Yield what was said of each film, in the API's shape."""
    for kind, value, weight, time in zip(
        words.kinds, words.values.tolist(), words.weights.tolist(), words.times.tolist(), strict=True
    ):
        yield {
            "kind": kind.value,
            "value": None if math.isnan(value) else value,
            "weight": weight,
            "liked": weight > 0,
            "event_time": None if time < 0 else clock.to_iso(clock.from_unix(time)),
        }


def answer_user(services: Services, user_id: str, wish: Wish) -> Json:
    """Return the list that a user wishes."""
    history, why = read_history(services, user_id)
    return _answer(services, history, wish, user_id=user_id, why=why)


async def take_at_once(services: Services, body: bytes) -> Json | None:
    """Answer a list of films in the usual words, past the framework; ``None``: what else there is to say is said there.

    Args:
        services: The stores.
        body: The body of the request.
    """
    read = read_list(body)
    if read is None:
        return None
    words, wish = read
    try:
        return _answer(services, list_history(services, words), wish, words=words)
    except MovieMlopsError:
        return None


def list_history(services: Services, words: Iterable[Word]) -> History:
    """Return the history of somebody without an account."""
    return History.of(((word.movie_id, word.kind, word.value) for word in words), services.feedback)


def said(words: Iterable[Word]) -> list[dict[str, Any]]:
    """Return the words of a list as plain data."""
    return [{"movie_id": word.movie_id, "kind": word.kind, "value": word.value} for word in words]


def read_history(services: Services, user_id: str) -> tuple[History, str | None]:
    """Return a user's history, and what an answer from it should say of the store; nobody else's, whatever happens."""
    try:
        history = services.histories.read(user_id)
    except (FeatureError, StateError) as error:
        _LOG.error("the history of a user cannot be read: %s", error)
        services.metrics.degraded("history")
        return _NOTHING, "Your history cannot be read at the moment, so nothing here is personal, nor left out as seen."
    if services.histories.degraded is not None:
        services.metrics.degraded("redis")
        return history, "A cache is away, so this answer came from the record."
    return history, None


def _answer(
    services: Services,
    history: History,
    wish: Wish,
    *,
    user_id: str | None = None,
    words: Sequence[Word] | None = None,
    why: str | None = None,
    traits: Mapping[str, str | int] = _UNTOLD,
) -> Json:
    """Return an answer; ``words`` are those that somebody without an account said."""
    asked: dict[str, Any] = {}
    if wish.cursor is not None:
        asked = {**wish.bound(), "user_id": user_id, "history": None if words is None else said(words)}
        if traits:
            asked["traits"] = dict(traits)
        wish.cursor.check(asked)
    snapshot = services.watcher.snapshot
    read = read_traits(snapshot, traits)
    if read is None and traits and snapshot.model is not None:
        why = NO_USE
    recommendation_id = secrets.token_hex(16)
    given = services.answering.give(
        snapshot,
        maker(services, history, user_id, read),
        wish,
        user_id=user_id,
        recommendation_id=recommendation_id,
    )
    if why is not None:
        # Where the history is missing, its absence is the reason for everything else.
        note = why if history is _NOTHING else " ".join(filter(None, [given.answer.note, why]))
        given = replace(given, answer=replace(given.answer, note=note))
    document = beginning(given, recommendation_id, user_id)
    document["items"] = [pick.document(rank) for rank, pick in enumerate(given.answer.picks, start=1)]
    if wish.cursor is not None:
        document["next"] = next_page(wish, asked, given.snapshot, given.answer)

    def keep() -> None:
        request = wish.document()
        if words is not None:
            request["history"] = said(words)
        if read is not None:
            # Which were told, and not what they are. Every name is one that the model knows.
            request["traits"] = sorted(traits)
        keep_answer(services, given, history, recommendation_id, user_id=user_id, request=request)

    return Json(document, afterwards=keep)


def maker(services: Services, history: History, user_id: str | None, traits: Traits | None = None) -> Make:
    """Return what gives the answer of a snapshot to a wish.

    Args:
        services: The stores.
        history: What was met.
        user_id: By whom; ``None`` for somebody without an account.
        traits: Which of the model's traits they have, where some were told.
    """

    def make(snapshot: Snapshot, wish: Wish) -> Answer:
        snapshot = informed(services.features, snapshot, user_id)
        work = partial(_scored, services, snapshot, history, wish, traits)
        # Users alone come back with the history that they had. What is made from traits is kept nowhere.
        return work() if user_id is None or traits is not None else services.repeats.of(snapshot, history, wish, work)

    return make


def _scored(services: Services, snapshot: Snapshot, history: History, wish: Wish, traits: Traits | None) -> Answer:
    with span("model score") as scoring:
        found = recommend(snapshot, history, wish, reasons=services.config.reasons, rules=services.rules, traits=traits)
        if scoring is not None:
            model = "none" if snapshot.model is None else snapshot.model.release.model
            scoring.tell({"movie_mlops.source": found.source.value, "movie_mlops.model": model})
    return found


def beginning(given: Given, recommendation_id: str, user_id: str | None) -> dict[str, Any]:
    """Return an answer in the API's shape, without its films.

    Args:
        given: The list, and how it came about.
        recommendation_id: Its id.
        user_id: Who asked; ``None`` for somebody without an account.
    """
    snapshot, answer = given.snapshot, given.answer
    document: dict[str, Any] = {
        "recommendation_id": recommendation_id,
        "user_id": user_id,
        "source": answer.source.value,
        "release": None if snapshot.model is None else snapshot.model.document(),
        "note": answer.note,
    }
    if given.exposures:
        document["experiments"] = [exposure.document() for exposure in given.exposures]
    return document


def keep_answer(
    services: Services,
    given: Given,
    history: History,
    recommendation_id: str,
    *,
    user_id: str | None,
    request: dict[str, Any],
) -> None:
    """Count an answer and have it kept: once it is on its way, for nobody needs to wait for that.

    Args:
        services: The stores.
        given: The list, and how it came about.
        history: What it was made from.
        recommendation_id: Its id.
        user_id: Who asked; ``None`` for somebody without an account.
        request: What was asked, as plain data.
    """
    answer = given.answer
    services.metrics.answer(answer.source.value)
    # A history that could not be read says nothing of its user.
    met = None if user_id is None or history is _NOTHING else len(history)
    services.metrics.lately.note(answer.picks, personalised=answer.source is Source.PERSONALISED, met=met)
    impression = _impression(given, history, recommendation_id, user_id, request)
    if user_id is not None and history is not _NOTHING:
        impression = _with_served(services, impression, history, user_id)
    services.impressions.keep(impression)


def next_page(wish: Wish, asked: Mapping[str, Any], snapshot: Snapshot, answer: Answer) -> str | None:
    """Return the cursor of the next page; ``None`` where this one is the last."""
    if wish.cursor is None or len(answer.picks) < wish.k:
        return None
    release_id = None if snapshot.model is None else snapshot.model.release.release_id
    after = wish.cursor.after(asked, release_id, (pick.film.movie_id for pick in answer.picks))
    return None if after is None else after.write()


def _with_served(services: Services, impression: Impression, history: History, user_id: str) -> Impression:
    """Return an impression with what it was made from, where it is one of the sample."""
    name = impression.recommendation_id
    if services.features is None or not sampled(name, services.config.served_every):
        return impression
    films = [movie_id for movie_id, _ in impression.items]
    return replace(impression, served=take(services.features, history, user_id, name, films))


def _impression(
    given: Given, history: History, recommendation_id: str, user_id: str | None, request: dict[str, Any]
) -> Impression:
    release = None if given.snapshot.model is None else given.snapshot.model.release
    return Impression(
        recommendation_id=recommendation_id,
        at=clock.now(),
        user_id=user_id,
        release_id=None if release is None else release.release_id,
        source=given.answer.source.value,
        items=[(pick.film.movie_id, pick.score) for pick in given.answer.picks],
        request=request,
        bundle_id=None if release is None else release.bundle_id,
        stamp=history.stamp,
        exposures=given.exposures,
        propensities=given.propensities,
        policy=given.policy,
    )
