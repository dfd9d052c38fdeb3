"""How feedback is split, and that nothing leaks from what is to be found into what is known."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from movie_mlops.evaluation import (
    CaseInvalidError,
    EvaluationCase,
    EvaluationError,
    FoldsInvalidError,
    SplitImpossibleError,
    StrongGeneralisationConfig,
    TimesMissingError,
    TimeSplitConfig,
    UserFoldsConfig,
    given_folds,
    strong_generalisation,
    time_split,
    user_folds,
)
from tests.fixtures.stage_5.feedback import START, Row, feedback

Pairs = set[tuple[str, int]]


def pairs(case: EvaluationCase, name: str) -> Pairs:
    matrix = getattr(case, name).tocoo()
    return {(case.user_ids[row], int(case.movie_ids[column])) for row, column in zip(*matrix.coords, strict=True)}


def train_rows(case: EvaluationCase) -> list[list[int]]:
    return [
        sorted(int(case.movie_ids[column]) for column in case.train[row].indices) for row in range(case.train.shape[0])
    ]


# Ten rows; the last 40 % begin on day 7. Ann is known before, Ben appears on day 7, Cat is never judged.
HISTORY: list[Row] = [
    ("ann", 10, 1.0, 1),
    ("ann", 20, 0.0, 2),
    ("cat", 10, 1.0, 3),
    ("cat", 30, 1.0, 4),
    ("cat", 20, 1.0, 5),
    ("cat", 50, 0.0, 6),
    ("ben", 30, 1.0, 7),
    ("ben", 10, 1.0, 8),
    ("ann", 30, 1.0, 9),
    ("ann", 40, 0.0, 10),
]


def test_a_time_split_by_hand() -> None:
    """Learning ends at T; a known user's past and a new user's first half are shown, later positives are held out."""
    case = time_split(feedback(HISTORY), TimeSplitConfig(test_share=0.4))
    assert case.movie_ids.tolist() == [10, 20, 30, 40, 50]
    assert train_rows(case) == [[10], [10, 20, 30]]
    assert case.user_ids == ["ann", "ben"]
    assert pairs(case, "histories") == {("ann", 10), ("ben", 30)}
    assert pairs(case, "seen") == {("ann", 10), ("ann", 20), ("ben", 30)}
    assert pairs(case, "held_out") == {("ann", 30), ("ben", 10)}
    wanted = {"T": "2024-01-08 00:00:00 UTC", "rows": 10, "rows before T": 6, "rows in the window": 4}
    assert {name: case.facts[name] for name in wanted} == wanted
    assert case.facts["judged users known before T"] == 1
    assert case.facts["judged users new in the window"] == 1
    assert case.facts["of them films without a training positive"] == 0


def test_train_times_stand_beside_their_entries() -> None:
    """The time of each training entry is that of its own row."""
    case = time_split(feedback(HISTORY), TimeSplitConfig(test_share=0.4))
    assert case.train_times is not None
    days = [datetime.fromtimestamp(t, UTC).day - 1 for t in case.train_times]
    assert list(zip(case.train.indices.tolist(), days, strict=True)) == [(0, 1), (0, 3), (1, 5), (2, 4)]


def test_history_times_stand_beside_their_entries() -> None:
    """The time of each film of a history is that of its own row; where any time is unknown there are none."""
    case = time_split(feedback([*HISTORY, ("ann", 5, 1.0, 6)]), TimeSplitConfig(test_share=0.4))
    assert case.history_times is not None
    days = [datetime.fromtimestamp(t, UTC).day - 1 for t in case.history_times]
    entries = case.histories.tocoo()
    told = zip(entries.coords[0].tolist(), case.movie_ids[entries.coords[1]].tolist(), days, strict=True)
    assert list(told) == [(0, 5, 6), (0, 10, 1), (1, 30, 7)]
    untimed = user_folds(feedback([*HISTORY, ("ann", 5, 1.0, None)]), UserFoldsConfig(folds=2))
    assert untimed[0].history_times is None


def test_times_and_content_out_of_step_are_refused() -> None:
    """A case with a time too few for its histories, or a row of content too few for its films, is not made."""
    case = time_split(feedback(HISTORY), TimeSplitConfig(test_share=0.4))
    assert case.history_times is not None
    with pytest.raises(CaseInvalidError, match="2 entries and 1 times"):
        replace(case, history_times=case.history_times[1:])
    with pytest.raises(CaseInvalidError, match="content has 4 items instead of 5"):
        replace(case, content=sparse.csr_matrix((4, 2), dtype=np.float32))


def test_new_users_can_be_dropped() -> None:
    """With new_users="drop" only users known before T are judged."""
    case = time_split(feedback(HISTORY), TimeSplitConfig(test_share=0.4, new_users="drop"))
    assert case.user_ids == ["ann"]


def test_a_new_user_with_one_row_is_not_judged() -> None:
    """Of a new user's odd number of rows the greater half is shown, so one row leaves nothing to predict."""
    rows = [*HISTORY[:6], ("ben", 30, 1.0, 7), ("ann", 30, 1.0, 9)]
    assert time_split(feedback(rows), TimeSplitConfig(test_share=0.25)).user_ids == ["ann"]


