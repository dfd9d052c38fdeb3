"""Splits that ask what a model does where little is known: new users, new films."""

from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from movie_mlops.evaluation.case import EvaluationCase, Facts
from movie_mlops.evaluation.config import ColdFilmsConfig, ColdUsersConfig, LearningCurveConfig
from movie_mlops.evaluation.dealing import check_share, check_split, in_order
from movie_mlops.evaluation.errors import SplitImpossibleError
from movie_mlops.evaluation.matrices import Feedback, Mask


def cold_users(feedback: pl.DataFrame, config: ColdUsersConfig | None = None) -> EvaluationCase:
    """Hold users out whole and show few of their likes: each is given a number of them, and the rest is to be found.

    The likes that are shown are a user's first; where times are missing they are random. What the user saw and did not
    like before the last of them is masked too.

    Raises:
        SplitImpossibleError: Nobody has enough positives.
    """
    config = config or ColdUsersConfig()
    data = Feedback.of(feedback)
    generator = np.random.default_rng(config.seed)
    theirs = _left_out(data, config.user_share, config.most_shown + config.least_held_out, generator)
    rank = in_order(data, theirs & data.positive, generator)
    given = generator.integers(config.fewest_shown, config.most_shown + 1, size=len(data.user_ids))[data.users]
    liked = (rank >= 0) & (rank < given)
    held_out = (rank >= 0) & ~liked
    check_split(data.rows(~theirs & data.positive), data.rows(held_out), feedback.height)
    facts: Facts = {
        "protocol": f"cold users, {config.fewest_shown} to {config.most_shown} likes shown",
        "order of the likes": _order(data),
        "seed": config.seed,
        "rows": feedback.height,
    }
    return data.case(
        "cold-users", known=~theirs, shown=liked | _before(data, theirs, liked), held_out=held_out, facts=facts
    )


def learning_cases(feedback: pl.DataFrame, config: LearningCurveConfig | None = None) -> dict[int, EvaluationCase]:
    """Return, for each number of likes, the case in which a model is shown that many of the same new users.

    All cases have the same training matrix, users, films to be found and films that are masked: nothing but the history
    grows from one to the next. The likes are a user's first; where times are missing they are random.

    Raises:
        SplitImpossibleError: Nobody has enough positives.
    """
    config = config or LearningCurveConfig()
    most = max(config.likes)
    data = Feedback.of(feedback)
    generator = np.random.default_rng(config.seed)
    theirs = _left_out(data, config.user_share, most + config.least_held_out, generator)
    rank = in_order(data, theirs & data.positive, generator)
    masked = (rank >= 0) & (rank < most)
    held_out = rank >= most
    check_split(data.rows(~theirs & data.positive), data.rows(held_out), feedback.height)
    facts: Facts = {
        "protocol": "learning curve, users held out whole",
        "order of the likes": _order(data),
        "seed": config.seed,
        "rows": feedback.height,
    }
    masked |= _before(data, theirs, masked)
    whole = data.case("learning-curve", known=~theirs, shown=masked, held_out=held_out, facts=facts)
    judged = np.unique(data.users[held_out])
    cases = {}
    for likes in config.likes:
        histories, times = data.timed((rank >= 0) & (rank < likes), judged)
        cases[likes] = replace(whole, name=f"{likes} likes", histories=histories, history_times=times)
    return cases


def cold_films(feedback: pl.DataFrame, config: ColdFilmsConfig | None = None) -> EvaluationCase:
    """Take films out of training whole; they are to be found by those who liked them, from their likes of other films.

    A model without content of films knows nothing of them: it scores them all alike, and its list is then that of the
    lowest film numbers, which is what it has to be compared with.

    Raises:
        SplitImpossibleError: No film has enough positives, or nobody likes both kinds of films.
    """
    config = config or ColdFilmsConfig()
    check_share("film_share", config.film_share)
    data = Feedback.of(feedback)
    generator = np.random.default_rng(config.seed)
    likes = np.bincount(data.items[data.positive], minlength=data.movie_ids.size)
    eligible = np.flatnonzero(likes >= max(1, config.least_positives))
    cold = np.zeros(data.movie_ids.size, dtype=np.bool_)
    cold[_chosen(eligible, config.film_share, generator, f"No film has {config.least_positives:,} positives.")] = True
    known = ~cold[data.items]
    warm = np.zeros(len(data.user_ids), dtype=np.bool_)
    warm[data.users[known & data.positive]] = True
    held_out = ~known & data.positive & warm[data.users]
    check_split(data.rows(known & data.positive), data.rows(held_out), feedback.height)
    facts: Facts = {
        "protocol": "cold films, taken out of training whole",
        "films taken out": int(np.count_nonzero(cold)),
        "ranked among": "themselves" if config.among == "cold" else "all films",
        "seed": config.seed,
        "rows": feedback.height,
    }
    return data.case(
        "cold-films",
        known=known,
        shown=known,
        held_out=held_out,
        facts=facts,
        candidates=cold if config.among == "cold" else None,
    )


def _left_out(data: Feedback, share: float, least: int, generator: np.random.Generator) -> Mask:
    """Return bool[n]: the rows of a random share of the users who have at least so many positives."""
    check_share("user_share", share)
    positives = np.bincount(data.users[data.positive], minlength=len(data.user_ids))
    left_out = np.zeros(len(data.user_ids), dtype=np.bool_)
    eligible = np.flatnonzero(positives >= least)
    left_out[_chosen(eligible, share, generator, f"No user has {least:,} positives.")] = True
    return np.asarray(left_out[data.users], dtype=np.bool_)


def _chosen(
    eligible: NDArray[np.int64], share: float, generator: np.random.Generator, nothing: str
) -> NDArray[np.int64]:
    if not eligible.size:
        raise SplitImpossibleError(nothing, next_step="Bring more feedback, or ask for less of it.")
    return generator.choice(eligible, size=int(np.ceil(eligible.size * share)), replace=False)


def _before(data: Feedback, theirs: Mask, liked: Mask) -> Mask:
    """Return bool[n]: what these users saw and did not like up to the last of the chosen likes; none without times."""
    if data.times is None:
        return np.zeros(data.users.size, dtype=np.bool_)
    last = np.full(len(data.user_ids), np.iinfo(np.int64).min)
    np.maximum.at(last, data.users[liked], data.times[liked])
    return np.asarray(theirs & ~data.positive & (data.times <= last[data.users]), dtype=np.bool_)


def _order(data: Feedback) -> str:
    return "random" if data.times is None else "time"
