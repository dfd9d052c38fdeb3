"""How feedback is split into what is known and what is to be found.

Every protocol gives :class:`EvaluationCase` objects; what is held out is always a positive (weight above zero).
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from movie_mlops.core.columns import MOVIE_ID, USER_ID
from movie_mlops.evaluation.case import EvaluationCase, Facts
from movie_mlops.evaluation.config import (
    LeaveOneOutConfig,
    StrongGeneralisationConfig,
    TimeSplitConfig,
    UserFoldsConfig,
)
from movie_mlops.evaluation.dealing import check_share, check_split, first_half, iso, random_ranks, times_missing
from movie_mlops.evaluation.errors import SplitImpossibleError
from movie_mlops.evaluation.matrices import Feedback


def time_split(feedback: pl.DataFrame, config: TimeSplitConfig | None = None) -> EvaluationCase:
    """Split at one moment T for everybody: models learn from what came before, and predict what came after.

    T is the time of the row at which the latest ``test_share`` of the feedback begins; rows at T itself belong to the
    window. A user's history is what they did before T; who first appears in the window is treated as
    ``config.new_users`` says. Films first seen in the window stay among the items: no model can know them, and
    missing them is what a viewer would see.

    Args:
        feedback: One row per user and film: user_id, movie_id, weight, event_time.
        config: The share of the window and what becomes of new users.

    Raises:
        TimesMissingError: A row has no time.
        SplitImpossibleError: No positive lies before T, or nobody is left to be judged.
    """
    config = config or TimeSplitConfig()
    check_share("test_share", config.test_share)
    data = Feedback.of(feedback)
    if data.times is None:
        raise times_missing(feedback)
    n, moment = data.times.size, data.moment(config.test_share)
    before = data.times < moment
    window = ~before
    warm = np.zeros(len(data.user_ids), dtype=np.bool_)
    warm[data.users[before]] = True
    by_new = window & ~warm[data.users]
    shown = before | (first_half(data, by_new) if config.new_users == "fold-in" else False)
    held_out = window & ~shown & data.positive
    if config.new_users == "drop":
        held_out &= ~by_new
    check_split(data.rows(before & data.positive), data.rows(held_out), feedback.height)
    judged_warm = int(np.count_nonzero(warm[np.unique(data.users[held_out])]))
    first, last = (iso(int(t)) for t in (data.times.min(), data.times.max()))
    facts: Facts = {
        "protocol": "global time split",
        "T": iso(moment),
        "feedback from": first,
        "feedback to": last,
        "rows": n,
        "rows before T": data.rows(before),
        "rows in the window": data.rows(window),
        "judged users known before T": judged_warm,
        "judged users new in the window": int(np.unique(data.users[held_out]).size) - judged_warm,
        "new users": config.new_users,
    }
    return data.case("time", known=before, shown=shown, held_out=held_out, facts=facts)


def leave_one_out(feedback: pl.DataFrame, config: LeaveOneOutConfig | None = None) -> EvaluationCase:
    """Hold out the last positive of each user; what a user did before it is what a model is shown of them.

    What a user did after it (dislikes) is unknown to everybody. By default models learn from all the rest, and with it
    from what other users did later: fine for comparing models, and no forecast. With ``no_future`` they learn from what
    came before one moment T only, and users are judged whose last positive lies at or after T; they are still shown
    everything before it, as a live system would be.

    Raises:
        TimesMissingError: A row has no time.
        SplitImpossibleError: Nobody has enough positives, or nothing lies before T.
    """
    config = config or LeaveOneOutConfig()
    check_share("test_share", config.test_share)
    data = Feedback.of(feedback)
    if data.times is None:
        raise times_missing(feedback)
    positives = np.bincount(data.users[data.positive], minlength=len(data.user_ids))
    order = np.lexsort((data.items, data.times, data.users))
    place = np.empty(order.size, dtype=np.int64)
    place[order] = np.arange(order.size)
    last = np.full(len(data.user_ids), -1, dtype=np.int64)
    np.maximum.at(last, data.users[data.positive], place[data.positive])
    held_out = (place == last[data.users]) & (positives[data.users] >= config.least_positives)
    before = place < last[data.users]
    moment = data.moment(config.test_share)
    if config.no_future:
        held_out &= data.times >= moment
        known = data.times < moment
    else:
        known = before | ((positives[data.users] < config.least_positives) & data.positive)
    check_split(data.rows(known & ~held_out & data.positive), data.rows(held_out), feedback.height)
    facts: Facts = {
        "protocol": "leave one out, the last positive of each user",
        "models learn from": f"what came before {iso(moment)}"
        if config.no_future
        else "everything else, later included",
        "least positives of a judged user": config.least_positives,
        "rows": data.times.size,
    }
    return data.case("leave-one-out", known=known & ~held_out, shown=before, held_out=held_out, facts=facts)


def user_folds(feedback: pl.DataFrame, config: UserFoldsConfig | None = None) -> list[EvaluationCase]:
    """Deal every user's feedback into random folds; each case holds one fold out and knows the rest.

    It needs no times, and therefore lets a model learn from what came later: it compares models, it does not foretell
    what a release will achieve.

    Raises:
        SplitImpossibleError: There are fewer than two folds, or nothing can be held out.
    """
    config = config or UserFoldsConfig()
    cases = config.folds if config.cases is None else config.cases
    data = Feedback.of(feedback)
    fold = _dealt(data, config)
    made = []
    for number in range(cases):
        out = fold == number
        check_split(data.rows(~out & data.positive), data.rows(out & data.positive), feedback.height)
        facts: Facts = {
            "protocol": f"random folds per user, {number + 1} of {config.folds}",
            "seed": config.seed,
            "rows": feedback.height,
        }
        made.append(data.case(f"fold-{number}", known=~out, shown=~out, held_out=out & data.positive, facts=facts))
    return made


def known_before(feedback: pl.DataFrame, config: TimeSplitConfig | None = None) -> pl.DataFrame:
    """Return the rows of the feedback that lie before the moment T of :func:`time_split`, and none from the window.

    Raises:
        TimesMissingError: A row has no time.
    """
    config = config or TimeSplitConfig()
    check_share("test_share", config.test_share)
    data = Feedback.of(feedback)
    if data.times is None:
        raise times_missing(feedback)
    return _rows(feedback, data.times < data.moment(config.test_share))


def known_of_fold(feedback: pl.DataFrame, number: int, config: UserFoldsConfig | None = None) -> pl.DataFrame:
    """Return the rows of the feedback that one case of :func:`user_folds` knows, and none that it holds out.

    Raises:
        SplitImpossibleError: There are fewer than two folds, or no fold of that number.
    """
    config = config or UserFoldsConfig()
    if not 0 <= number < config.folds:
        raise SplitImpossibleError(
            f"There is no fold {number}.", next_step=f"Give a number from 0 to {config.folds - 1}."
        )
    return _rows(feedback, _dealt(Feedback.of(feedback), config) != number)


def strong_generalisation(feedback: pl.DataFrame, config: StrongGeneralisationConfig | None = None) -> EvaluationCase:
    """Hold users out whole: models learn from the others, are shown most of their feedback, and predict the rest.

    As in Liang et al., *Variational Autoencoders for Collaborative Filtering* (WWW 2018): films without a training
    positive are not held out.

    Raises:
        SplitImpossibleError: Too few users have enough positives.
    """
    config = config or StrongGeneralisationConfig()
    check_share("user_share", config.user_share)
    check_share("shown_share", config.shown_share)
    data = Feedback.of(feedback)
    generator = np.random.default_rng(config.seed)
    positives = np.bincount(data.users[data.positive], minlength=len(data.user_ids))
    eligible = np.flatnonzero(positives >= config.least_positives)
    wanted = int(np.ceil(eligible.size * config.user_share))
    left_out = np.zeros(len(data.user_ids), dtype=np.bool_)
    left_out[generator.choice(eligible, size=wanted, replace=False)] = True
    theirs = left_out[data.users]
    trained = np.zeros(data.movie_ids.size, dtype=np.bool_)
    trained[data.items[~theirs & data.positive]] = True
    size = np.bincount(data.users)[data.users]
    shown = theirs & (random_ranks(data.users, generator) >= np.floor(size * (1.0 - config.shown_share) + 1e-9))
    asked = theirs & ~shown & data.positive
    held_out = asked & trained[data.items]
    check_split(data.rows(~theirs & data.positive), data.rows(held_out), feedback.height)
    facts: Facts = {
        "protocol": "strong generalisation (users held out whole)",
        "seed": config.seed,
        "rows": feedback.height,
        "users held out": wanted,
        "share of their feedback shown": config.shown_share,
        "positives left out because no training user has the film": data.rows(asked & ~held_out),
    }
    return data.case("strong", known=~theirs, shown=shown, held_out=held_out, facts=facts)


def _rows(feedback: pl.DataFrame, chosen: NDArray[np.bool_]) -> pl.DataFrame:
    """Return the chosen rows of a frame, chosen in the order that :class:`Feedback` puts them in."""
    return feedback.sort(USER_ID, MOVIE_ID).filter(chosen)


def _dealt(data: Feedback, config: UserFoldsConfig) -> NDArray[np.int64]:
    """Return int64[n]: the fold of each row."""
    cases = config.folds if config.cases is None else config.cases
    if config.folds < 2 or not 1 <= cases <= config.folds:  # noqa: PLR2004 (one fold leaves nothing to learn from)
        raise SplitImpossibleError(
            f"{cases} cases cannot be made of {config.folds} folds.",
            next_step="Use at least 2 folds, and between 1 and that many cases.",
        )
    generator = np.random.default_rng(config.seed)
    # Dealing starts at a random fold for each user, so that the leftovers do not all land in the first fold.
    start = generator.integers(0, config.folds, size=len(data.user_ids))
    fold: NDArray[np.int64] = (random_ranks(data.users, generator) + start[data.users]) % config.folds
    return fold
