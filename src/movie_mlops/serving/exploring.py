"""A budget of chance: a share of the answers has films that would not have been shown, with exact probabilities.

Which answers are explored, and how, follows from their random ids, so that every draw can be done again and checked. An
answer that is not explored has no propensities, and says nothing of other policies: those are judged by the explored
ones alone, whose probabilities are those of the draw.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from movie_mlops.recommenders import ExploringPolicy
from movie_mlops.release.rollout import ExplorationConfig
from movie_mlops.serving.recommend import Answer, Source
from movie_mlops.serving.wishes import Wish

_HEX: Final = 16
_COIN_DIGITS: Final = 8


@dataclass(frozen=True, slots=True)
class Drawn:
    """How chance had a part in an answer.

    Attributes:
        answer: The answer.
        propensities: How probable the choice of each place was, given those above it.
        policy: By which rule, and what it chose from.
        cost: The share of the scores of the best list that its own fall short by.
    """

    answer: Answer
    propensities: tuple[float, ...]
    policy: dict[str, Any]
    cost: float


def is_explored(recommendation_id: str, budget: float) -> bool:
    """Return whether an answer is one of the budget's, by its random id alone."""
    return int(recommendation_id[-_COIN_DIGITS:], _HEX) < budget * _HEX**_COIN_DIGITS


def explore(
    make: Callable[[Wish], Answer], wish: Wish, recommendation_id: str, config: ExplorationConfig
) -> Drawn | None:
    """Return an answer with a little chance in it; ``None`` where there is not enough to choose from, or no person.

    Args:
        make: Gives the answer to a wish.
        wish: What is asked for.
        recommendation_id: The id of the answer, from which the draw follows.
        config: Where chance may choose, and from what.
    """
    depth = max(config.depth, wish.k)
    best = make(replace(wish, k=depth))
    places = wish.k - config.kept
    if best.source is not Source.PERSONALISED or len(best.picks) < depth or places < 1:
        return None
    order, propensities = draw(depth, wish.k, recommendation_id, config)
    answer = replace(best, picks=tuple(best.picks[place] for place in order))
    most = sum(pick.score for pick in best.picks[: wish.k])
    lost = most - sum(pick.score for pick in answer.picks)
    policy = {
        "chance": config.chance,
        "depth": depth,
        "kept": config.kept,
        "candidates": [pick.film.movie_id for pick in best.picks],
    }
    return Drawn(answer, propensities, policy, 0.0 if most == 0 else lost / abs(most))


def draw(depth: int, k: int, recommendation_id: str, config: ExplorationConfig) -> tuple[list[int], tuple[float, ...]]:
    """Return which of a person's best films (by rank from 0) fill the places, and how probable each choice was."""
    kept = min(config.kept, k)
    generator = np.random.Generator(np.random.PCG64(int(recommendation_id, _HEX)))
    policy = ExploringPolicy(config.chance, pool=depth - kept)
    lists, propensities = policy.draw(ranked(depth - kept), k - kept, generator)
    order = [*range(kept), *(kept + int(place) for place in lists[0])]
    return order, (*(1.0 for _ in range(kept)), *propensities[0].tolist())


def ranked(count: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Return float32[1, count], scores that say no more than the order."""
    return -np.arange(count, dtype=np.float32)[None, :]
