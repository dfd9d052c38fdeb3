"""Giving one answer: by the model whose turn it is, counted where something is rolled out, explored where that is due.

A candidate that fails fails nobody: the champion answers in its place, and the failure is counted against it.
"""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from movie_mlops.evaluation.experiments import draft
from movie_mlops.release.rollout import RolloutConfig
from movie_mlops.serving.counting import Counting
from movie_mlops.serving.errors import ServingError
from movie_mlops.serving.exploring import explore, is_explored
from movie_mlops.serving.exposures import Exposure
from movie_mlops.serving.metrics import Metrics
from movie_mlops.serving.model import Snapshot
from movie_mlops.serving.recommend import Answer, Source
from movie_mlops.serving.shadowing import Shadowing
from movie_mlops.serving.traffic import Turn
from movie_mlops.serving.wishes import Wish

_LOG: Final = logging.getLogger("movie_mlops.serving.answering")

Make = Callable[[Snapshot, Wish], Answer]
"""Gives the answer of a snapshot to a wish."""


@dataclass(frozen=True, slots=True)
class Given:
    """An answer, and how it came about.

    Attributes:
        answer: It.
        snapshot: What it was made with.
        exposures: The arms that its user had.
        propensities: How probable each choice was; ``None`` where nothing was left to chance.
        policy: By which rule chance had a part in it.
    """

    answer: Answer
    snapshot: Snapshot
    exposures: tuple[Exposure, ...] = ()
    propensities: tuple[float, ...] | None = None
    policy: Mapping[str, Any] | None = None


class Answering:
    """Gives answers.

    Args:
        config: How releases are rolled out, and how much is explored.
        counting: Where answers of arms are counted.
        metrics: Where the rest is counted.
        shadowing: What asks a candidate too.
    """

    def __init__(self, config: RolloutConfig, counting: Counting, metrics: Metrics, shadowing: Shadowing) -> None:
        self._exploration = config.exploration
        self._slow_s = config.canary.slow_ms / 1000
        self._counting = counting
        self._metrics = metrics
        self._shadowing = shadowing
        self._told: set[str] = set()

    def give(self, snapshot: Snapshot, make: Make, wish: Wish, *, user_id: str | None, recommendation_id: str) -> Given:
        """Return an answer.

        Args:
            snapshot: What the request sees.
            make: Gives the answer of a snapshot to a wish.
            wish: What is asked for.
            user_id: Who asks; somebody without an account is in no arm, and nobody would know what came of it.
            recommendation_id: The id of the answer.
        """
        traffic = snapshot.traffic
        if user_id is None or (traffic is None and self._exploration.budget == 0):
            return Given(make(snapshot, wish), snapshot)
        if traffic is None:
            return self._explored(Turn(snapshot), make, wish, recommendation_id)
        turn = traffic.of(user_id)
        given = self._counted(turn, snapshot, make, wish, recommendation_id)
        shadowed = traffic.shadow
        if shadowed is not None and is_explored(recommendation_id[::-1], shadowed.share):
            shown = [pick.film.movie_id for pick in given.answer.picks]
            self._shadowing.ask(shadowed, lambda candidate: make(candidate, wish), shown)
        return given

    def _counted(self, turn: Turn, champion: Snapshot, make: Make, wish: Wish, recommendation_id: str) -> Given:
        """Return the answer of an arm, or the champion's where it fails; count it."""
        began = time.perf_counter()
        failed = False
        try:
            given = self._by_turn(turn, make, wish, recommendation_id)
        except ServingError:
            # What was asked for cannot be had, whoever is asked.
            raise
        except Exception as error:
            failed = True
            self._count(turn, time.perf_counter() - began, popular=False, failed=True)
            if turn.snapshot.model is champion.model and turn.rival is None:
                raise
            self._tell(turn, error)
            given = Given(make(champion, wish), champion, turn.exposures)
        if not failed:
            popular = given.answer.source is not Source.PERSONALISED
            self._count(turn, time.perf_counter() - began, popular=popular, failed=False)
        return given

    def _by_turn(self, turn: Turn, make: Make, wish: Wish, recommendation_id: str) -> Given:
        if turn.rival is None:
            return self._explored(turn, make, wish, recommendation_id)
        return _together(turn, turn.rival, make, wish, recommendation_id)

    def _explored(self, turn: Turn, make: Make, wish: Wish, recommendation_id: str) -> Given:
        budget = self._exploration.budget if turn.exploration is None else turn.exploration
        # Pins, dials and later pages say themselves what stands where.
        if budget > 0 and wish.plain and wish.cursor is None and is_explored(recommendation_id, budget):
            drawn = explore(lambda other: make(turn.snapshot, other), wish, recommendation_id, self._exploration)
            if drawn is not None:
                self._metrics.explored(drawn.cost)
                return Given(drawn.answer, turn.snapshot, turn.exposures, drawn.propensities, drawn.policy)
        return Given(make(turn.snapshot, wish), turn.snapshot, turn.exposures)

    def _count(self, turn: Turn, seconds: float, *, popular: bool, failed: bool) -> None:
        for exposure in turn.exposures:
            self._counting.count(exposure, seconds=seconds, slow_s=self._slow_s, popular=popular, failed=failed)
            self._metrics.arm(exposure.rollout, exposure.arm, failed=failed)

    def _tell(self, turn: Turn, error: Exception) -> None:
        names = ", ".join(exposure.rollout for exposure in turn.exposures)
        if names not in self._told:
            self._told.add(names)
            _LOG.error("an arm of %s cannot answer, the champion does: %s", names, error, exc_info=error)


def _together(turn: Turn, rival: Snapshot, make: Make, wish: Wish, recommendation_id: str) -> Given:
    """Return the list that two models make in turns; the first's alone where either has nothing personal to say."""
    first, second = make(turn.snapshot, wish), make(rival, wish)
    if first.source is not Source.PERSONALISED or second.source is not Source.PERSONALISED:
        return Given(first, turn.snapshot, turn.exposures)
    generator = np.random.Generator(np.random.PCG64(int(recommendation_id, 16)))
    rankings = [[pick.film.movie_id for pick in answer.picks] for answer in (first, second)]
    drafted = draft(rankings[0], rankings[1], wish.k, generator)
    # A film that both have keeps the score of the one whose choice it was.
    picks = [{pick.film.movie_id: pick for pick in answer.picks} for answer in (first, second)]
    chosen = tuple(picks[team][item] for item, team in zip(drafted.items, drafted.teams, strict=True))
    bundles = [None if each.model is None else each.model.release.bundle_id for each in (turn.snapshot, rival)]
    policy = {"teams": list(drafted.teams), "bundles": bundles}
    return Given(replace(first, picks=chosen), turn.snapshot, turn.exposures, policy=policy)
