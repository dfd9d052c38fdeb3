"""One list for several people: what each of them would be given, brought to one scale and put together.

Strategies (Masthoff, *Group recommender systems*, 2015): ``average`` takes the mean; ``least-misery`` the lowest, so
that nobody gets what they would hate; ``fairness`` fills the list place by place with the film that does the most for
whoever has got the least so far.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from movie_mlops.features import History
from movie_mlops.serving.model import Snapshot
from movie_mlops.serving.reasons import reasons_for
from movie_mlops.serving.recommend import Answer, Pick, answer
from movie_mlops.serving.rules import NO_RULES, RuleBook
from movie_mlops.serving.scoring import Scored, Source, likes_nothing, popular, score
from movie_mlops.serving.wishes import Wish


class Strategy(StrEnum):
    """How several tastes become one list."""

    AVERAGE = "average"
    LEAST_MISERY = "least-misery"
    FAIRNESS = "fairness"


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody of a group.

    Attributes:
        name: The user's id, or which member it is.
        user_id: The user; ``None`` for a list of films.
        history: What they met.
    """

    name: str
    user_id: str | None
    history: History


@dataclass(frozen=True, slots=True)
class GroupAnswer:
    """A list for a group.

    Attributes:
        answer: The list; its source is ``popular`` where nobody's history had a part in it.
        members: For each member whether they had a part in it, and where not why.
        fits: For each film, for each member with a part, the share of all films that fits them less well.
    """

    answer: Answer
    members: tuple[dict[str, Any], ...]
    fits: tuple[tuple[float | None, ...], ...]

    def documents(self) -> list[dict[str, Any]]:
        """Return the films in the API's shape."""
        return [
            {**pick.document(rank), "fits": fits}
            for rank, (pick, fits) in enumerate(zip(self.answer.picks, self.fits, strict=True), start=1)
        ]


def recommend_group(
    snapshot: Snapshot,
    members: Sequence[Member],
    strategy: Strategy,
    wish: Wish,
    *,
    reasons: int = 2,
    rules: RuleBook = NO_RULES,
) -> GroupAnswer:
    """Return the ``wish.k`` best films for a group; what one of them has seen is seen.

    Args:
        snapshot: The films, and the model where there is one.
        members: Who.
        strategy: How their tastes become one.
        wish: What is asked for.
        reasons: How many films a reason names at most.
        rules: The rules of the house.
    """
    scored = [score(snapshot, member.history) for member in members]
    heard = [place for place, one in enumerate(scored) if one.source is Source.PERSONALISED]
    together = _together([scored[place] for place in heard], strategy) or popular(
        snapshot.catalogue,
        "Nobody of the group has a history to go by",
        newcomer=all(likes_nothing(member.history) for member in members),
    )
    everything = _everything([member.history for member in members])
    given = answer(snapshot, together, everything, wish, reasons=reasons, rules=rules)
    told = tuple(
        {"user_id": member.user_id, "personal": place in heard, "note": None if place in heard else f"{one.why}."}
        for place, (member, one) in enumerate(zip(members, scored, strict=True))
    )
    columns = [
        _fits(one, given.picks) if place in heard else [None] * len(given.picks) for place, one in enumerate(scored)
    ]
    fits = tuple(zip(*columns, strict=True))
    if wish.explain and heard:
        given = replace(given, picks=_explained(members, scored, given.picks, fits, reasons))
    return GroupAnswer(given, told, fits)


def _together(scored: Sequence[Scored], strategy: Strategy) -> Scored | None:
    if not scored:
        return None
    # Each member counts the same, however large the numbers are that the model gives them.
    each = np.stack([(one.scores - one.scores.mean()) / np.float32(one.spread()) for one in scored])
    first = scored[0]
    merged = each.min(axis=0) if strategy is Strategy.LEAST_MISERY else each.mean(axis=0)
    members: NDArray[np.float32] | None = each if strategy is Strategy.FAIRNESS else None
    return Scored(Source.PERSONALISED, first.catalogue, merged, first.model, members=members)


def _everything(histories: Sequence[History]) -> History:
    """Return what anybody of the group met, for what is left out of the list."""
    return History(
        movie_ids=np.concatenate([history.movie_ids for history in histories]),
        weights=np.concatenate([history.weights for history in histories]),
        times=np.concatenate([history.times for history in histories]),
        values=np.concatenate([history.values for history in histories]),
        codes=np.concatenate([history.codes for history in histories]),
    )


def _fits(scored: Scored, picks: Sequence[Pick]) -> list[float | None]:
    """Return, for each film, the share of all films with a lower score."""
    scores = [np.float32(scored.score_of(pick.film.movie_id)) for pick in picks]
    return [round(float((scored.scores < score).mean()), 4) for score in scores]


def _explained(
    members: Sequence[Member],
    scored: Sequence[Scored],
    picks: Sequence[Pick],
    fits: Sequence[Sequence[float | None]],
    most: int,
) -> tuple[Pick, ...]:
    """Return the films with what the member liked whom each fits best."""
    explained = list(picks)
    whose = [max(range(len(members)), key=[-1.0 if fit is None else fit for fit in row].__getitem__) for row in fits]
    for member in set(whose):
        one = scored[member]
        if one.model is None or one.told is None:
            continue
        rows = [row for row, best in enumerate(whose) if best == member]
        items = {row: item for row in rows if (item := one.place(picks[row].film.movie_id)) is not None}
        speaks = reasons_for(one.catalogue, one.model, one.told, list(items.values()), most=most)
        for row, item in items.items():
            explained[row] = replace(picks[row], because=speaks.get(item), liker=members[member].name)
    return tuple(explained)
