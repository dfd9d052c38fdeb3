"""How feedback is split into what is known and what is to be found.

Every protocol gives :class:`EvaluationCase` objects; what is held out is always a positive (weight above zero).
"""

from datetime import UTC, datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from movie_mlops.core.columns import EVENT_TIME, MOVIE_ID, USER_ID
from movie_mlops.evaluation.case import EvaluationCase, Facts
from movie_mlops.evaluation.config import StrongGeneralisationConfig, TimeSplitConfig, UserFoldsConfig
from movie_mlops.evaluation.errors import SplitImpossibleError, TimesMissingError
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
    _check_share("test_share", config.test_share)
    data = Feedback.of(feedback)
    if data.times is None:
        raise _times_missing(feedback)
    n, moment = data.times.size, _moment(data.times, config)
    before = data.times < moment
    window = ~before
    warm = np.zeros(len(data.user_ids), dtype=np.bool_)
    warm[data.users[before]] = True
    by_new = window & ~warm[data.users]
    shown = before | (_first_half(data, by_new) if config.new_users == "fold-in" else False)
    held_out = window & ~shown & data.positive
    if config.new_users == "drop":
        held_out &= ~by_new
    _check_split(data.rows(before & data.positive), data.rows(held_out), feedback.height)
    judged_warm = int(np.count_nonzero(warm[np.unique(data.users[held_out])]))
    first, last = (_iso(int(t)) for t in (data.times.min(), data.times.max()))
    facts: Facts = {
        "protocol": "global time split",
        "T": _iso(int(moment)),
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
        _check_split(data.rows(~out & data.positive), data.rows(out & data.positive), feedback.height)
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
    _check_share("test_share", config.test_share)
    data = Feedback.of(feedback)
    if data.times is None:
        raise _times_missing(feedback)
    return _rows(feedback, data.times < _moment(data.times, config))


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
    _check_share("user_share", config.user_share)
    _check_share("shown_share", config.shown_share)
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
    shown = theirs & (_random_ranks(data.users, generator) >= np.floor(size * (1.0 - config.shown_share) + 1e-9))
    asked = theirs & ~shown & data.positive
    held_out = asked & trained[data.items]
    _check_split(data.rows(~theirs & data.positive), data.rows(held_out), feedback.height)
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


def _moment(times: NDArray[np.int64], config: TimeSplitConfig) -> np.int64:
    """Return T: the time of the row at which the latest share begins."""
    moment: np.int64 = np.sort(times)[times.size - max(1, round(times.size * config.test_share))]
    return moment


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
    fold: NDArray[np.int64] = (_random_ranks(data.users, generator) + start[data.users]) % config.folds
    return fold


def _first_half(data: Feedback, rows: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return bool[n]: the earlier half of each user's chosen rows, the greater half where their number is odd."""
    assert data.times is not None
    chosen = np.flatnonzero(rows)
    order = chosen[np.lexsort((data.items[chosen], data.times[chosen], data.users[chosen]))]
    size = np.bincount(data.users[order], minlength=len(data.user_ids))
    half = np.zeros(data.users.size, dtype=np.bool_)
    half[order] = _ranks(data.users[order]) < (size[data.users[order]] + 1) // 2
    return half


def _random_ranks(users: NDArray[np.int64], generator: np.random.Generator) -> NDArray[np.int64]:
    """Return int64[n]: a random rank, from 0, of each row within its user."""
    order = np.lexsort((generator.random(users.size), users))
    ranks = np.empty(users.size, dtype=np.int64)
    ranks[order] = _ranks(users[order])
    return ranks


def _ranks(grouped: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return int64[n]: 0, 1, 2 … within each run of equal values."""
    starts = np.flatnonzero(np.diff(grouped, prepend=-1))
    lengths = np.diff(np.append(starts, grouped.size))
    return np.arange(grouped.size, dtype=np.int64) - np.repeat(starts, lengths)


def _check_share(name: str, share: float) -> None:
    if not 0.0 < share < 1.0:
        raise SplitImpossibleError(
            f"{name} is {share}, which is not between 0 and 1.", next_step="Give a share such as 0.1."
        )


def _check_split(learned: int, held_out: int, rows: int) -> None:
    if not learned or not held_out:
        raise SplitImpossibleError(
            f"Of {rows:,} rows of feedback, {learned:,} positives would be learned from and {held_out:,} predicted.",
            next_step="Bring more feedback, or change the share that is held out.",
        )


def _times_missing(feedback: pl.DataFrame) -> TimesMissingError:
    return TimesMissingError(
        f"{feedback[EVENT_TIME].null_count():,} of {feedback.height:,} rows of feedback have no time, so they cannot"
        " be split by time.",
        next_step="Use per-user folds instead: movie-mlops evaluate --protocol user-folds",
    )


def _iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