def test_rows_at_the_same_moment_are_on_one_side() -> None:
    """Rows at T itself all belong to the window, though that makes it greater than asked for."""
    rows: list[Row] = [("ann", 1, 1.0, 1), *[("ann", movie, 1.0, 5) for movie in range(2, 7)]]
    case = time_split(feedback(rows), TimeSplitConfig(test_share=0.2))
    assert case.facts["rows in the window"] == 5
    assert pairs(case, "histories") == {("ann", 1)}


def test_missing_times_are_refused_with_the_count() -> None:
    """A time split of feedback in which a time is missing is refused with the count and the way out."""
    rows: list[Row] = [*HISTORY, ("cat", 40, 1.0, None)]
    with pytest.raises(TimesMissingError, match="1 of 11 rows of feedback have no time") as refused:
        time_split(feedback(rows))
    assert "--protocol user-folds" in refused.value.next_step


@pytest.mark.parametrize("share", [0.0, 1.0, -1.0])
def test_a_share_outside_zero_and_one_is_refused(share: float) -> None:
    """The share of the window must leave something on both sides."""
    with pytest.raises(SplitImpossibleError, match="not between 0 and 1"):
        time_split(feedback(HISTORY), TimeSplitConfig(test_share=share))


def test_feedback_of_one_moment_cannot_be_split_by_time() -> None:
    """Where everything happened at once there is nothing to learn from before it."""
    with pytest.raises(SplitImpossibleError, match="0 positives would be learned from"):
        time_split(feedback([("ann", movie, 1.0, 1) for movie in range(9)]))


def test_a_pair_that_is_there_twice_is_refused() -> None:
    """One user and film in two rows is refused: it could be both known and held out."""
    with pytest.raises(EvaluationError, match="more than one row"):
        time_split(feedback([*HISTORY, ("ann", 10, 1.0, 10)]))


def test_empty_feedback_is_refused() -> None:
    """Feedback without rows is refused with the next step."""
    with pytest.raises(EvaluationError, match="no rows"):
        user_folds(feedback([]))


def some_feedback(users: int = 12, movies: int = 15) -> list[Row]:
    generator = np.random.default_rng(5)
    return [
        (f"u{user}", movie, float(generator.random() < 0.7), int(generator.integers(0, 60)))
        for user in range(users)
        for movie in range(movies)
        if generator.random() < 0.8
    ]


def test_user_folds_hold_every_positive_out_once() -> None:
    """Over all folds each positive is held out exactly once, and is known in every other fold."""
    rows = some_feedback()
    cases = user_folds(feedback(rows), UserFoldsConfig(folds=4))
    held_out = [pair for case in cases for pair in pairs(case, "held_out")]
    assert sorted(held_out) == sorted((user, movie) for user, movie, weight, _ in rows if weight > 0)
    for case in cases:
        assert case.train.nnz + case.held_out.nnz == len(held_out)


def test_folds_of_a_user_are_of_equal_size() -> None:
    """A user's rows are dealt evenly: no two folds differ by more than one row."""
    cases = user_folds(
        feedback([("ann", m, 1.0, None) for m in range(11)] + [("ben", m, 1.0, None) for m in range(11)])
    )
    sizes = [case.held_out[case.user_ids.index("ann")].nnz for case in cases]
    assert sorted(sizes) == [2, 2, 2, 2, 3]


