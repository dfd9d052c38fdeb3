"""From a history to a list of films: pure, no clock, no store, the same for everybody.

Score with the released model, leave out what was seen or is not wanted, keep the best k, explain only those. Where
there is nothing to personalise with, the answer is what is popular, and says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from movie_mlops.features import History
from movie_mlops.recommenders import strongest
from movie_mlops.serving.catalogue import Catalogue, Film
from movie_mlops.serving.model import ServingModel, Snapshot
from movie_mlops.serving.wishes import Wish

_SMALLEST_SHARE: Final = 0.05
"""A film that carries less of a score than this is not named as its reason."""


class Source(StrEnum):
    """Where an answer comes from."""

    PERSONALISED = "personalised"
    POPULAR = "popular"


@dataclass(frozen=True, slots=True)
class Because:
    """A film of the history that carries a share (0 to 1) of what speaks for a recommended film."""

    film: Film
    share: float


@dataclass(frozen=True, slots=True)
class Pick:
    """A recommended film with its score and, where asked for and known, what speaks for it."""

    film: Film
    score: float
    because: tuple[Because, ...] | None = None

    def document(self, rank: int) -> dict[str, Any]:
        """Return the pick in the API's shape."""
        return {**self.film.document(), "rank": rank, "score": self.score, "reason": self._reason()}

    def _reason(self) -> dict[str, Any] | None:
        if not self.because:
            return None
        named = [
            {"movie_id": because.film.movie_id, "title": because.film.title, "share": round(because.share, 3)}
            for because in self.because
        ]
        return {"text": f"Because you liked {_and([because.film.title for because in self.because])}", "because": named}


@dataclass(frozen=True, slots=True)
class Answer:
    """A list of films, where it comes from, and what a caller should know about it."""

    source: Source
    picks: tuple[Pick, ...]
    note: str | None


def recommend(snapshot: Snapshot, history: History, wish: Wish, *, reasons: int = 2) -> Answer:
    """Return the ``wish.k`` best films for a history.

    Args:
        snapshot: The films, and the model where there is one.
        history: What was met; films that nobody knows are ignored.
        wish: What is asked for.
        reasons: How many films a reason names at most.

    Returns:
        The answer; its source is ``popular`` whenever the history had no part in it, and its note says why.
    """
    mask = wish.filters.mask(snapshot.catalogue)
    without = set(wish.exclude)
    if wish.exclude_seen:
        without.update(history.movie_ids[history.consumed].tolist())
    model = snapshot.model
    if model is None:
        return _popular(snapshot.catalogue, mask, without, wish, "No model is released yet")
    if not model.recommender.capabilities.personalised:
        return _scored_for_all(snapshot.catalogue, model, mask, without, wish)
    items, weights, times, why = _usable(model, history)
    if why is not None:
        return _popular(snapshot.catalogue, mask, without, wish, why)
    scores = model.recommender.score_one(items, weights, times=times)
    if scores.min() == scores.max():
        return _popular(snapshot.catalogue, mask, without, wish, "The released model draws nothing from this history")
    best = _best(model, scores, mask, without, wish.k)
    because: dict[int, tuple[Because, ...]] = {}
    if wish.explain and model.recommender.capabilities.explains:
        films = [snapshot.catalogue.get(movie_id) for movie_id in model.movie_ids[items[weights > 0]].tolist()]
        targets = best.tolist()
        told = model.recommender.explain_many(items, weights, targets, times=times)[:, weights > 0]
        because = {target: _strongest_reasons(films, row, reasons) for target, row in zip(targets, told, strict=True)}
    picks = _picks(snapshot.catalogue, model, scores, best, because)
    return Answer(Source.PERSONALISED, picks, _shortage(snapshot.catalogue, len(picks), wish))


def explain_again(
    catalogue: Catalogue, model: ServingModel, history: History, movie_ids: Sequence[int], *, reasons: int
) -> list[tuple[float | None, tuple[Because, ...]]]:
    """Return what a model says of films for a history: each one's score, and what speaks for it.

    Args:
        catalogue: The films.
        model: The released model.
        history: What was met.
        movie_ids: The films.
        reasons: How many films a reason names at most.

    Returns:
        For each film its score, ``None`` where the model draws nothing from the history or lacks the film.
    """
    items, weights, times, why = _usable(model, history)
    targets = [model.items.get(movie_id) for movie_id in movie_ids]
    known = [target for target in targets if target is not None]
    if why is not None or not known:
        return [(None, ()) for _ in movie_ids]
    scores = model.recommender.score_one(items, weights, times=times)
    because: dict[int, tuple[Because, ...]] = {}
    if model.recommender.capabilities.explains:
        films = [catalogue.get(movie_id) for movie_id in model.movie_ids[items[weights > 0]].tolist()]
        told = model.recommender.explain_many(items, weights, known, times=times)[:, weights > 0]
        because = {target: _strongest_reasons(films, row, reasons) for target, row in zip(known, told, strict=True)}
    return [(None, ()) if target is None else (float(scores[target]), because.get(target, ())) for target in targets]


