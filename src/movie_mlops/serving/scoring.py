"""What there is to choose from: a score for every film, and where it comes from."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from movie_mlops.features import History
from movie_mlops.serving.catalogue import Catalogue
from movie_mlops.serving.model import ServingModel, Snapshot


class Source(StrEnum):
    """Where an answer comes from."""

    PERSONALISED = "personalised"
    POPULAR = "popular"


@dataclass(frozen=True, slots=True)
class Told:
    """What the model was told of a history: the films that speak for or against others and that it has.

    Attributes:
        items: int32[n], the model's items.
        weights: float32[n].
        times: int64[n], Unix seconds; -1 where unknown.
        why: Why nothing can be drawn from it; ``None`` where something can.
        traits: float32[traits], which of the traits that the model reads the person has; ``None`` where none was told.
    """

    items: NDArray[np.int32]
    weights: NDArray[np.float32]
    times: NDArray[np.int64]
    why: str | None
    traits: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class Scored:
    """A score for every candidate.

    Attributes:
        source: Where the scores come from.
        catalogue: The films.
        scores: float32[n].
        model: Whose items the candidates are; ``None`` where they are the catalogue's films.
        told: What the model was told; ``None`` where a history had no part in it.
        why: Why nothing is personal; ``None`` where it is.
        newcomer: Whether the scores are how much films are liked first, not how much lately.
        members: float32[members, n], what each candidate is worth to each member of a group, where the list as a whole
            shall be fair to all.
    """

    source: Source
    catalogue: Catalogue
    scores: NDArray[np.float32]
    model: ServingModel | None = None
    told: Told | None = None
    why: str | None = None
    newcomer: bool = False
    members: NDArray[np.float32] | None = None

    @property
    def in_order(self) -> bool:
        """Whether scores never rise from the first candidate to the last."""
        return self.model is None and not self.newcomer

    def place(self, movie_id: int) -> int | None:
        """Return the candidate that a film is, or ``None`` where it is none."""
        return self.catalogue.position(movie_id) if self.model is None else self.model.items.get(movie_id)

    def places(self, movie_ids: set[int] | frozenset[int]) -> list[int]:
        """Return the candidates among some films."""
        return [place for movie_id in movie_ids if (place := self.place(movie_id)) is not None]

    def positions(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the catalogue position of candidates; -1 where the catalogue lacks the film."""
        return places if self.model is None else self.model.positions[places]

    def of_films(self, films: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return, by candidate, which are among ``films``, a mask by catalogue position."""
        return films if self.model is None else self.model.allowed(films)

    def listed(self) -> NDArray[np.bool_]:
        """Return which candidates are in the catalogue; not to be written to."""
        return np.ones(len(self.scores), np.bool_) if self.model is None else self.model.listed

    def score_of(self, movie_id: int) -> float:
        """Return the score of a film; as a model gives it to what it does not know: 0, or its lowest below that."""
        place = self.place(movie_id)
        return min(0.0, float(self.scores.min())) if place is None else float(self.scores[place])

    def spread(self) -> float:
        """Return the standard deviation of the scores; 1 where they are all the same."""
        return float(self.scores.std()) or 1.0


def score(snapshot: Snapshot, history: History, traits: NDArray[np.float32] | None = None) -> Scored:
    """Score every film for a history, with the released model where it draws something from it, else by popularity.

    Args:
        snapshot: The films, and the model where there is one.
        history: What was met.
        traits: Which of the model's traits the person has. With one of them a history may be empty.
    """
    catalogue, model = snapshot.catalogue, snapshot.model
    if model is None:
        return popular(catalogue, "No model is released yet", newcomer=likes_nothing(history))
    if not model.recommender.capabilities.personalised:
        same = model.recommender.score_one(np.empty(0, np.int32), np.empty(0, np.float32))
        why = f"The released model ({model.release.model}) gives everybody the same films."
        return Scored(Source.POPULAR, catalogue, same, model, why=why)
    told = tell(model, history, traits)
    if told.why is not None:
        return popular(catalogue, told.why, newcomer=likes_nothing(history))
    scores = model.recommender.score_one(told.items, told.weights, times=told.times, traits=told.traits)
    if scores.min() == scores.max():
        return popular(catalogue, "The released model draws nothing from this history", newcomer=likes_nothing(history))
    return Scored(Source.PERSONALISED, catalogue, scores, model, told)


def likes_nothing(history: History) -> bool:
    """Return whether a history holds no like."""
    return not (history.weights > 0).any()


def popular(catalogue: Catalogue, why: str, *, newcomer: bool = False) -> Scored:
    """Score films by how much they are liked lately, or for a newcomer by how much they are liked first.

    Args:
        catalogue: The films.
        why: Why nothing better can be said.
        newcomer: Whether no like is known of whoever gets them; where it is not known either what is liked first, they
            get what is liked lately too.
    """
    if newcomer and catalogue.liked_first is not None:
        return Scored(Source.POPULAR, catalogue, catalogue.liked_first, why=why, newcomer=True)
    return Scored(Source.POPULAR, catalogue, catalogue.popularity, why=why)


def words_of(
    items: Mapping[int, int], history: History
) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.int64]]:
    """Return the items, weights and times of the films of a history that speak for or against others and are known.

    Args:
        items: Film to item of a model.
        history: What was met.
    """
    found = [items.get(movie_id, -1) for movie_id in history.movie_ids.tolist()]
    places = np.array(found, np.int32)
    if -1 not in found and history.weights.all():
        return places, history.weights, history.times
    said = (places >= 0) & (history.weights != 0)
    return places[said], history.weights[said], history.times[said]


def tell(model: ServingModel, history: History, traits: NDArray[np.float32] | None = None) -> Told:
    """Return what a model can be told of a history, and of whose it is."""
    items, weights, times = words_of(model.items, history)
    why = None
    if traits is not None and traits.any():
        return Told(items, weights, times, why, traits)
    if not len(history):
        why = "There is no history to go by"
    elif not len(weights) or weights.max() <= 0:
        liked = history.weights.max() > 0
        why = "The released model knows none of the liked films" if liked else "Nothing in the history was liked"
    return Told(items, weights, times, why)
