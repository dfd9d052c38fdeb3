"""Answers joined with what came of them: held against the same done one answer and one word at a time."""

from datetime import timedelta

import polars as pl
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from movie_mlops.core.errors import ConfigurationError
from movie_mlops.core.nouns import Kind
from movie_mlops.features import FeedbackConfig
from movie_mlops.monitoring.quality import EVERYTHING, GuardrailBounds, QualityConfig, Tally, hearing, join
from movie_mlops.settings import read_monitoring
from tests.conftest import REPOSITORY
from tests.fixtures.stage_6.given_answers import NOW, Given, Said, ago, answer_frame, by_hand, ndcg_of, word_frame

CONFIG = QualityConfig(cutoff=3, horizon_days=4, new_films=2)
HORIZON = timedelta(days=CONFIG.horizon_days)
USERS = ("a", "b")
# Half days, so that things fall together and on the ends of horizons.
times = st.integers(0, 24).map(lambda half: ago(half / 2))
answers = st.builds(
    Given,
    user=st.sampled_from(USERS),
    at=times,
    items=st.lists(st.integers(1, 6), max_size=5, unique=True),
    release=st.sampled_from(["1", "2"]),
)
words = st.one_of(
    st.builds(
        Said, st.sampled_from(USERS), st.integers(1, 6), st.just(Kind.RATING), st.none() | times,
        st.sampled_from([1.0, 3.0, 5.0]),
    ),
    st.builds(
        Said, st.sampled_from(USERS), st.integers(1, 6),
        st.sampled_from([kind for kind in Kind if kind is not Kind.RATING]), st.none() | times,
    ),
)  # fmt: skip


def joined(given, said, config=CONFIG, feedback=None):
    return join(answer_frame(given), word_frame(said), now=NOW, config=config, feedback=feedback or FeedbackConfig())


@settings(max_examples=30, deadline=None)
@given(given=st.lists(answers, max_size=10), said=st.lists(words, max_size=14))
def test_joining_is_what_one_word_at_a_time_gives(given, said):
    """Random answers and words: join, credit, reactions, nDCG and sums are those of plain Python over every pair."""
    expected = by_hand(given, said, HORIZON, CONFIG.new_films, FeedbackConfig())
    found = joined(given, said)
    rows = found.outcomes.to_dicts()
    assert [row["final"] for row in rows] == [one.final for one in expected]
    assert [row["credited"] for row in rows] == [len(one.credited) for one in expected]
    assert [row["reacted"] for row in rows] == [one.reacted for one in expected]
    assert [row["displeased"] for row in rows] == [one.displeased for one in expected]
    assert [row["new_user"] for row in rows] == [one.new for one in expected]
    assert [row["ndcg"] for row in rows] == [pytest.approx(ndcg_of(one, CONFIG.cutoff)) for one in expected]
    for row, one, answer in zip(rows, expected, given, strict=True):
        delays = [(good - answer.at).total_seconds() for good in one.credited.values()]
        assert row["delay_seconds"] == (min(delays) if delays else None)
    ranks = {(row["answer"], row["movie_id"]): row["rank"] for row in found.positives.iter_rows(named=True)}
    assert ranks == {
        (place, movie): rank for place, one in enumerate(expected) for movie, rank in one.positives.items()
    }
    tally = Tally(CONFIG.cutoff)
    tally.add(found.outcomes, found.positives)
    per_user = {}
    for answer, one in zip(given, expected, strict=True):
        if one.final and one.positives:
            per_user.setdefault(answer.user, []).append(ndcg_of(one, CONFIG.cutoff))
    means = [sum(values) / len(values) for values in per_user.values()]
    measured = tally.figure("ndcg")
    assert (None if measured is None else measured.value) == (pytest.approx(sum(means) / len(means)) if means else None)
    final = [one for one in expected if one.final]
    hits = tally.figure("hit_ratio")
    assert (None if hits is None else hits.value) == (
        pytest.approx(sum(bool(one.credited) for one in final) / len(final)) if final else None
    )


@settings(max_examples=8, deadline=None)
@given(given=st.lists(answers, min_size=1, max_size=6), said=st.lists(words, max_size=10), extra=st.lists(words))
def test_nothing_that_was_done_before_an_answer_makes_it_better(given, said, extra):
    """Promise: whatever is added before an answer, it finds no more than without."""
    earliest = min(one.at for one in given)
    before = [word for word in extra if word.at is None or word.at <= earliest]
    plain, more = joined(given, said), joined(given, [*said, *before])
    for column in ("credited", "positives"):
        assert all(
            with_more <= without
            for without, with_more in zip(plain.outcomes[column], more.outcomes[column], strict=True)
        )


