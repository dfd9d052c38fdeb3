"""Splits where little is known: the last like alone, new users, new films, and how models learn of them."""

import numpy as np
import polars as pl
import pytest

from movie_mlops.evaluation import (
    CaseInvalidError,
    ColdFilmsConfig,
    ColdUsersConfig,
    EvaluationCase,
    EvaluationConfig,
    EvaluationError,
    LearningCurveConfig,
    LeaveOneOutConfig,
    SplitImpossibleError,
    TimesMissingError,
    cold_films,
    cold_users,
    evaluate,
    learning_cases,
    leave_one_out,
)
from movie_mlops.recommenders import create
from tests.fixtures.stage_5.feedback import START, Row, feedback


def films(case: EvaluationCase, name: str) -> dict[str, list[int]]:
    matrix = getattr(case, name)
    return {user: case.movie_ids[matrix[row].indices].tolist() for row, user in enumerate(case.user_ids)}


def many(*, timed: bool, users: int = 40, likes: int = 14) -> pl.DataFrame:
    """Return users who like films in an order of their own, with a dislike after every fourth."""
    generator = np.random.default_rng(2)
    rows: list[Row] = []
    for user in range(users):
        for day, film in enumerate(generator.permutation(30)[: likes + 4].tolist()):
            rows.append((f"u{user:02d}", film, 0.0 if day % 5 == 4 else 1.0, day if timed else None))
    return feedback(rows)


HISTORY = [
    ("ann", 1, 1.0, 1),
    ("ann", 2, 1.0, 3),
    ("ann", 3, 0.0, 2),
    ("ann", 4, 0.0, 9),
    ("ben", 1, 1.0, 5),
    ("ben", 2, 1.0, 8),
    ("ben", 3, 1.0, 8),
    ("cat", 5, 1.0, 4),
]


def test_the_last_like_is_held_out() -> None:
    """Ties go to the later film; what came after the like is unknown to all; who has one like alone is learnt from."""
    case = leave_one_out(feedback(HISTORY))
    assert films(case, "held_out") == {"ann": [2], "ben": [3]}
    assert films(case, "histories") == {"ann": [1], "ben": [1, 2]}
    assert films(case, "seen") == {"ann": [1, 3], "ben": [1, 2]}
    assert [case.movie_ids[row.indices].tolist() for row in case.train] == [[1], [1, 2], [5]]
    assert case.train_times is not None
    assert len(case.train_times) == 4


def test_the_last_like_without_the_future() -> None:
    """With one moment for everybody nothing later is learnt from, and who ended before it is not judged."""
    case = leave_one_out(feedback(HISTORY), LeaveOneOutConfig(no_future=True, test_share=0.4))
    # The latest three of eight begin on day 8.
    assert films(case, "held_out") == {"ben": [3]}
    assert films(case, "histories") == {"ben": [1, 2]}
    assert [case.movie_ids[row.indices].tolist() for row in case.train] == [[1, 2], [1], [5]]


@pytest.mark.parametrize("no_future", [False, True])
def test_nothing_after_the_last_like_is_known(no_future: bool) -> None:
    """In a history nothing is later than what is held out; without the future nothing in training is either."""
    frame = many(timed=True)
    case = leave_one_out(frame, LeaveOneOutConfig(no_future=no_future, test_share=0.3))
    day = {
        (row["user_id"], row["movie_id"]): int((row["event_time"] - START).total_seconds())
        for row in frame.iter_rows(named=True)
    }
    for user, [held_out] in films(case, "held_out").items():
        assert all(day[user, film] < day[user, held_out] for film in films(case, "seen")[user])
        assert len(films(case, "histories")[user]) == 14
    assert case.train_times is not None
    if no_future:
        earliest = min(day[user, film] for user, [film] in films(case, "held_out").items())
        assert case.train_times.max() - int(START.timestamp()) < earliest


def test_a_last_like_needs_times_and_somebody() -> None:
    """Without times nothing is last, and without two likes nothing is left to show."""
    with pytest.raises(TimesMissingError):
        leave_one_out(many(timed=False))
    with pytest.raises(SplitImpossibleError):
        leave_one_out(feedback([("ann", 1, 1.0, 1), ("ben", 2, 1.0, 2)]))


@pytest.mark.parametrize("timed", [True, False])
def test_new_users_are_shown_few_likes(timed: bool) -> None:
    """Nobody who is judged is learnt from; each is shown one to five likes, the first ones where times are known."""
    frame = many(timed=timed)
    case = cold_users(frame, ColdUsersConfig(user_share=0.5))
    shown = {user: len(known) for user, known in films(case, "histories").items()}
    assert len(shown) == 20
    assert case.train.shape[0] == 20
    assert set(shown.values()) == {1, 2, 3, 4, 5}
    liked = {user: part for (user,), part in frame.filter(pl.col("weight") > 0).group_by("user_id")}
    for user, known in films(case, "histories").items():
        found = films(case, "held_out")[user]
        assert sorted(known + found) == sorted(liked[user]["movie_id"].to_list())
        if timed:
            first = liked[user].sort("event_time")["movie_id"].to_list()
            assert sorted(known) == sorted(first[: len(known)])


def test_dislikes_before_the_last_shown_like_are_masked() -> None:
    """A film that a new user saw and disliked before is not recommended; a later dislike is not known yet."""
    case = cold_users(many(timed=True), ColdUsersConfig(user_share=0.5))
    extra = {user: len(films(case, "seen")[user]) - len(known) for user, known in films(case, "histories").items()}
    by_shown = {len(known): extra[user] for user, known in films(case, "histories").items()}
    # Every fifth of what they did is a dislike: it comes before the fifth like and after the fourth.
    assert by_shown == {1: 0, 2: 0, 3: 0, 4: 0, 5: 1}


