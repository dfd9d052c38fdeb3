"""Another model beside the one that answers: what the log says that it would have been worth, and the truth."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from movie_mlops.evaluation import LoggedLists
from movie_mlops.recommenders import NO_ITEM
from movie_mlops.simulation.behaviour import examination
from movie_mlops.simulation.config import LoopConfig
from movie_mlops.simulation.loop import Generation, learn
from movie_mlops.simulation.measures import Lists, list_utility
from movie_mlops.simulation.population import Floats, film_ids

# So many looks at the usual film are added to those at each film before its rate is believed.
_PRIOR_LOOKS = 20.0


@dataclass(frozen=True)
class Rivalry:
    """A log of lists with what the rival would have done, and the truth of both.

    Attributes:
        log: The lists; a reward is a film that was watched.
        movie_ids: int64[n, k], the films of each list; -1 where there is none.
        rival_worth: Films watched from one of the rival's lists, on average: the truth that the log does not hold.
        own_worth: The same of the lists that were shown.
    """

    log: LoggedLists
    movie_ids: NDArray[np.int64]
    rival_worth: float
    own_worth: float


@dataclass
class _Seen:
    """How often each film was looked at and watched so far."""

    looks: Floats
    watched: Floats

    def rates(self) -> Floats:
        usual = self.watched.sum() / max(float(self.looks.sum()), 1.0)
        rates: Floats = (self.watched + _PRIOR_LOOKS * usual) / (self.looks + _PRIOR_LOOKS)
        return rates


@dataclass
class _Parts:
    """Arrays of all generations, by name."""

    arrays: dict[str, list[NDArray[Any]]] = field(default_factory=dict)

    def add(self, **arrays: NDArray[Any]) -> None:
        for name, array in arrays.items():
            self.arrays.setdefault(name, []).append(array)

    def joined(self) -> dict[str, NDArray[Any]]:
        return {name: np.concatenate(arrays) for name, arrays in self.arrays.items()}


def against(
    generations: Iterable[Generation], loop: LoopConfig, model: str, params: Mapping[str, Any], *, seed: int
) -> Rivalry:
    """Return the log of a loop as a rival's would-be record.

    The rival is trained in every generation on what was known then, and would explore just as the loop does.

    Args:
        generations: What happened.
        loop: What answered.
        model: The rival.
        params: Its parameters.
        seed: Of the rival's own lists, by which its true worth is taken.

    Raises:
        RecommenderError: The rival cannot be made or trained.
    """
    rng = np.random.default_rng(seed)
    chance = examination(loop.k, loop.examination)
    parts, worth, seen = _Parts(), _Parts(), None
    for each in generations:
        seen = seen or _Seen(np.zeros(each.exposure.size), np.zeros(each.exposure.size))
        scores = _rival_scores(each, replace(loop, model=model, params=params))
        # What a place of a list brings, by how often it is looked at and how the film did before.
        values = np.broadcast_to(seen.rates(), scores.shape)
        target, expected = loop.policy.expectations(scores, each.lists, values)
        impossible = (~loop.policy.reach(each.scores, loop.k)).astype(np.float64)
        outside = loop.policy.expectations(scores, each.lists, impossible)[1]
        shown = np.maximum(each.lists, 0)
        parts.add(
            rewards=each.answers.watched.astype(np.float64),
            logged=each.propensities,
            target=target,
            filled=each.lists != NO_ITEM,
            users=each.population.people,
            predicted=seen.rates()[shown] * chance,
            expected=expected * chance,
            outside=outside,
            movie_ids=np.where(each.lists == NO_ITEM, -1, film_ids(each.population)[shown]),
        )
        lists, _ = loop.policy.draw(scores, loop.k, rng)
        worth.add(
            rival=list_utility(each.truth.watching, lists, chance),
            own=list_utility(each.truth.watching, each.lists, chance),
        )
        _count(seen, each.lists, each.answers.watched, chance)
    joined, means = parts.joined(), worth.joined()
    movie_ids = joined.pop("movie_ids")
    return Rivalry(LoggedLists(**joined), movie_ids, float(means["rival"].mean()), float(means["own"].mean()))


def _rival_scores(generation: Generation, loop: LoopConfig) -> NDArray[np.float32]:
    _, scores = learn(generation.population, loop, generation.known, generation.exposure)
    scores[np.isneginf(generation.scores)] = -np.inf
    return scores


def _count(seen: _Seen, lists: Lists, watched: NDArray[np.bool_], chance: Floats) -> None:
    shown = lists != NO_ITEM
    looks = np.broadcast_to(chance, lists.shape)
    seen.looks += np.bincount(lists[shown], weights=looks[shown], minlength=seen.looks.size)
    seen.watched += np.bincount(lists[watched], minlength=seen.watched.size)