def test_a_single_split_is_the_first_fold() -> None:
    """folds=5, cases=1 is one 80/20 split; the same seed gives the same split, another seed another."""
    frame = feedback(some_feedback())
    one = user_folds(frame, UserFoldsConfig(cases=1))
    assert len(one) == 1
    assert pairs(one[0], "held_out") == pairs(user_folds(frame)[0], "held_out")
    assert pairs(one[0], "held_out") != pairs(user_folds(frame, UserFoldsConfig(cases=1, seed=1))[0], "held_out")


@pytest.mark.parametrize(("folds", "cases"), [(1, None), (5, 0), (5, 6)])
def test_folds_that_cannot_be_are_refused(folds: int, cases: int | None) -> None:
    """Fewer than two folds, or more cases than folds, are refused."""
    with pytest.raises(SplitImpossibleError, match="cannot be made"):
        user_folds(feedback(HISTORY), UserFoldsConfig(folds=folds, cases=cases))


def test_strong_generalisation_learns_nothing_from_the_held_out_users() -> None:
    """Users who are judged are in no training row; four fifths of what they did are shown."""
    rows: list[Row] = [(f"u{user}", movie, 1.0, None) for user in range(20) for movie in range(10)]
    case = strong_generalisation(feedback(rows), StrongGeneralisationConfig(user_share=0.2))
    assert (len(case.user_ids), case.train.shape[0]) == (4, 16)
    assert np.diff(case.histories.indptr).tolist() == [8, 8, 8, 8]
    assert np.diff(case.held_out.indptr).tolist() == [2, 2, 2, 2]


def test_strong_generalisation_asks_only_for_films_that_can_be_known() -> None:
    """A film that no training user likes is not held out; users with few positives are not judged."""
    rows: list[Row] = [("few", movie, 1.0, None) for movie in range(4)]
    rows += [("many", movie, 1.0, None) for movie in range(40)]
    case = strong_generalisation(feedback(rows), StrongGeneralisationConfig(user_share=0.5, seed=4))
    assert case.user_ids == ["many"]
    assert {movie for _, movie in pairs(case, "held_out")} <= {0, 1, 2, 3}


@settings(max_examples=150, deadline=None)
@given(
    rows=st.dictionaries(
        st.tuples(st.integers(0, 5), st.integers(0, 9)),
        st.tuples(st.sampled_from([0.0, 1.0, 2.0]), st.integers(0, 12)),
        min_size=8,
    ),
    share=st.sampled_from([0.1, 0.3, 0.5, 0.8]),
    new_users=st.sampled_from(["fold-in", "drop"]),
)
def test_no_protocol_leaks(rows: dict[tuple[int, int], tuple[float, int]], share: float, new_users: str) -> None:
    """On any feedback no held-out film is known, and in a time split nothing from T on is learned from.

    Of a known user nothing from T on is shown, and of a new user nothing that is later than what is held out.
    """
    day = {(f"u{user}", movie): when for (user, movie), (_, when) in rows.items()}
    frame = feedback([(f"u{u}", movie, weight, when) for (u, movie), (weight, when) in rows.items()])
    cases: list[EvaluationCase] = []
    try:
        case = time_split(frame, TimeSplitConfig(test_share=share, new_users=new_users))
    except SplitImpossibleError:
        pass
    else:
        cases.append(case)
        moment = datetime.strptime(str(case.facts["T"]), "%Y-%m-%d %H:%M:%S UTC").replace(tzinfo=UTC)
        assert case.train_times is not None
        assert (case.train_times < moment.timestamp()).all()
        known = {user for (user, _), when in day.items() if START + timedelta(days=when) < moment}
        for user in case.user_ids:
            shown = [day[pair] for pair in pairs(case, "seen") if pair[0] == user]
            asked = [day[pair] for pair in pairs(case, "held_out") if pair[0] == user]
            limit = (moment - START).days
            assert min(asked) >= limit
            assert all(when < limit for when in shown) if user in known else max(shown) <= min(asked)
        assert new_users == "fold-in" or set(case.user_ids) <= known
    for protocol in (user_folds, lambda frame: [strong_generalisation(frame)]):
        try:
            cases += protocol(frame)
        except SplitImpossibleError:
            continue
    weights = {(f"u{user}", movie): weight for (user, movie), (weight, _) in rows.items()}
    for case in cases:
        assert not pairs(case, "held_out") & pairs(case, "seen")
        assert pairs(case, "histories") == {pair for pair in pairs(case, "seen") if weights[pair] > 0}
        assert all(weights[pair] > 0 for pair in pairs(case, "held_out"))
        assert (case.train.data > 0).all()
        assert len(case.train.data) <= sum(weight > 0 for weight in weights.values()) - case.held_out.nnz