def test_a_like_counts_for_the_last_list_that_showed_the_film_and_for_no_film_that_was_met():
    """Five lists and one like are one success; what was watched before, withdrawn after or came too late is none."""
    shown = [Given("a", ago(10 - day / 10), [1, 2, 3]) for day in range(5)]
    like = Said("a", 2, Kind.LIKE, ago(9))
    assert joined(shown, [like]).outcomes["credited"].to_list() == [0, 0, 0, 0, 1]
    assert joined(shown, [like]).outcomes["positives"].to_list() == [1, 1, 1, 1, 1]
    for spoilt in (
        Said("a", 2, Kind.WATCH, ago(11), 0.1),
        Said("a", 2, Kind.SKIP, None),
        Said("a", 2, Kind.WITHDRAW, ago(8.5)),
    ):
        assert joined(shown, [like, spoilt]).outcomes["credited"].sum() == 0
    assert joined(shown, [Said("a", 2, Kind.LIKE, shown[4].at)]).outcomes["credited"].to_list() == [0, 0, 0, 1, 0]
    # Watched at the very time of an answer, and liked later: new to those before it alone.
    watched = Said("a", 2, Kind.WATCH, shown[3].at, 0.1)
    assert joined(shown, [like, watched]).outcomes["credited"].to_list() == [0, 0, 1, 0, 0]
    assert joined(shown, [Said("a", 2, Kind.LIKE, ago(5))]).outcomes["credited"].sum() == 0
    assert joined(shown, [Said("b", 2, Kind.LIKE, ago(9))]).outcomes["credited"].sum() == 0


def test_what_counts_as_liking_is_what_the_platform_says():
    """A view that weighs something is a success, with the weights that are in force without it is none."""
    shown, seen = [Given("a", ago(10), [1])], [Said("a", 1, Kind.VIEW, ago(9))]
    assert joined(shown, seen).outcomes["credited"].to_list() == [0]
    generous = FeedbackConfig(weights={Kind.VIEW: 1.0})
    assert joined(shown, seen, feedback=generous).outcomes["credited"].to_list() == [1]


def test_pieces_of_the_work_give_what_the_whole_gives(monkeypatch):
    """With pairs in memory for one answer at a time, outcomes and the sums of two pages are the same."""
    given = [Given(user, ago(3 + day), [1, 2, 3 + day], str(day % 2)) for user in "abc" for day in range(6)]
    said = [Said(user, film, Kind.LIKE, ago(film)) for user in "abc" for film in range(1, 8)]
    whole = joined(given, said)
    monkeypatch.setattr(hearing, "_PAIRS_AT_ONCE", 1)
    apart = joined(given, said)
    assert whole.outcomes.equals(apart.outcomes)
    genres = pl.DataFrame({"movie_id": [1, 2, 3], "genres": [["Crime"], ["Crime", "Drama"], []]})
    once, paged = Tally(3, genres), Tally(3, genres)
    once.add(whole.outcomes, whole.positives)
    for users in (["a"], ["b", "c"]):
        page = joined([one for one in given if one.user in users], said)
        paged.add(page.outcomes, page.positives)
    for group in (EVERYTHING, "release", "genre", "promise", "users", "day and release"):
        for measure in ("ndcg", "hit_ratio", "repeats"):
            one, two = once.figures(measure, group), paged.figures(measure, group)
            assert one.keys() == two.keys()
            assert all(pytest.approx(list(vars(one[name]).values())) == list(vars(two[name]).values()) for name in one)
    assert set(once.figures("ndcg", "genre")) == {"Crime", "Drama"}


def test_the_shipped_configuration_shows_every_default_of_online_quality():
    """``config/monitoring.yaml`` is complete and says what the code does without."""
    path = REPOSITORY / "config" / "monitoring.yaml"
    written = yaml.safe_load(path.read_text())["quality"]
    assert written == TypeAdapter(QualityConfig).dump_python(QualityConfig(), mode="json")
    assert read_monitoring(path).quality == QualityConfig()


def test_a_configuration_that_cannot_be_is_refused():
    """Numbers out of range are named, with what is allowed."""
    for wrong in ({"horizon_days": 0}, {"days": float("nan")}, {"level": 1}, {"tolerance": 1}, {"least_users": 1}):
        with pytest.raises(ConfigurationError, match=next(iter(wrong))):
            QualityConfig(**wrong)
    with pytest.raises(ConfigurationError, match="fallbacks"):
        GuardrailBounds(fallbacks=1.5)
    assert GuardrailBounds(novelty=9.5).novelty == 9.5