@pytest.mark.parametrize("timed", [True, False])
def test_a_learning_curve_changes_the_history_alone(timed: bool) -> None:
    """All cases share users, training, films to find and masks; the histories grow, each holding the one before."""
    cases = learning_cases(many(timed=timed), LearningCurveConfig(user_share=0.5, likes=(0, 1, 2, 5)))
    first = cases[0]
    assert [case.histories.nnz for case in cases.values()] == [0, 20, 40, 100]
    before: dict[str, list[int]] = {user: [] for user in first.user_ids}
    for case in cases.values():
        assert case.train is first.train
        assert case.user_ids == first.user_ids
        assert (case.held_out != first.held_out).nnz == 0
        assert (case.seen != first.seen).nnz == 0
        now = films(case, "histories")
        assert all(set(before[user]) <= set(now[user]) for user in now)
        before = now


def test_who_is_not_known_is_judged_by_what_is_popular() -> None:
    """As the API answers: after no like a personal model stands where popularity does, and after two it does not."""
    cases = learning_cases(many(timed=False), LearningCurveConfig(user_share=0.5, likes=(0, 2)))
    found = {}
    for name in ("popular", "ease"):
        model = create(name)
        model.fit(cases[0].train)
        found[name] = [evaluate(model, case).values("ndcg@10").tolist() for case in cases.values()]
    assert found["ease"][0] == found["popular"][0]
    assert found["ease"][1] != found["popular"][1]


def test_new_films_are_in_no_training_data() -> None:
    """A share of the films is liked by nobody in training, and these films alone are to be found and may be shown."""
    case = cold_films(many(timed=True), ColdFilmsConfig(film_share=0.2))
    learnt = np.bincount(case.train.indices, minlength=30) > 0
    assert case.candidates is not None
    assert np.count_nonzero(case.candidates) == 6
    assert not (learnt & case.candidates).any()
    assert case.candidates[case.held_out.indices].all()
    assert not case.candidates[case.seen.indices].any()
    assert (np.diff(case.histories.indptr) > 0).all()


class Knows:
    """A model that likes one film above all, and the others by their number."""

    name = "knows"

    def __init__(self, item: int) -> None:
        self._item = item

    def score(self, histories: object, *, times: np.ndarray | None = None) -> np.ndarray:
        """Return the scores."""
        scores = np.tile(np.arange(30, 0, -1, dtype=np.float32), (histories.shape[0], 1))  # type: ignore[attr-defined]
        scores[:, self._item] = 99.0
        return scores


def test_new_films_are_ranked_among_themselves_or_all() -> None:
    """Among themselves no other film takes their place in a list; among all films one can, and is never a hit."""
    frame = many(timed=True)
    among = cold_films(frame, ColdFilmsConfig(film_share=0.2))
    overall = cold_films(frame, ColdFilmsConfig(film_share=0.2, among="all"))
    assert overall.candidates is None
    assert among.candidates is not None
    warm = int(np.flatnonzero(~among.candidates)[0])
    config = EvaluationConfig(cutoffs=(1, 6))
    one, other = evaluate(Knows(warm), among, config), evaluate(Knows(warm), overall, config)
    assert one.mean("recall@6") == 1.0
    assert one.lists["coverage@6"] == pytest.approx(6 / 30)
    assert other.mean("recall@6") < 1.0


def test_what_may_not_be_shown_cannot_be_held_out() -> None:
    """A case whose films to find are not among its candidates contradicts itself."""
    case = cold_films(many(timed=True))
    with pytest.raises(CaseInvalidError, match="not among the candidates"):
        EvaluationCase(**{**vars(case), "candidates": np.zeros(30, dtype=np.bool_)})


@pytest.mark.parametrize(
    "split",
    [
        lambda: cold_users(many(timed=True, likes=6)),
        lambda: learning_cases(many(timed=True, likes=10)),
        lambda: cold_films(feedback(HISTORY)),
        lambda: cold_films(many(timed=True), ColdFilmsConfig(film_share=1.0)),
        lambda: cold_users(many(timed=True), ColdUsersConfig(user_share=0.0)),
    ],
)
def test_too_little_feedback_is_refused(split: object) -> None:
    """Where nobody has enough likes, no film has, or a share is none, the split is refused."""
    with pytest.raises(SplitImpossibleError):
        split()  # type: ignore[operator]


@pytest.mark.parametrize(
    "config",
    [
        lambda: LeaveOneOutConfig(least_positives=1),
        lambda: ColdUsersConfig(fewest_shown=4, most_shown=3),
        lambda: ColdUsersConfig(least_held_out=0),
        lambda: LearningCurveConfig(likes=()),
        lambda: LearningCurveConfig(likes=(2, 1)),
        lambda: LearningCurveConfig(likes=(-1, 1)),
    ],
)
def test_settings_that_make_no_sense_are_refused(config: object) -> None:
    """Numbers that contradict each other are refused with the least that is possible."""
    with pytest.raises(EvaluationError, match="Give"):
        config()  # type: ignore[operator]


def test_the_same_seed_gives_the_same_split() -> None:
    """Another seed chooses others; the same one the same, whatever the order of the rows."""
    frame = many(timed=False)
    one, again = cold_users(frame), cold_users(frame.sample(fraction=1.0, shuffle=True, seed=4))
    assert one.user_ids == again.user_ids
    assert (one.histories != again.histories).nnz == 0
    assert cold_users(frame, ColdUsersConfig(seed=3)).user_ids != one.user_ids
