"""The rows of a visitor's page: each is a list with a reason of its own, and no film is in two of them.

A row is an answer of :func:`~movie_mlops.serving.recommend.recommend` like any other: what differs is which films may
be in it, and what it goes by. *Because you liked* goes by one film alone, so its reason is the whole truth about it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from movie_mlops.core.nouns import Kind
from movie_mlops.features import FeedbackConfig, History
from movie_mlops.serving.catalogue import Catalogue, Film
from movie_mlops.serving.model import Snapshot
from movie_mlops.serving.recommend import Answer, Source, answer
from movie_mlops.serving.rules import NO_RULES, RuleBook
from movie_mlops.serving.scoring import Scored, popular, score
from movie_mlops.serving.wishes import Filters, Wish

_LATEST: Final = 2
"""How many of the films that were liked last have a row of their own."""
_LEAST: Final = 4
"""A row of fewer films is none."""
_ABOVE: Final = 10
"""How many films the list of recommendations has that stands beside the rows; they are in no row."""


class RowKind(StrEnum):
    """What a row is about."""

    BECAUSE = "because"
    NEW = "new"
    GEMS = "gems"
    POPULAR = "popular"


@dataclass(frozen=True, slots=True)
class Row:
    """A row.

    Attributes:
        kind: What it is about.
        answer: Its films.
        request: What was asked, as plain data, for whoever wants to know later.
        film: What it goes by, where that is one film.
        since: The first year of its films, where they are the newest.
    """

    kind: RowKind
    answer: Answer
    request: dict[str, Any]
    film: Film | None = None
    since: int | None = None


@dataclass(frozen=True, slots=True)
class _Only(Filters):
    """The films of a mask.

    Attributes:
        films: bool[films], by position.
    """

    films: NDArray[np.bool_] | None = None

    def mask(self, catalogue: Catalogue) -> NDArray[np.bool_] | None:
        """Return, by catalogue position, which films pass."""
        del catalogue
        return None if self.films is None else self.films.copy()


def rows(
    snapshot: Snapshot, history: History, feedback: FeedbackConfig, *, k: int, rules: RuleBook = NO_RULES
) -> list[Row]:
    """Return the rows for a history, those that are the most personal first.

    Args:
        snapshot: The films, and the model where there is one.
        history: What was met.
        feedback: What counts as liking.
        k: How many films a row has at most.
        rules: The rules of the house.
    """
    scored = score(snapshot, history)
    best = answer(snapshot, scored, history, Wish(k=_ABOVE, explain=False), rules=rules)
    shown = {pick.film.movie_id for pick in best.picks} if best.source is Source.PERSONALISED else set()
    shown.update(history.movie_ids[history.consumed].tolist())
    found = []
    plans = _plans(snapshot, history, scored, feedback)
    for row in _candidates(snapshot, plans, shown, k, rules):
        if len(row.answer.picks) >= _LEAST:
            shown.update(pick.film.movie_id for pick in row.answer.picks)
            found.append(row)
    return found


@dataclass(frozen=True, slots=True)
class _Plan:
    """A row that may come about.

    Attributes:
        kind: What it is about.
        history: What it goes by.
        scored: What the model says to that.
        filters: Which films may be in it.
        film: Its one film, where it goes by one.
        since: The first year of its films, where they are the newest.
        own: Whether it goes by another history than the visitor's.
    """

    kind: RowKind
    history: History
    scored: Scored
    filters: Filters
    film: Film | None = None
    since: int | None = None
    own: bool = False


def _plans(snapshot: Snapshot, history: History, scored: Scored, feedback: FeedbackConfig) -> Iterator[_Plan]:
    """Yield the rows that there may be, in order."""

    def alone(films: Sequence[Film], kind: RowKind) -> _Plan:
        said = History.of([(film.movie_id, Kind.LIKE, None) for film in films], feedback)
        film = films[0] if films else None
        return _Plan(kind, said, score(snapshot, said), Filters(), film=film, own=True)

    since = snapshot.catalogue.new_since
    last = [[film] for film in _liked_last(snapshot, history)]
    yield from (alone(films, RowKind.BECAUSE) for films in last[:1])
    yield _Plan(RowKind.NEW, history, scored, _Only(films=snapshot.catalogue.year_mask(since, None)), since=since)
    yield from (alone(films, RowKind.BECAUSE) for films in last[1:])
    yield _Plan(RowKind.GEMS, history, scored, _Only(films=snapshot.catalogue.little_known))
    nobody = alone([], RowKind.POPULAR)
    if nobody.scored.newcomer:
        # The row holds what everybody likes now, not what newcomers do.
        nobody = replace(nobody, scored=popular(snapshot.catalogue, nobody.scored.why or ""))
    yield nobody


def _candidates(snapshot: Snapshot, plans: Iterator[_Plan], shown: set[int], k: int, rules: RuleBook) -> Iterator[Row]:
    """Yield rows one after the other; ``shown`` grows between two of them."""
    for plan in plans:
        wish = Wish(k=k, filters=plan.filters, exclude=frozenset(shown), exclude_seen=False)
        made = answer(snapshot, plan.scored, plan.history, wish, rules=rules)
        if plan.kind is RowKind.BECAUSE and made.source is not Source.PERSONALISED:
            continue
        years = None if plan.since is None else f"{plan.since}-"
        request: dict[str, Any] = {"row": plan.kind.value, "k": k, "genres": [], "years": years, "exclude_seen": True}
        if plan.own:
            request["history"] = [
                {"movie_id": movie_id, "kind": Kind.LIKE.value, "value": None}
                for movie_id in plan.history.movie_ids.tolist()
            ]
        yield Row(plan.kind, made, request, plan.film, plan.since)


def _liked_last(snapshot: Snapshot, history: History) -> Iterator[Film]:
    """Yield the films that were liked last and that the model knows, the last one first."""
    model = snapshot.model
    liked = history.movie_ids[history.weights > 0][::-1].tolist()
    known = (film for movie_id in liked if (film := snapshot.catalogue.get(movie_id)) is not None)
    usable = [film for film in known if model is not None and film.movie_id in model.items]
    yield from usable[:_LATEST]
