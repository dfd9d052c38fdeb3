"""From a history to a list of films: pure, no clock, no store, the same for everybody.

The way of every list: score all films with the released model → leave out what was seen or is not wanted, lift what
is → arrange by pins, dials and the rules of the house → explain what is left. Where there is nothing to personalise
with, the scores are how much films are liked, and the answer says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from movie_mlops.features import History
from movie_mlops.serving.arranging import Arranged, Placed, arrange
from movie_mlops.serving.catalogue import Film
from movie_mlops.serving.choosing import Choice, choose, pool_sizes
from movie_mlops.serving.model import Snapshot
from movie_mlops.serving.reasons import Because, explain_again, reasons_for, strongest_reasons
from movie_mlops.serving.rules import NO_RULES, RuleBook, Ruling
from movie_mlops.serving.scoring import Scored, Source, score
from movie_mlops.serving.shortage import origin, page, ruled, sentences, shortage, unkept
from movie_mlops.serving.straight import straight
from movie_mlops.serving.wishes import Wish, and_

__all__ = ["Answer", "Because", "Pick", "Source", "answer", "explain_again", "recommend"]


@dataclass(frozen=True, slots=True)
class Pick:
    """A recommended film with its score and, where asked for and known, what speaks for it.

    Attributes:
        film: The film.
        score: The score of the model, or how much the film is liked where the answer is what is popular.
        because: The films that speak for it.
        liker: Who liked these.
        why: The reason in words, where it is not that these were liked.
        placed_by: What gave it its place; ``None`` where its score alone could.
    """

    film: Film
    score: float
    because: tuple[Because, ...] | None = None
    liker: str = "you"
    why: str | None = None
    placed_by: str | None = None

    def document(self, rank: int) -> dict[str, Any]:
        """Return the pick in the API's shape."""
        told = {**self.film.document(), "rank": rank, "score": self.score, "reason": self._reason()}
        if self.placed_by is not None:
            told["placed_by"] = self.placed_by
        return told

    def _reason(self) -> dict[str, Any] | None:
        if not self.because:
            return None
        named = [
            {"movie_id": because.film.movie_id, "title": because.film.title, "share": round(because.share, 3)}
            for because in self.because
        ]
        titles = and_([because.film.title for because in self.because])
        return {"text": self.why or f"Because {self.liker} liked {titles}", "because": named}


@dataclass(frozen=True, slots=True)
class Answer:
    """A list of films, where it comes from, and what a caller should know about it."""

    source: Source
    picks: tuple[Pick, ...]
    note: str | None


def recommend(
    snapshot: Snapshot,
    history: History,
    wish: Wish,
    *,
    reasons: int = 2,
    rules: RuleBook = NO_RULES,
    traits: NDArray[np.float32] | None = None,
) -> Answer:
    """Return the ``wish.k`` best films for a history.

    Args:
        snapshot: The films, and the model where there is one.
        history: What was met.
        wish: What is asked for.
        reasons: How many films a reason names at most.
        rules: The rules of the house.
        traits: Which of the traits that the model reads the person has; ``None`` where none was told.

    Returns:
        The answer; its source is ``popular`` whenever neither history nor traits had a part in it, and its note says
        why.
    """
    best = straight(snapshot, history, wish, rules.of(snapshot.catalogue), traits)
    if best is None:
        return answer(snapshot, score(snapshot, history, traits), history, wish, reasons=reasons, rules=rules)
    speaks: dict[int, tuple[Because, ...]] = {}
    if best.contributions is not None:
        speaks = strongest_reasons(
            snapshot.catalogue, best.model, best.told, best.items, best.contributions, most=reasons
        )
    listed = zip(best.films, best.scores, best.items, strict=True)
    return Answer(Source.PERSONALISED, tuple(Pick(film, worth, speaks.get(item)) for film, worth, item in listed), None)


def answer(
    snapshot: Snapshot, scored: Scored, history: History, wish: Wish, *, reasons: int = 2, rules: RuleBook = NO_RULES
) -> Answer:
    """Return the ``wish.k`` best films by scores that are there; see :func:`recommend`."""
    ruling = rules.of(scored.catalogue)
    choice = choose(scored, history, wish, ruling)
    if wish.plain and scored.members is None and (ruling is None or ruling.plain):
        films = [scored.catalogue.films[position] for position in scored.positions(choice.best(wish.k)).tolist()]
        arranged = Arranged(tuple(Placed(film, "score") for film in films))
    else:
        arranged = _arranged(choice, wish, ruling)
    picks = _told(scored, arranged, wish, reasons)
    recent = scored.model is None and any(pick.film.recent_likes for pick in picks)
    release_id = None if snapshot.model is None else snapshot.model.release.release_id
    short = ruled(arranged) if arranged.held_back else shortage(choice, len(picks), wish)
    return Answer(
        scored.source,
        picks,
        sentences(origin(scored, recent, len(picks)), short, *unkept(choice, arranged, wish), page(wish, release_id)),
    )


def _arranged(choice: Choice, wish: Wish, ruling: Ruling | None) -> Arranged:
    """Arrange the best films; where rules hold so many of them back that places stay empty, more of them."""
    arranged = Arranged(())
    for size in pool_sizes(wish):
        arranged = arrange(choice.scored, choice.pool(size, ruling), choice.pinned, wish, ruling)
        if not arranged.held_back:
            break
    return arranged


def _told(scored: Scored, arranged: Arranged, wish: Wish, reasons: int) -> tuple[Pick, ...]:
    """Return the films with scores and reasons, and with what gave them their places where not scores alone could."""
    films = [placed.film for placed in arranged.placed]
    speaks: dict[int, tuple[Because, ...]] = {}
    items = [scored.place(film.movie_id) for film in films]
    if wish.explain and scored.model is not None and scored.told is not None:
        known = [item for item in items if item is not None]
        speaks = reasons_for(scored.catalogue, scored.model, scored.told, known, most=reasons)
    return tuple(
        Pick(film, worth, speaks.get(-1 if item is None else item), placed_by=by)
        for film, worth, item, by in zip(
            films, _scores(scored, films), items, _placed_by(scored, arranged, wish), strict=True
        )
    )


def _scores(scored: Scored, films: Sequence[Film]) -> list[float]:
    """Return what is told as the score of each film: the model's, or its likes, lately where any is liked lately.

    A newcomer is told how much it is liked first.
    """
    if scored.model is not None or scored.newcomer:
        return [scored.score_of(film.movie_id) for film in films]
    recent = any(film.recent_likes for film in films)
    return [float(film.recent_likes if recent else film.likes) for film in films]


def _placed_by(scored: Scored, arranged: Arranged, wish: Wish) -> list[str | None]:
    """Return what gave each film its place; ``None`` where nothing but scores could."""
    if wish.plain and not wish.boosts and all(placed.by == "score" for placed in arranged.placed):
        return [None] * len(arranged.placed)
    masks = [mask for boost in wish.boosts if (mask := boost.films.mask(scored.catalogue)) is not None]
    positions = [scored.catalogue.position(placed.film.movie_id) for placed in arranged.placed]
    return [
        "boost" if placed.by == "score" and any(mask[position] for mask in masks) else placed.by
        for placed, position in zip(arranged.placed, positions, strict=True)
    ]
