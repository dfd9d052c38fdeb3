"""Lists that are made of more than one history, or of films that are given: groups, candidates."""

import secrets
from dataclasses import replace
from functools import partial
from typing import Any

from fastapi import APIRouter

from movie_mlops.serving.answering import Given
from movie_mlops.serving.asks import GroupOut, GroupRequest, RerankOut, RerankRequest, Somebody
from movie_mlops.serving.group import Member, recommend_group
from movie_mlops.serving.looking_up import informed
from movie_mlops.serving.model import Snapshot
from movie_mlops.serving.owning import check_asked
from movie_mlops.serving.recommend import Answer
from movie_mlops.serving.responses import Json
from movie_mlops.serving.routes.recommendations import (
    beginning,
    keep_answer,
    list_history,
    maker,
    next_page,
    read_history,
    said,
)
from movie_mlops.serving.services import Services
from movie_mlops.serving.shapes import ProblemOut
from movie_mlops.serving.shortage import sentences

_REFUSED: dict[int | str, dict[str, Any]] = {422: {"model": ProblemOut}}


def make_router(services: Services) -> APIRouter:
    """Return the routes of groups and candidates."""
    router = APIRouter(prefix="/v1/recommendations", tags=["recommendations"], responses=_REFUSED)

    @router.post("/group", responses={200: {"model": GroupOut}}, summary="One list for several people")
    def for_group(body: GroupRequest) -> Json:
        """Put together what each member would be given; what one of them has seen is seen."""
        check_asked(services.access, [somebody.user_id for somebody in body.members])
        # What a store knows of the members one by one has no part in a list for all; of the films it has.
        wish, snapshot = body.wish(), informed(services.features, services.watcher.snapshot, None)
        members = [_member(services, somebody, place) for place, somebody in enumerate(body.members, start=1)]
        asked = {"members": [_said(somebody) for somebody in body.members], "strategy": body.strategy.value}
        if wish.cursor is not None:
            asked = {**wish.bound(), **asked}
            wish.cursor.check(asked)
        given = recommend_group(
            snapshot,
            [member for member, _ in members],
            body.strategy,
            wish,
            reasons=services.config.reasons,
            rules=services.rules,
        )
        answer = _noted(given.answer, [why for _, why in members])
        nobody = list_history(services, ())
        request = {**wish.document(), **asked}
        kept, recommendation_id = Given(answer, snapshot), secrets.token_hex(16)
        document = beginning(kept, recommendation_id, None)
        document |= {"strategy": body.strategy.value, "members": given.members, "items": given.documents()}
        if wish.cursor is not None:
            document["next"] = next_page(wish, asked, snapshot, answer)
        keep = partial(keep_answer, services, kept, nobody, recommendation_id, user_id=None, request=request)
        return Json(document, afterwards=keep)

    @router.post("/rerank", responses={200: {"model": RerankOut}}, summary="Put given films in order")
    def rerank(body: RerankRequest) -> Json:
        """Put candidates in the order that the released model gives them for somebody, and say which have no place."""
        check_asked(services.access, [body.user_id])
        wish = body.wish()
        member, why = _member(services, body, 1)
        recommendation_id = secrets.token_hex(16)
        make = maker(services, member.history, body.user_id)
        given = services.answering.give(
            services.watcher.snapshot, make, wish, user_id=body.user_id, recommendation_id=recommendation_id
        )
        answer = _noted(given.answer, [why])
        shown = {pick.film.movie_id for pick in answer.picks}
        request = {**wish.document(), "candidates": body.candidates}
        if body.history is not None:
            request["history"] = said(body.history)
        given = replace(given, answer=answer)
        document = beginning(given, recommendation_id, body.user_id)
        document["items"] = [pick.document(rank) for rank, pick in enumerate(answer.picks, start=1)]
        left = (movie_id for movie_id in dict.fromkeys(body.candidates) if movie_id not in shown)
        asked = given.snapshot
        document["unplaced"] = [{"movie_id": movie_id, "reason": _unplaced(asked, movie_id)} for movie_id in left]
        history, user_id = member.history, body.user_id
        keep = partial(keep_answer, services, given, history, recommendation_id, user_id=user_id, request=request)
        return Json(document, afterwards=keep)

    return router


def _member(services: Services, somebody: Somebody, place: int) -> tuple[Member, str | None]:
    """Return a member with their history, and what is wrong with the store of histories."""
    if somebody.user_id is None:
        return Member(f"member {place}", None, list_history(services, somebody.history or ())), None
    history, why = read_history(services, somebody.user_id)
    return Member(somebody.user_id, somebody.user_id, history), why


def _said(somebody: Somebody) -> dict[str, Any]:
    return {"user_id": somebody.user_id} if somebody.history is None else {"history": said(somebody.history)}


def _noted(answer: Answer, whys: list[str | None]) -> Answer:
    """Return the answer with what is wrong with the store of histories, each sentence once."""
    return replace(answer, note=sentences(answer.note, *dict.fromkeys(whys)))


def _unplaced(snapshot: Snapshot, movie_id: int) -> str:
    if snapshot.catalogue.get(movie_id) is None:
        return "The catalogue does not hold it."
    if snapshot.model is not None and movie_id not in snapshot.model.items:
        return "The released model does not know it."
    return "A rule of this server leaves it out."