def test_a_case_that_leaks_cannot_be_made() -> None:
    """A case in which a held-out film is already seen is refused when it is made."""
    case = time_split(feedback(HISTORY), TimeSplitConfig(test_share=0.4))
    with pytest.raises(CaseInvalidError, match="2 held-out films are already known"):
        EvaluationCase(
            name="leak",
            train=case.train,
            train_times=None,
            histories=case.histories,
            seen=case.seen + case.held_out,
            held_out=case.held_out,
            user_ids=case.user_ids,
            movie_ids=case.movie_ids,
        )


def write_folds(folder: Path, dataset: list[tuple[int, int]], *tests: list[tuple[int, int]]) -> Path:
    schema = {"user_id": pl.Int64, "movie_id": pl.Int64}
    pl.DataFrame(dataset, schema=schema, orient="row").write_parquet(folder / "dataset.parquet")
    for number, test in enumerate(tests):
        pl.DataFrame(test, schema=schema, orient="row").write_parquet(folder / f"test_{number}.parquet")
    return folder


def test_given_folds_by_hand(tmp_path: Path) -> None:
    """A given fold holds out what its file lists and knows the rest of the data set."""
    whole = [(1, 10), (1, 20), (1, 30), (2, 10), (2, 30)]
    cases = given_folds(write_folds(tmp_path, whole, [(1, 20)], [(1, 10), (2, 30)]))
    assert [case.name for case in cases] == ["fold-0", "fold-1"]
    assert pairs(cases[0], "held_out") == {("1", 20)}
    assert pairs(cases[0], "histories") == {("1", 10), ("1", 30)}
    assert train_rows(cases[0]) == [[10, 30], [10, 30]]
    assert pairs(cases[1], "held_out") == {("1", 10), ("2", 30)}
    assert cases[0].train_times is None


@pytest.mark.parametrize(
    ("dataset", "test", "problem"),
    [
        ([(1, 10), (1, 20)], [(1, 30)], "holds out 1 rows that dataset.parquet does not have"),
        ([(1, 10), (1, 10)], [(1, 10)], "more than once"),
    ],
)
def test_given_folds_that_contradict_themselves_are_refused(
    tmp_path: Path, dataset: list[tuple[int, int]], test: list[tuple[int, int]], problem: str
) -> None:
    """A fold that the data set lacks, or a row that is there twice, is refused by name."""
    with pytest.raises(FoldsInvalidError, match=problem):
        given_folds(write_folds(tmp_path, dataset, test))


def test_a_folder_without_folds_is_refused(tmp_path: Path) -> None:
    """An empty folder, and a file that is no Parquet, are refused with what is missing."""
    with pytest.raises(FoldsInvalidError, match=r"has no dataset\.parquet"):
        given_folds(tmp_path)
    (tmp_path / "dataset.parquet").write_text("not parquet")
    (tmp_path / "test_0.parquet").write_text("not parquet")
    with pytest.raises(FoldsInvalidError, match="cannot be read as Parquet"):
        given_folds(tmp_path)


@pytest.mark.parametrize(
    ("films", "problem"), [(["one", "two"], "no whole number"), ([1, None], "a row without user_id or movie_id")]
)
def test_folds_with_odd_films_are_refused(tmp_path: Path, films: list[object], problem: str) -> None:
    """A film that is no number, and one that is missing, are refused with the file."""
    frame = pl.DataFrame({"user_id": [1, 2], "movie_id": films})
    for name in ("dataset", "test_0"):
        frame.write_parquet(tmp_path / f"{name}.parquet")
    with pytest.raises(FoldsInvalidError, match=problem):
        given_folds(tmp_path)
