"""What came of lists: kept answers and events, person by person; and what another policy would have been worth."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from movie_mlops.core import clock
from movie_mlops.core.nouns import Interaction, Kind
from movie_mlops.evaluation import Method, OffPolicyConfig, Reach, SampleTooSmallError, estimate
from movie_mlops.flows.off_policy import Target, explored_lists, target_propensities
from movie_mlops.flows.responses import Responses
from movie_mlops.release.rollout import ExplorationConfig
from movie_mlops.serving import Exposure, Impression
from movie_mlops.serving.exploring import draw
from movie_mlops.serving.impressions import Impressions
from tests.fixtures.stage_5.platform import Platform

STAGE = 7


@pytest.fixture
def platform(tmp_path: Path, state_url: str) -> Iterator[Platform]:
    platform = Platform(tmp_path, state_url=state_url)
    yield platform
    platform.database.close()


@pytest.fixture
def began() -> datetime:
    return clock.now()


def shown(
    platform: Platform, user: str, arm: str, *films: int, at: datetime, policy: dict[str, Any] | None = None
) -> None:
    """Keep an answer."""
    impressions = Impressions(platform.database)
    name = f"{user}-{arm}-{at.timestamp():.6f}"[-32:]
    items = [(film, 1.0) for film in films]
    exposures = (Exposure("canary-1", arm, STAGE),)
    impressions.keep(Impression(name, at, user, 1, "personalised", items, {}, exposures=exposures, policy=policy))
    impressions.flush()


def says(platform: Platform, user: str, film: int, kind: Kind = Kind.LIKE, value: float | None = None) -> None:
    """Record an event, as if it happened now."""
    number = platform.events.count()
    platform.events.append([Interaction(f"e{number}", user, film, kind, value, None, "tests")])


def responses(platform: Platform, began: datetime, window: float = 60.0) -> Responses:
    return Responses(
        platform.database,
        platform.events,
        platform.feedback,
        stage_id=STAGE,
        began=began,
        window_seconds=window,
        lag_seconds=0,
    )


def test_a_person_counts_once_and_when_their_time_is_over(platform: Platform, began: datetime) -> None:
    """People count at once, their response when the window has passed, for films that they were shown and no others."""
    at = clock.now()
    shown(platform, "ann", "canary", 1, 2, at=at)
    shown(platform, "ann", "canary", 6, at=at + timedelta(microseconds=5))
    shown(platform, "bob", "canary", 1, at=at)
    shown(platform, "cy", "control", 1, at=at)
    for film in (1, 6, 47):
        says(platform, "ann", film)
    says(platform, "bob", 1, Kind.RATING, 1.5)
    says(platform, "eve", 1)
    read = responses(platform, began)
    now = clock.now() + timedelta(seconds=1)
    early = read.by_arm(now)
    assert {arm: (each.people, each.judged) for arm, each in early.items()} == {"canary": (2, 0), "control": (1, 0)}
    late = read.by_arm(at + timedelta(seconds=61))
    assert late["canary"].liked == [2, 0]
    assert (late["canary"].pleased, late["canary"].displeased) == (1, 1)
    assert (late["control"].liked, late["control"].people) == ([0], 1)


def test_a_word_that_is_taken_back_is_no_response(platform: Platform, began: datetime) -> None:
    """Who likes a film and withdraws that liked nothing; who likes it once more did."""
    at = clock.now()
    for user, words in (("ann", (Kind.LIKE, Kind.WITHDRAW)), ("bob", (Kind.LIKE, Kind.WITHDRAW, Kind.LIKE))):
        shown(platform, user, "canary", 1, at=at)
        for kind in words:
            says(platform, user, 1, kind)
    assert responses(platform, began).by_arm(at + timedelta(seconds=61))["canary"].liked == [0, 1]


def test_what_comes_after_the_window_or_before_the_list_is_no_response(platform: Platform, began: datetime) -> None:
    """A film that was liked before it was shown, or too long after, says nothing of the list."""
    says(platform, "ann", 1)
    at = clock.now()
    shown(platform, "ann", "canary", 1, 2, at=at)
    says(platform, "ann", 2)
    read = responses(platform, began, window=0.0)
    assert read.by_arm(at + timedelta(seconds=5))["canary"].liked == [0]


def test_reading_on_is_the_same_as_reading_at_once(platform: Platform, began: datetime) -> None:
    """A server that looked ten times knows what one that was started just now reads from the stores."""
    looking = responses(platform, began, window=0.001)
    for turn in range(10):
        for user in range(3):
            shown(platform, f"u{turn}{user}", "canary" if user else "control", 1, 2, at=clock.now())
        says(platform, f"u{turn}1", 1)
        looking.by_arm(clock.now())
    later = clock.now() + timedelta(seconds=1)
    assert dict(looking.by_arm(later)) == dict(responses(platform, began, window=0.001).by_arm(later))
    assert looking.by_arm(later)["canary"].people == 20


def test_one_vote_for_each_person_of_lists_made_together(platform: Platform, began: datetime) -> None:
    """The first list of a person that has a winner is their vote."""
    at = clock.now()
    teams = {"teams": [0, 1, 0]}
    for user, liked in (("ann", (1,)), ("bob", (2,)), ("cy", (1, 2)), ("di", ())):
        shown(platform, user, "both", 1, 2, 6, at=at, policy=teams)
        shown(platform, user, "both", 47, 2, 50, at=at + timedelta(microseconds=9), policy={"teams": [1, 1, 0]})
        for film in liked:
            says(platform, user, film)
    found = responses(platform, began).by_arm(at + timedelta(seconds=61))["both"]
    # Cy's first list has no winner; the second has: film 2 is the second model's there.
    assert (found.people, found.wins, found.losses) == (4, 1, 2)


EXPLORING = ExplorationConfig(budget=1.0, chance=0.5, depth=8, kept=1)


def test_another_policy_is_judged_by_the_answers_that_were_kept(platform: Platform) -> None:
    """Promise P16: from explored answers and events alone, what the best lists are worth lies in the interval.

    1,500 people like a film by its rank with a probability that is known here, so that the truth is known too.
    """
    rng = np.random.default_rng(16)
    films = [1, 2, 6, 47, 50, 260, 1196, 4973]
    liking = np.array([0.5, 0.1, 0.45, 0.4, 0.05, 0.05, 0.3, 0.2])
    impressions, said, at = Impressions(platform.database, capacity=10_000), [], clock.now()
    for person in range(1500):
        name = rng.bytes(16).hex()
        order, propensities = draw(8, 3, name, EXPLORING)
        policy = {"chance": 0.5, "depth": 8, "kept": 1, "candidates": films}
        items = [(films[rank], 1.0) for rank in order]
        impressions.keep(
            Impression(name, at, f"u{person}", 1, "personalised", items, {}, propensities=propensities, policy=policy)
        )
        said += [
            Interaction(f"{person}-{rank}", f"u{person}", films[rank], Kind.LIKE, None, None, "tests")
            for rank in order
            if rng.random() < liking[rank]
        ]
    impressions.flush()
    platform.events.append(said)
    stores: Any = SimpleNamespace(
        database=platform.database, events=platform.events, config=SimpleNamespace(feedback=platform.feedback)
    )
    log = explored_lists(stores, Target(), bundle_id=None, window_seconds=600)
    assert log.requests == 1500
    found = estimate(log, Method.IPS, OffPolicyConfig(reach=Reach.PREFIX))
    assert found.value.low < liking[:3].sum() < found.value.high
    assert found.value.high - found.value.low < 0.4
    # By the policy that chose them the lists are worth what they were, and every weight is one.
    same = estimate(explored_lists(stores, Target(0.5), bundle_id=None, window_seconds=600), Method.IPS)
    assert (same.gain.estimate, same.mean_weight.estimate) == pytest.approx((0, 1))
    assert explored_lists(stores, Target(), bundle_id=None, window_seconds=0).rewards.sum() == 0


def test_a_like_is_a_reward_of_the_last_list_that_had_the_film(platform: Platform) -> None:
    """Otherwise what is shown again and again would earn by being shown, and not by being liked."""
    impressions, at = Impressions(platform.database), clock.now()
    for turn, films in enumerate(([1, 2], [2, 6], [6, 47])):
        policy = {"chance": 0.5, "depth": 4, "kept": 0, "candidates": [1, 2, 6, 47]}
        impressions.keep(
            Impression(
                f"{turn:032x}",
                at + timedelta(microseconds=turn),
                "ann",
                1,
                "personalised",
                [(film, 1.0) for film in films],
                {},
                propensities=(0.6, 0.5),
                policy=policy,
            )
        )
    impressions.flush()
    for film in (1, 2):
        says(platform, "ann", film)
    stores: Any = SimpleNamespace(
        database=platform.database, events=platform.events, config=SimpleNamespace(feedback=platform.feedback)
    )
    log = explored_lists(stores, Target(), bundle_id=None, window_seconds=60)
    assert log.rewards.tolist() == [[1, 0], [1, 0], [0, 0]]
    says(platform, "ann", 2, Kind.WITHDRAW)
    log = explored_lists(stores, Target(), bundle_id=None, window_seconds=60)
    assert log.rewards.tolist() == [[1, 0], [0, 0], [0, 0]]


def test_without_explored_answers_nothing_is_said(platform: Platform) -> None:
    """The error names what to set."""
    stores: Any = SimpleNamespace(database=platform.database, events=platform.events)
    with pytest.raises(SampleTooSmallError, match=r"exploration\.budget"):
        explored_lists(stores, Target(), bundle_id=None, window_seconds=1)


def test_the_probabilities_of_another_policy_are_exact() -> None:
    """Over every list of three of four films they sum to 1, and a film out of reach has none."""
    from itertools import permutations  # noqa: PLC0415 - here alone

    for chance, kept in ((0.0, 0), (0.3, 0), (0.3, 1), (1.0, 2)):
        products = [
            np.prod(target_propensities((1, 2, 3, 4), items, chance, kept)) for items in permutations((1, 2, 3, 4), 3)
        ]
        assert sum(products) == pytest.approx(1)
    assert target_propensities((1, 2), (9, 1), 0.5, 0)[0] == 0
