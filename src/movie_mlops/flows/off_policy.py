"""The explored answers that were kept, and what came of them, as a log of another policy's worth."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from movie_mlops.core.nouns import Kind
from movie_mlops.evaluation import LoggedLists, SampleTooSmallError
from movie_mlops.features.feedback import weigh
from movie_mlops.flows.platform import Platform
from movie_mlops.flows.records import PlatformRecords
from movie_mlops.flows.responses import first_offset
from movie_mlops.release import Bundle, read_bundle
from movie_mlops.serving import IMPRESSIONS, Impression, read_impression, words_of

_PAGE: Final = 1000


@dataclass(frozen=True)
class Target:
    """The policy that is asked about.

    Attributes:
        chance: The probability that a place is filled by chance; 0 always shows the best.
        kept: So many places at the top are never; ``None``: as many as the logged policy kept.
    """

    chance: float = 0.0
    kept: int | None = None


def explored_lists(platform: Platform, target: Target, *, bundle_id: str | None, window_seconds: float) -> LoggedLists:
    """Return the explored answers as lists that were drawn by chance, with the probabilities of another policy.

    Args:
        platform: The stores.
        target: The policy that is asked about.
        bundle_id: Puts the candidates of each answer in its own order, from what was known of the user then; ``None``
            for the order in which they were.
        window_seconds: A film that was liked so long after the list, and not shown again before, is a reward of 1.

    Raises:
        SampleTooSmallError: No answer was explored.
        BundleError: The bundle cannot be read.
    """
    answers = _explored(platform)
    if not answers:
        raise SampleTooSmallError(
            "No answer with chance in it was kept.",
            next_step="Set exploration.budget above 0 in config/rollout.yaml, or name a file of logged lists.",
        )
    order = _Order(platform, bundle_id)
    shape = (len(answers), max(len(each.items) for each in answers))
    logged, wanted = np.ones(shape), np.ones(shape)
    filled = np.zeros(shape, np.bool_)
    for row, each in enumerate(answers):
        assert each.propensities is not None
        assert each.policy is not None
        items = [movie_id for movie_id, _ in each.items]
        kept = each.policy["kept"] if target.kept is None else target.kept
        filled[row, : len(items)] = True
        logged[row, : len(items)] = each.propensities
        wanted[row, : len(items)] = target_propensities(order.of(each), items, target.chance, kept)
    _, users = np.unique([each.user_id for each in answers], return_inverse=True)
    rewards = _rewards(platform, answers, shape, timedelta(seconds=window_seconds))
    return LoggedLists(rewards, logged, wanted, filled=filled, users=users)


def target_propensities(candidates: Sequence[int], items: Sequence[int], chance: float, kept: int) -> list[float]:
    """Return how probable each choice of a list is under a policy, given the films above it.

    Args:
        candidates: What may be shown, the best first.
        items: The list.
        chance: The probability that a place is filled by chance, each candidate that is left as likely as the others.
        kept: So many places at the top get the best that is left.
    """
    left = list(candidates)
    found = []
    for place, item in enumerate(items):
        share = 0.0 if place < kept else chance
        is_best = bool(left) and left[0] == item
        found.append((1 - share) * is_best + (share / len(left) if item in left else 0.0))
        if item in left:
            left.remove(item)
    return found


class _Order:
    """In which order a policy puts the candidates of an answer.

    Args:
        platform: The stores.
        bundle_id: Whose order; ``None`` for that of the answer itself.
    """

    def __init__(self, platform: Platform, bundle_id: str | None) -> None:
        self._records = PlatformRecords(platform)
        self._bundle: Bundle | None = None
        self._items: dict[int, int] = {}
        if bundle_id is not None:
            self._bundle = read_bundle(platform.workspace.models / bundle_id, trust=platform.keys.trust)
            self._items = {movie_id: item for item, movie_id in enumerate(self._bundle.movie_ids.tolist())}

    def of(self, answer: Impression) -> list[int]:
        """Return the candidates, the best first; what the bundle does not know comes last."""
        assert answer.policy is not None
        candidates: list[int] = answer.policy["candidates"]
        if self._bundle is None or answer.user_id is None:
            return candidates
        history = self._records.history(answer.user_id, until=answer.at)
        items, weights, times = words_of(self._items, history)
        scores = self._bundle.recommender.score_one(items, weights, times=times)
        worth = {
            movie_id: float(scores[item]) for movie_id in candidates if (item := self._items.get(movie_id)) is not None
        }
        return sorted(candidates, key=lambda movie_id: -worth.get(movie_id, -np.inf))


def _explored(platform: Platform) -> list[Impression]:
    statement = (
        select(IMPRESSIONS)
        .where(IMPRESSIONS.c.propensities.is_not(None), IMPRESSIONS.c.user_id.is_not(None))
        .order_by(IMPRESSIONS.c.at)
    )
    with platform.database.read() as connection:
        return [read_impression(row) for row in connection.execute(statement)]


def _rewards(
    platform: Platform, answers: Sequence[Impression], shape: tuple[int, int], window: timedelta
) -> NDArray[np.float64]:
    """Return float64[answers, places], 1 where its user liked a film in time that they had been shown last there."""
    shown: defaultdict[tuple[str | None, int], list[tuple[datetime, int, int]]] = defaultdict(list)
    for row, each in enumerate(answers):
        for place, (movie_id, _) in enumerate(each.items):
            shown[each.user_id, movie_id].append((each.at, row, place))
    rewards = np.zeros(shape)
    offset = first_offset(platform.events, min(each.at for each in answers))
    while page := platform.events.read(offset, _PAGE):
        offset = page[-1].offset
        for event in page:
            said = event.interaction
            places = shown.get((said.user_id, said.movie_id))
            withdrawn = said.kind is Kind.WITHDRAW
            if not places or (weigh(said.kind, said.value, platform.config.feedback) <= 0 and not withdrawn):
                continue
            before = [(at, row, place) for at, row, place in places if at <= event.recorded_at <= at + window]
            if before:
                # The last list that had it is what was answered: a film that comes again and again earns no more by it.
                _, row, place = max(before)
                rewards[row, place] = 0.0 if withdrawn else 1.0
    return rewards
