"""The kept answers and what their users did, read in pages from the stores, and what the flow makes of them."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import update

from movie_mlops.core import clock
from movie_mlops.core.nouns import Interaction, Kind, Workspace
from movie_mlops.features import FeedbackConfig
from movie_mlops.flows import Platform, PlatformConfig
from movie_mlops.flows import given_answers as reading
from movie_mlops.flows.answer_rows import is_plain
from movie_mlops.flows.given_answers import GivenAnswers
from movie_mlops.flows.ingest import drain
from movie_mlops.flows.online_quality import online_quality
from movie_mlops.lake import INTERACTIONS, MOVIES, SCHEMAS
from movie_mlops.monitoring import newest_readings, note
from movie_mlops.monitoring.quality import State
from movie_mlops.serving import IMPRESSIONS
from tests.fixtures.stage_6.given_answers import NOW, Given, ago, by_hand, ndcg_of
from tests.fixtures.stage_6.kept_answers import CONFIG, GIVEN, PLAIN, SAID, USERS, keep, stores


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    with stores(tmp_path) as platform:
        yield platform


@pytest.fixture
def everywhere(state_url: str, tmp_path: Path) -> Iterator[Platform]:
    """The same with every kind of state."""
    with stores(tmp_path, state_url) as platform:
        yield platform


@pytest.fixture(autouse=True)
def _frozen(monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: NOW)


def test_the_flow_gives_what_one_answer_and_one_word_at_a_time_gives(everywhere):
    """From lake and log together, an event that is in both once: nDCG, hit ratio and readings are those by hand."""
    expected = by_hand(GIVEN, SAID, timedelta(days=5), 2, FeedbackConfig())
    found = online_quality(everywhere, CONFIG, now=NOW)
    final = [one for one in expected if one.final]
    assert (found.answers, found.users, found.final) == (len(GIVEN), len(USERS), len(final))
    hits = sum(bool(one.credited) for one in final) / len(final)
    assert 0 < hits < 1
    assert found.figure("hit_ratio").value == pytest.approx(hits)
    per_user = {}
    for answer, one in zip(GIVEN, expected, strict=True):
        if one.final and one.positives:
            per_user.setdefault(answer.user, []).append(ndcg_of(one, CONFIG.cutoff))
    means = [sum(each) / len(each) for each in per_user.values()]
    assert found.figure("ndcg").value == pytest.approx(sum(means) / len(means))
    assert set(found.figures["arm"]) == {"test: a", "none"}
    # Lists of four films are no plain lists of ten; their requests were.
    release = "ease-0123456789ab"
    assert set(found.figures["promise"]) == {release}
    readings = {(one.name, one.labels.get("release")): one.value for one in newest_readings(everywhere.database)}
    assert readings["movie_mlops_online_ndcg", release] == pytest.approx(found.figure("ndcg", "promise", release).value)
    assert readings["movie_mlops_online_hit_ratio", release] == pytest.approx(hits)
    assert readings["movie_mlops_online_below_promise", None] == 0
    assert [check.name for check in found.checks if check.state is State.BELOW] == ["displeased"]
    pages = list(GivenAnswers(everywhere, ago(25), NOW, CONFIG).pages())
    assert sum(page.words.height for page in pages) == len(SAID)
    drain(everywhere)
    assert online_quality(everywhere, CONFIG, now=NOW).figures == found.figures


def test_pages_give_what_the_whole_gives(everywhere, monkeypatch):
    """With room for five answers at a time no user is cut in two, and every figure is the same."""
    whole = online_quality(everywhere, CONFIG, now=NOW).to_json()
    monkeypatch.setattr(reading, "_PAGE", 5)
    pages = list(GivenAnswers(everywhere, ago(25), NOW, CONFIG).pages())
    assert [page.answers.height for page in pages] == [4, 4, 4, 4, 4, 4]
    paged = online_quality(everywhere, CONFIG, now=NOW).to_json()
    for each in (whole, paged):
        each["figures"] = json.loads(
            json.dumps(each["figures"], default=str), parse_float=lambda text: f"{float(text):.9f}"
        )
    assert paged == whole


def test_who_cannot_react_and_who_is_no_person_is_left_out_by_name(platform):
    """Anonymous lists, groups, who asks or acts without end: counted, named, and in no figure."""
    whole = online_quality(platform, CONFIG, now=NOW)
    keep(platform, [Given("", ago(9), [1])], user=False)
    keep(platform, [Given("", ago(9.5), [1])], user=False, request={**PLAIN, "members": [{"user_id": "u01"}]})
    keep(platform, [Given("robot", ago(8 + second / 9_000), [1, second]) for second in range(26)])
    keep(platform, [Given("loud", ago(9), [1])])
    platform.events.append(
        [
            Interaction(f"x{number}", "loud", number, Kind.VIEW, None, ago(8) + timedelta(seconds=number), "t")
            for number in range(1, 102)
        ]
    )
    found = online_quality(platform, CONFIG, now=NOW)
    assert found.left_out == {"groups": 1, "nobody known": 1, "programs": 27}
    assert found.programs == ["robot", "loud"]
    assert found.figures == whole.figures


def test_answers_of_the_first_and_the_last_second_are_told_apart(platform):
    """An answer a microsecond before the period, or at its end, is not in it, though text cannot tell."""
    start = ago(25) + timedelta(microseconds=500_000)
    end = NOW + timedelta(microseconds=500_000)
    moments = [start - timedelta(microseconds=1), start, end - timedelta(microseconds=1), end]
    keep(platform, [Given("edge", at, [1]) for at in moments])
    pages = list(GivenAnswers(platform, start, end, CONFIG).pages())
    at = pl.concat(page.answers for page in pages).filter(pl.col("user_id") == "edge")["at"].to_list()
    assert sorted(at) == moments[1:3]


def test_only_plain_lists_are_held_to_the_promise():
    """Fewer films, filters, boosts, pins, given candidates and rows of the page are not what was evaluated."""
    assert is_plain(PLAIN, 10)
    others = (
        {"k": 5}, {"genres": ["Drama"]}, {"years": "1990-"}, {"exclude": [1]}, {"exclude_seen": False}, {"pins": [1]},
        {"candidates": [1, 2]}, {"row": "gems"}, {"diversity": 0.3}, {"pages_before": {"films": 10}},
    )  # fmt: skip
    assert not any(is_plain({**PLAIN, **other}, 10) for other in others)


def test_lists_that_were_asked_for_otherwise_or_left_to_chance_are_in_figures_and_not_in_the_promise(platform):
    """A list of dramas and an explored one count as answers, and are not held to what was promised of plain lists."""
    whole = online_quality(platform, CONFIG, now=NOW)
    keep(platform, [Given(user, ago(9.25), [1, 2, 3]) for user in USERS], request={**PLAIN, "genres": ["Drama"]})
    keep(platform, [Given(user, ago(9.125), [1, 2, 3]) for user in USERS])
    with platform.database.write() as connection:
        explored = IMPRESSIONS.c.at == clock.to_iso(ago(9.125))
        connection.execute(update(IMPRESSIONS).where(explored).values(policy='{"kept": 3}'))
    found = online_quality(platform, CONFIG, now=NOW)
    assert found.answers == whole.answers + 2 * len(USERS)
    assert found.figures["release"] != whole.figures["release"]
    assert found.figures["promise"] == whole.figures["promise"]


def test_readings_of_releases_that_are_gone_go(platform):
    """Labels come and go with releases: those of the run before that no answer has any more are dropped."""
    note(platform.database, "movie_mlops_online_ndcg", 0.5, {"release": "of-old"})
    note(platform.database, "movie_mlops_drift_rows", 7.0)
    online_quality(platform, CONFIG, now=NOW)
    kept = {(one.name, one.labels.get("release")) for one in newest_readings(platform.database)}
    assert ("movie_mlops_online_ndcg", "of-old") not in kept
    assert ("movie_mlops_drift_rows", None) in kept


def test_with_no_answers_nothing_is_judged_and_nothing_breaks(tmp_path):
    """A platform that has answered nobody: no figures, no readings but that nothing is below."""
    empty = Platform(Workspace(tmp_path, "sample"), PlatformConfig())
    for table in (MOVIES, INTERACTIONS):
        empty.lake.append(table, pl.DataFrame(schema=SCHEMAS[table]))
    found = online_quality(empty, CONFIG, now=NOW)
    assert (found.answers, found.figures, found.early, found.state) == (0, {}, None, State.UNKNOWN)
    empty.close()
