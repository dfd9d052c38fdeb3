"""What counts as liking a film, and which of a user's words counts."""

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from movie_mlops.core.errors import ConfigurationError
from movie_mlops.core.nouns import Interaction, Kind
from movie_mlops.features import FeedbackConfig, feedback, weigh
from movie_mlops.features.feedback import weight_expression
from tests.fixtures.stage_2.interactions import day, did, table

CONFIG = FeedbackConfig()


@pytest.mark.parametrize(
    ("kind", "value", "weight"),
    [
        ("rating", 5.0, 1.0),
        ("rating", 4.0, 1.0),
        ("rating", 3.5, 0.0),
        ("rating", None, 0.0),
        ("like", None, 1.0),
        ("dislike", None, 0.0),
        ("watch", None, 1.0),
        ("watch", 0.5, 1.0),
        ("watch", 0.4, 0.0),
        ("view", None, 0.0),
        ("click", None, 0.0),
        ("skip", None, 0.0),
    ],
)
def test_every_kind_weighs_what_the_configuration_says(kind: str, value: float | None, weight: float) -> None:
    """A like, a good rating and a watch to the end are positives; everything else is only seen."""
    assert weigh(Kind(kind), value, CONFIG) == weight


AGAINST = FeedbackConfig(
    graded_watch=True,
    weights={Kind.RATING: 2.0, Kind.LIKE: 3.0, Kind.WATCH: 0.5},
    against={Kind.RATING: 0.25, Kind.WATCH: 0.5, Kind.DISLIKE: 1.5, Kind.SKIP: 0.125},
)


@pytest.mark.parametrize(
    ("kind", "value", "weight"),
    [
        ("rating", 4.0, 2.0),
        ("rating", 3.0, 0.0),
        ("rating", 2.0, -0.25),
        ("rating", None, 0.0),
        ("rating", math.nan, 0.0),
        ("like", None, 3.0),
        ("dislike", None, -1.5),
        ("skip", None, -0.125),
        ("watch", None, 0.5),
        ("watch", 1.0, 0.5),
        ("watch", 0.5, 0.25),
        ("watch", 0.3, 0.0),
        ("watch", 0.1, -0.5),
        ("view", None, 0.0),
    ],
)
def test_kinds_can_be_graded_and_speak_against_a_film(kind: str, value: float | None, weight: float) -> None:
    """A watch weighs its fraction; a dislike, a skip, few stars and a watch that was given up weigh below zero."""
    assert weigh(Kind(kind), value, AGAINST) == weight


def test_what_speaks_against_a_film_yields_to_a_later_word() -> None:
    """The latest word with authority counts, for a film or against it; a skip does not undo a rating."""
    words = [did("u", 1, "dislike", at=1), did("u", 1, "like", at=2), did("u", 2, "skip", at=1), did("u", 3, "skip")]
    words += [did("u", 2, "rating", 5.0, at=0), did("u", 4, "like", at=1), did("u", 4, "dislike", at=1)]
    assert feedback(table(words), AGAINST)["weight"].to_list() == [3.0, 2.0, -0.125, -1.5]


def test_a_withdrawn_word_counts_as_never_said() -> None:
    """Who withdraws leaves nothing to learn from until they say something again; having watched it is no word."""
    words = [did("u", 1, "like", at=1), did("u", 1, "withdraw", at=2)]
    words += [did("u", 2, "withdraw", at=1), did("u", 2, "dislike", at=2), did("u", 3, "watch", 0.9, at=5)]
    words += [did("u", 3, "withdraw", at=4), did("u", 4, "withdraw", at=3)]
    found = feedback(table(words), CONFIG)
    assert found["movie_id"].to_list() == [2]
    assert found["weight"].to_list() == [0.0]


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"against": {Kind.DISLIKE: -1.0}}, r"kind 'dislike' is -1.*feedback\.against"),
        ({"against": {Kind.SKIP: math.inf}}, "kind 'skip' is inf"),
        ({"against": {Kind.LIKE: 1.0}}, "'like' counts for and against"),
        ({"weights": {Kind.WITHDRAW: 1.0}}, "'withdraw' takes a word back"),
        ({"against": {Kind.WITHDRAW: 1.0}}, "'withdraw' takes a word back"),
        ({"against": {Kind.RATING: 1.0}, "negative_rating": 4.0}, "rating of 4 counts against"),
        ({"against": {Kind.WATCH: 1.0}, "negative_watch": 0.6}, r"watch of 0\.6 counts against"),
    ],
)
def test_evidence_that_contradicts_itself_is_refused(config: dict, said: str) -> None:
    """A negative or endless weight, a kind that is for and against, and thresholds that cross are refused."""
    with pytest.raises(ConfigurationError, match=said):
        FeedbackConfig(**config)


