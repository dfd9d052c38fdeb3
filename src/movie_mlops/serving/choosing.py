"""Which films may be in a list, how much each is worth with the boosts, and the best of them."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from movie_mlops.features import History
from movie_mlops.recommenders import strongest
from movie_mlops.serving.arranging import Pool
from movie_mlops.serving.catalogue import Film
from movie_mlops.serving.rules import Ruling
from movie_mlops.serving.scoring import Scored
from movie_mlops.serving.wishes import Mask, Wish

_POOL: Final = 200
_TIMES_THE_LIST: Final = 4
_LARGEST_POOL: Final = 5000


@dataclass(frozen=True, slots=True)
class Choice:
    """What may be in a list.

    Attributes:
        scored: The candidates.
        ranked: float32[candidates], what each is worth; -inf for what may not come.
        in_order: Whether what may come is worth less and less from the first candidate to the last.
        pinned: The films that come first.
        filtered: Which films pass filters and rules, by catalogue position; ``None`` where all do.
    """

    scored: Scored
    ranked: NDArray[np.float32]
    in_order: bool
    pinned: tuple[Film, ...]
    filtered: Mask | None

    def best(self, size: int) -> NDArray[np.int64]:
        """Return the candidates that are worth the most, the best first, and none that may not come."""
        if self.in_order:
            return np.flatnonzero(self.ranked > -np.inf)[:size]
        return _best(self.ranked, size, narrow=self.filtered is not None)

    def pool(self, size: int, ruling: Ruling | None) -> Pool:
        """Return the best ``size`` films, and for each quota as many of its own, the best first; no pinned ones."""
        scored, ranked = self.scored, self.ranked
        if self.pinned:
            ranked = ranked.copy()
            ranked[scored.places({film.movie_id for film in self.pinned})] = -np.inf
        places = _best(ranked, size, narrow=True)
        if ruling is not None and ruling.quotas:
            masks = [scored.of_films(mask) for mask in ruling.quotas]
            kept = [_best(np.where(mask, ranked, np.float32(-np.inf)), size, narrow=True) for mask in masks]
            every = np.unique(np.concatenate([places, *kept]))
            places = every[np.argsort(-ranked[every], kind="stable")]
        members = None if scored.members is None else scored.members[:, places]
        return Pool(scored.positions(places), ranked[places], members)


def choose(scored: Scored, history: History, wish: Wish, ruling: Ruling | None) -> Choice:
    """Leave out what the filters, the rules, the caller or the history leave out, and lift what is to be lifted."""
    films = wish.filters.mask(scored.catalogue)
    if ruling is not None and ruling.allowed is not None:
        films = ruling.allowed if films is None else films & ruling.allowed
    may = scored.listed() if films is None else scored.of_films(films)
    ranked = np.where(may, boosted(scored, wish), np.float32(-np.inf))
    without = set(wish.exclude)
    if wish.cursor is not None:
        without |= wish.cursor.shown
    if wish.exclude_finished_series:
        without |= finished(scored, history)
    pinned = _pinned(scored, wish, films, without) if wish.pins else ()
    if wish.exclude_seen:
        without.update(history.movie_ids[history.consumed].tolist())
    ranked[scored.places(without)] = -np.inf
    return Choice(scored, ranked, scored.in_order and not wish.boosts, pinned, films)


def boosted(scored: Scored, wish: Wish) -> NDArray[np.float32]:
    """Return what each candidate is worth: its score, and what the boosts add, in deviations of all scores."""
    if not wish.boosts:
        return scored.scores
    worth = scored.scores.copy()
    spread = scored.spread()
    for boost in wish.boosts:
        films = boost.films.mask(scored.catalogue)
        if films is not None:
            worth[scored.of_films(films)] += np.float32(boost.by * spread)
    return worth


def finished(scored: Scored, history: History) -> set[int]:
    """Return the films of every series of which the history has all films that the catalogue holds."""
    seen = set(history.movie_ids[history.consumed].tolist())
    series = (films for films in scored.catalogue.series.values() if seen.issuperset(films))
    return {movie_id for films in series for movie_id in films}


def pool_sizes(wish: Wish) -> tuple[int, int]:
    """Return from how many films a list is chosen, and from how many where rules leave that one short."""
    return _POOL + _TIMES_THE_LIST * wish.k, _LARGEST_POOL


def _pinned(scored: Scored, wish: Wish, films: Mask | None, without: set[int]) -> tuple[Film, ...]:
    catalogue = scored.catalogue
    pinned = []
    for movie_id in wish.pins:
        position = catalogue.position(movie_id)
        if position is not None and movie_id not in without and (films is None or films[position]):
            pinned.append(catalogue.films[position])
    return tuple(pinned)


def _best(ranked: NDArray[np.float32], size: int, *, narrow: bool) -> NDArray[np.int64]:
    """Return the best places, the best first; ``narrow``: where many may not come, among which a search is slow."""
    if narrow:
        left = np.flatnonzero(ranked > -np.inf)
        among: NDArray[np.int64] = left[strongest(ranked[left], size)]
        return among
    places = strongest(ranked, size)
    # With little left after the filters, what is not allowed fills the rest.
    shown: NDArray[np.int64] = places[ranked[places] > -np.inf]
    return shown
