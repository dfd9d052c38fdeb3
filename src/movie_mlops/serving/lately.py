"""The lists that were given lately: noted in less than a few microseconds each, judged when somebody asks."""

from collections.abc import Iterable, Sequence
from itertools import count
from typing import Final

import numpy as np
from numpy.typing import NDArray

from movie_mlops.core.measures import Sample
from movie_mlops.evaluation import metrics
from movie_mlops.serving.catalogue import Catalogue
from movie_mlops.serving.declared import COLD_USERS, COVERAGE, GINI, NOVELTY, SCORE
from movie_mlops.serving.recommend import Pick

_NONE: Final = -1
_NOBODY, _KNOWN, _COLD = range(3)


class Lately:
    """The last lists of recommendations, in arrays that never grow.

    Args:
        lists: How many are kept.
        places: How many places of each; who shows lists shows their beginning.
    """

    def __init__(self, lists: int = 10_000, places: int = 10) -> None:
        self._places = places
        self._films = np.full((lists, places), _NONE, np.int64)
        self._scores = np.full(lists, np.nan, np.float32)
        self._who = np.zeros(lists, np.uint8)
        # One number to each list, also where several threads give lists at once.
        self._numbers = count()
        self._likes: tuple[Catalogue, NDArray[np.int64]] | None = None

    def note(self, picks: Sequence[Pick], *, personalised: bool, met: int | None) -> None:
        """Note a list.

        Args:
            picks: Its films.
            personalised: Whether a history had a part in it; only then is its score the model's.
            met: How many films its user's history holds; ``None`` for somebody without an account.
        """
        place = next(self._numbers) % len(self._scores)
        films = [pick.film.movie_id for pick in picks[: self._places]]
        row = self._films[place]
        row[: len(films)] = films
        row[len(films) :] = _NONE
        self._scores[place] = picks[0].score if personalised and films else np.nan
        self._who[place] = _NOBODY if met is None else _KNOWN if met else _COLD

    def samples(self, catalogue: Catalogue) -> Iterable[Sample]:
        """Yield what the lists come to; nothing before there is one."""
        shown, times = np.unique(self._films, return_counts=True)
        positions = catalogue.positions(shown)
        there = positions >= 0
        if there.any():
            exposure = np.zeros(len(catalogue), np.int64)
            exposure[positions[there]] = times[there]
            likes = self._likes_of(catalogue)
            yield Sample(COVERAGE, metrics.coverage(exposure))
            yield Sample(GINI, metrics.gini(exposure))
            yield Sample(NOVELTY, metrics.novelty(exposure, likes, int(likes.sum())))
        known, cold = (int((self._who == who).sum()) for who in (_KNOWN, _COLD))
        if known + cold:
            yield Sample(COLD_USERS, cold / (known + cold))
        scores = self._scores[np.isfinite(self._scores)]
        if scores.size:
            named = SCORE.labels[0].values
            for name, value in zip(named, np.quantile(scores, [float(name) for name in named]), strict=True):
                yield Sample(SCORE, float(value), (name,))

    def _likes_of(self, catalogue: Catalogue) -> NDArray[np.int64]:
        """Return int64[films], how much each is liked; worked out once for each catalogue."""
        if self._likes is None or self._likes[0] is not catalogue:
            likes = np.fromiter((film.likes for film in catalogue.films), np.int64, len(catalogue))
            self._likes = (catalogue, likes)
        return self._likes[1]