@given(
    kind=st.sampled_from(list(Kind)),
    value=st.none() | st.floats(width=64, min_value=-1, max_value=6) | st.just(math.nan),
    positive=st.floats(0.5, 5),
    weight=st.floats(0, 100),
    against=st.floats(0, 100),
    graded=st.booleans(),
)
@example(kind=Kind.RATING, value=4.1, positive=4.1, weight=0.1, against=0.0, graded=False)
@example(kind=Kind.RATING, value=4.1 - 1e-9, positive=4.1, weight=1.0, against=0.0, graded=False)
@example(kind=Kind.RATING, value=math.nan, positive=4.0, weight=1.0, against=1.0, graded=False)
@example(kind=Kind.WATCH, value=math.nan, positive=4.0, weight=1.0, against=1.0, graded=True)
@example(kind=Kind.WATCH, value=0.9, positive=4.0, weight=0.1, against=1.0, graded=True)
def test_the_batch_rule_is_the_python_rule(
    *, kind: Kind, value: float | None, positive: float, weight: float, against: float, graded: bool
) -> None:
    """For any kind, value, threshold and weight, the rule over columns gives the same number as the rule for one."""
    config = FeedbackConfig(
        positive_rating=positive,
        positive_watch=positive / 5,
        negative_rating=positive / 2,
        negative_watch=positive / 10,
        weights=dict.fromkeys(set(Kind) - {Kind.DISLIKE, Kind.SKIP, Kind.WITHDRAW}, weight),
        against=dict.fromkeys((Kind.RATING, Kind.WATCH, Kind.DISLIKE, Kind.SKIP), against),
        graded_watch=graded,
    )
    row = pl.DataFrame({"kind": [kind.value], "value": [value]}, schema={"kind": pl.String, "value": pl.Float32})
    assert row.select(weight_expression(config)).item() == weigh(kind, value, config)


@pytest.mark.parametrize(
    ("words", "weight"),
    [
        ([did("u", 1, "like", at=1), did("u", 1, "dislike", at=2)], 0.0),
        ([did("u", 1, "like", at=1), did("u", 1, "rating", 2.0, at=2)], 0.0),
        ([did("u", 1, "dislike", at=1), did("u", 1, "rating", 4.5, at=2)], 1.0),
        ([did("u", 1, "like", at=1), did("u", 1, "view", at=2)], 1.0),
        ([did("u", 1, "rating", 5.0, at=1), did("u", 1, "skip", at=2)], 1.0),
        ([did("u", 1, "dislike", at=1), did("u", 1, "click", at=2)], 0.0),
        ([did("u", 1, "dislike", at=1), did("u", 1, "watch", at=2)], 0.0),
        ([did("u", 1, "watch", at=1), did("u", 1, "click", at=2)], 1.0),
        ([did("u", 1, "view", at=2), did("u", 1, "like", at=1)], 1.0),
        ([did("u", 1, "like"), did("u", 1, "dislike", at=1)], 0.0),
        ([did("u", 1, "dislike"), did("u", 1, "like", at=1)], 1.0),
        ([did("u", 1, "like", at=1), did("u", 1, "dislike", at=1)], 0.0),
    ],
    ids=[
        "a later dislike undoes a like",
        "a later low rating undoes a like",
        "a later good rating undoes a dislike",
        "a view does not undo a like",
        "a skip does not undo a rating",
        "a click does not undo a dislike",
        "a watch does not undo a dislike",
        "a click does not undo a watch",
        "an earlier like stands above a view",
        "a dated dislike is later than an undated like",
        "a dated like is later than an undated dislike",
        "contradicting oneself in one instant is no praise",
    ],
)
def test_the_latest_word_that_says_something_counts(words: list[Interaction], weight: float) -> None:
    """Among the words with the most authority the latest counts, in whatever order the rows stand."""
    for order in (words, words[::-1]):
        assert feedback(table(order), CONFIG)["weight"].to_list() == [weight]


def test_a_correction_that_was_ingested_later_counts() -> None:
    """Of two undated ratings of one film, the one that came with a later file counts."""
    old = table([did("u", 1, "rating", 5.0, event_id="z")], ingested_at=day(1))
    new = table([did("u", 1, "rating", 2.0, event_id="a")], ingested_at=day(2))
    later = table([did("u", 1, "rating", 4.0, event_id="b")], ingested_at=day(3))
    assert feedback(pl.concat([new, old]), CONFIG)["weight"].to_list() == [0.0]
    assert feedback(pl.concat([later, new, old]), CONFIG)["weight"].to_list() == [1.0]


def test_feedback_has_one_sorted_row_per_user_and_film() -> None:
    """The frame has four columns, sorted by user and film, with the time of the word that counts."""
    rows = table(
        [
            did("b", 2, "like", at=3),
            did("a", 9, "rating", 2.0),
            did("a", 1, "view", at=1),
            did("a", 1, "like", at=2),
            did("a", 1, "click", at=4),
        ],
    )
    expected = pl.DataFrame(
        {
            "user_id": ["a", "a", "b"],
            "movie_id": [1, 9, 2],
            "weight": np.array([1, 0, 1], np.float32),
            "event_time": [day(2), None, day(3)],
        },
        schema_overrides={"event_time": pl.Datetime("us", "UTC")},
    )
    assert feedback(rows, CONFIG).equals(expected)
    assert feedback(rows, CONFIG).schema == expected.schema


def test_feedback_of_nothing_is_an_empty_frame() -> None:
    """An empty table gives an empty frame with the same columns."""
    frame = feedback(table([]), CONFIG)
    assert frame.height == 0
    assert frame.columns == ["user_id", "movie_id", "weight", "event_time"]


@pytest.mark.parametrize("weight", [-1.0, math.nan, math.inf])
def test_an_impossible_weight_is_refused(weight: float) -> None:
    """A negative or infinite weight is refused with the kind that has it."""
    with pytest.raises(ConfigurationError, match="'like'"):
        FeedbackConfig(weights={Kind.LIKE: weight})