def _usable(
    model: ServingModel, history: History
) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.int64], str | None]:
    """Return the films that speak for or against others and that the model has; or why none of them was liked."""
    get = model.items.get
    told = zip(history.movie_ids.tolist(), history.weights.tolist(), history.times.tolist(), strict=True)
    said = [
        (item, weight, time) for movie_id, weight, time in told if weight != 0 and (item := get(movie_id)) is not None
    ]
    items = np.array([item for item, _, _ in said], dtype=np.int32)
    weights = np.array([weight for _, weight, _ in said], dtype=np.float32)
    times = np.array([time for _, _, time in said], dtype=np.int64)
    why = None
    if not len(history):
        why = "There is no history to go by"
    elif not (history.weights > 0).any():
        why = "Nothing in the history was liked"
    elif not (weights > 0).any():
        why = "The released model knows none of the liked films"
    return items, weights, times, why


def _best(
    model: ServingModel, scores: NDArray[np.float32], mask: NDArray[np.bool_] | None, without: set[int], k: int
) -> NDArray[np.int64]:
    """Return the best items that may be answered, the best first."""
    ranked = np.where(model.allowed(mask), scores, -np.inf)
    get = model.items.get
    ranked[[item for movie_id in without if (item := get(movie_id)) is not None]] = -np.inf
    best = strongest(ranked, k)
    # With little left after the filters, what is not allowed fills the rest.
    shown: NDArray[np.int64] = best[ranked[best] > -np.inf]
    return shown


def _picks(
    catalogue: Catalogue,
    model: ServingModel,
    scores: NDArray[np.float32],
    best: NDArray[np.int64],
    because: dict[int, tuple[Because, ...]],
) -> tuple[Pick, ...]:
    return tuple(
        Pick(catalogue.films[position], score, because.get(item))
        for item, position, score in zip(
            best.tolist(), model.positions[best].tolist(), scores[best].tolist(), strict=True
        )
    )


def _strongest_reasons(
    films: Sequence[Film | None], contributions: NDArray[np.float32], most: int
) -> tuple[Because, ...]:
    """Return the films that speak the most for a film; their shares are of all that speaks for it."""
    total = float(contributions[contributions > 0].sum())
    if total <= 0:
        return ()
    order = np.argsort(-contributions, kind="stable")[:most].tolist()
    shares = [(films[place], float(contributions[place]) / total) for place in order]
    return tuple(Because(film, share) for film, share in shares if film is not None and share >= _SMALLEST_SHARE)


def _scored_for_all(
    catalogue: Catalogue, model: ServingModel, mask: NDArray[np.bool_] | None, without: set[int], wish: Wish
) -> Answer:
    """Return what a released model says that gives everybody the same."""
    scores = model.recommender.score_one(np.empty(0, np.int32), np.empty(0, np.float32))
    picks = _picks(catalogue, model, scores, _best(model, scores, mask, without, wish.k), {})
    note = f"The released model ({model.release.model}) gives everybody the same films."
    return Answer(Source.POPULAR, picks, _sentences(note, _shortage(catalogue, len(picks), wish)))


def _popular(catalogue: Catalogue, mask: NDArray[np.bool_] | None, without: set[int], wish: Wish, why: str) -> Answer:
    """Return the films with the most recent likes, and why it is these."""
    allowed = np.ones(len(catalogue), dtype=np.bool_) if mask is None else mask
    allowed[[place for movie_id in without if (place := catalogue.position(movie_id)) is not None]] = False
    films = [catalogue.films[position] for position in np.flatnonzero(allowed)[: wish.k].tolist()]
    recent = any(film.recent_likes for film in films)
    picks = tuple(Pick(film, float(film.recent_likes if recent else film.likes)) for film in films)
    note = f"{why}, so these are the films with the most {'likes lately' if recent else 'likes'}." if films else None
    return Answer(Source.POPULAR, picks, _sentences(note, _shortage(catalogue, len(picks), wish)))


def _shortage(catalogue: Catalogue, found: int, wish: Wish) -> str | None:
    """Say why there are fewer films than were asked for."""
    if found >= wish.k:
        return None
    unknown = wish.filters.unknown_genres(catalogue)
    if unknown:
        listed = _and([f"'{genre}'" for genre in unknown])
        return f"No film has the genre {listed}; GET /v1/genres lists those that there are."
    if not found:
        return "No film is left after the filters and exclusions; ask for more genres or years."
    return f"Only {found} {'film is' if found == 1 else 'films are'} left after the filters and exclusions."


def _sentences(*sentences: str | None) -> str | None:
    return " ".join(sentence for sentence in sentences if sentence) or None


def _and(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
