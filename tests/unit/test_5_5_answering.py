"""Who answers, what is counted, and that a candidate that fails fails nobody."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from movie_mlops.features import Histories
from movie_mlops.release import Action, Release
from movie_mlops.release.rollout import (
    SLOTS,
    Arm,
    CanaryConfig,
    CanaryPlan,
    ExperimentPlan,
    ExplorationConfig,
    Kind,
    Layer,
    Rollout,
    RolloutConfig,
    ShadowPlan,
    Span,
    Standing,
)
from movie_mlops.serving import Catalogue, Film, reported
from movie_mlops.serving.answering import Answering, Given
from movie_mlops.serving.counting import Counting
from movie_mlops.serving.errors import BadRequestError
from movie_mlops.serving.exploring import draw, is_explored
from movie_mlops.serving.impressions import Impressions
from movie_mlops.serving.metrics import Metrics
from movie_mlops.serving.model import Snapshot
from movie_mlops.serving.recommend import Answer, Pick, Source
from movie_mlops.serving.shadowing import Shadowing
from movie_mlops.serving.traffic import Traffic
from movie_mlops.serving.wishes import Wish
from movie_mlops.state import Database, StateConfig

AT = datetime(2026, 1, 1, tzinfo=UTC)
FILMS = [Film(number, f"Film {number}") for number in range(1, 41)]


class Model:
    """Stands for a model; its list begins at a film of its own."""

    def __init__(self, bundle_id: str, first: int) -> None:
        self.release = Release(1, bundle_id, "ease", Action.PROMOTE, AT, None, "better", {}, "gate", None)
        self.first = first

    def document(self) -> dict[str, Any]:
        """Return what metrics show of it."""
        return {"release_id": 1, "bundle_id": self.release.bundle_id, "model": "ease"}


def snapshot(bundle_id: str, first: int, traffic: Traffic | None = None) -> Snapshot:
    return Snapshot(Catalogue(()), Model(bundle_id, first), traffic)  # type: ignore[arg-type]


OLD, NEW = snapshot("old-a", 0), snapshot("new-b", 20)


def make(asked: Snapshot, wish: Wish) -> Answer:
    """Answer as a model would: its films, the best first."""
    first = asked.model.first  # type: ignore[union-attr]
    films = [*FILMS[first:], *FILMS[:first]]
    return Answer(
        Source.PERSONALISED, tuple(Pick(film, 1.0 / (1 + place)) for place, film in enumerate(films[: wish.k])), None
    )


class Watcher:
    """Stands for what follows the ledger."""

    snapshot = OLD
    failure = None


class Setting:
    """An answering over a database, with what is rolled out."""

    def __init__(self, database: Database, exploration: ExplorationConfig | None = None) -> None:
        self.database = database
        self.counting = Counting(database)
        metrics = Metrics(Watcher(), Impressions(database), Histories(database), database)  # type: ignore[arg-type]
        self.metrics = metrics
        self.shadowing = Shadowing(self.counting, 0.1)
        config = RolloutConfig(exploration=exploration or ExplorationConfig())
        self.answering = Answering(config, self.counting, metrics, self.shadowing)

    def give(
        self, traffic: Traffic | None, user_id: str | None = "ann", *, name: str = "0" * 32, make: Any = make
    ) -> Given:
        """Answer one request."""
        wish = Wish(k=10)
        asked = Snapshot(OLD.catalogue, OLD.model, traffic)
        return self.answering.give(asked, make, wish, user_id=user_id, recommendation_id=name)

    def counts(self, traffic: Traffic) -> dict[str, tuple[int, int, int]]:
        """Return what was reported of each arm: answers, errors, lists that were not personal."""
        self.counting.report(traffic.arms, unable=None, lost=0)
        told = reported(self.database, 7)
        return {arm: (each.tally.answers, each.tally.errors, each.tally.popular) for arm, each in told.items()}


@pytest.fixture
def database(state_url: str) -> Iterator[Database]:
    database = Database(StateConfig(state_url))
    yield database
    database.close()


@pytest.fixture
def setting(database: Database) -> Setting:
    return Setting(database)


def going(kind: Kind, plan: Any, stage: int = 0) -> Traffic:
    rollout = Rollout("x", kind, plan, AT, 7, stage, 7, AT, False, 1)
    return Traffic(OLD, Standing((rollout,)), {"old-a": OLD, "new-b": NEW})


def canary() -> Traffic:
    return going(Kind.CANARY, CanaryPlan("new-b", "old-a", CanaryConfig()), 3)


def users_of(traffic: Traffic, arm: str) -> Iterator[str]:
    return (user for user in map(str, range(1000)) if traffic.of(user).exposures[0].arm == arm)


def test_while_nothing_is_rolled_out_nothing_is_done(setting: Setting) -> None:
    """The champion answers, no arm, no chance, nothing counted."""
    given = setting.give(None)
    assert given == Given(make(OLD, Wish(k=10)), given.snapshot)
    assert (given.propensities, given.exposures) == (None, ())


def test_each_user_is_answered_by_their_arm_and_counted(setting: Setting) -> None:
    """The candidate answers who has it, the champion everybody else, also who has no account."""
    traffic = canary()
    for arm, expected in (("canary", NEW), ("control", OLD)):
        for _, user in zip(range(3), users_of(traffic, arm), strict=False):
            given = setting.give(traffic, user)
            assert given.snapshot.model is expected.model
            assert given.exposures[0].document() == {"name": "x", "arm": arm}
    assert setting.give(traffic, None).exposures == ()
    assert setting.counts(traffic) == {"canary": (3, 0, 0), "control": (3, 0, 0)}


def broken(asked: Snapshot, wish: Wish) -> Answer:
    """Fail where the candidate is asked."""
    if asked.model is NEW.model:
        raise ZeroDivisionError
    return make(asked, wish)


def test_a_candidate_that_fails_fails_nobody(setting: Setting, caplog: pytest.LogCaptureFixture) -> None:
    """Promise P12: the champion answers in its place; each failure is counted against it, and the log has it once."""
    traffic = canary()
    user = next(users_of(traffic, "canary"))
    for _ in range(3):
        given = setting.give(traffic, user, make=broken)
        assert (given.snapshot.model, given.exposures[0].arm) == (OLD.model, "canary")
        assert given.answer == make(OLD, Wish(k=10))
    assert setting.counts(traffic) == {"canary": (3, 3, 0), "control": (0, 0, 0)}
    assert [record.levelname for record in caplog.records] == ["ERROR"]


def test_a_champion_that_fails_is_counted_too_and_told(setting: Setting) -> None:
    """There is nobody to answer in its place; but what cannot be asked for is no failure of the model."""
    traffic = canary()
    user = next(users_of(traffic, "control"))

    def failing(error: Exception) -> Callable[[Snapshot, Wish], Answer]:
        def fail(_: Snapshot, __: Wish) -> Answer:
            raise error

        return fail

    with pytest.raises(ZeroDivisionError):
        setting.give(traffic, user, make=failing(ZeroDivisionError()))
    with pytest.raises(BadRequestError):
        setting.give(traffic, user, make=failing(BadRequestError("No.", next_step="Ask otherwise.")))
    assert setting.counts(traffic) == {"canary": (0, 0, 0), "control": (1, 1, 0)}


def test_reports_add_up_over_servers_and_say_what_is_wrong(setting: Setting) -> None:
    """Each server tells its own sums again and again; together they are counted once, with the newest time."""
    traffic, other = canary(), Setting(setting.database)
    user = next(users_of(traffic, "canary"))
    setting.give(traffic, user)
    for _ in range(3):
        setting.counts(traffic)
    other.give(traffic, user)
    other.counting.report(traffic.arms, unable="The array is damaged.", lost=5)
    other.counting.report(traffic.arms, unable="The array is damaged.", lost=8)
    told = reported(setting.database, 7)["canary"]
    assert (told.tally.answers, told.servers, told.unable, told.lost) == (2, 2, ("The array is damaged.",), 3)
    assert told.last > 0


def interleaved() -> Traffic:
    arms = (Arm("old", bundle_id="old-a"), Arm("new", bundle_id="new-b"))
    return going(Kind.EXPERIMENT, ExperimentPlan(Layer.MODELS, 1.0, Span(0, SLOTS), arms, how="interleaved"))


def test_two_models_make_one_list(setting: Setting) -> None:
    """Half of the films are each one's, in its order; the answer remembers whose each was."""
    given = setting.give(interleaved(), name=f"{5:032x}")
    assert given.policy is not None
    assert given.policy["bundles"] == ["old-a", "new-b"]
    ids = [pick.film.movie_id for pick in given.answer.picks]
    by_team = [[item for item, team in zip(ids, given.policy["teams"], strict=True) if team == side] for side in (0, 1)]
    assert by_team == [[1, 2, 3, 4, 5], [21, 22, 23, 24, 25]]
    assert given.exposures[0].arm == "both"


EXPLORING = ExplorationConfig(budget=1.0, chance=0.4, depth=15, kept=2)


def test_a_budget_of_chance_is_kept(database: Database) -> None:
    """Of 2,000 answers the share of the budget is explored, chosen by their ids alone; 0 explores none, 1 all."""
    rng = np.random.default_rng(1)
    names = [rng.bytes(16).hex() for _ in range(2000)]
    assert np.mean([is_explored(name, 0.1) for name in names]) == pytest.approx(0.1, abs=0.02)
    assert not any(is_explored(name, 0.0) for name in names)
    assert all(is_explored(name, 1.0) for name in (*names, "f" * 32))


def test_an_explored_answer_says_how_probable_it_was(database: Database) -> None:
    """The first places stay; the others are drawn from the best films, and the same id draws the same again."""
    setting = Setting(database, EXPLORING)
    name = f"{77:032x}"
    given, again = setting.give(None, name=name), setting.give(None, name=name)
    assert given.answer == again.answer
    ids = [pick.film.movie_id for pick in given.answer.picks]
    assert ids[:2] == [1, 2]
    assert len(set(ids)) == 10
    assert set(ids) <= set(range(1, 16))
    assert given.policy == {"chance": 0.4, "depth": 15, "kept": 2, "candidates": list(range(1, 16))}
    assert given.propensities is not None
    assert given.propensities[:2] == (1, 1)
    left = [movie_id for movie_id in range(1, 16) if movie_id not in ids[:2]]
    for place in range(2, 10):
        expected = 0.6 * (ids[place] == left[0]) + 0.4 / len(left)
        assert given.propensities[place] == pytest.approx(expected)
        left.remove(ids[place])


def test_the_propensities_are_how_often_films_are_drawn() -> None:
    """Over 4,000 ids each film fills the first open place as often as its propensity says."""
    rng = np.random.default_rng(2)
    drawn = [draw(15, 4, rng.bytes(16).hex(), EXPLORING) for _ in range(4000)]
    firsts = np.bincount([order[2] for order, _ in drawn], minlength=15) / 4000
    told = {order[2]: propensities[2] for order, propensities in drawn}
    for rank in range(2, 15):
        assert firsts[rank] == pytest.approx(told[rank], abs=4 * (told[rank] / 4000) ** 0.5)


def test_what_chance_costs_is_measured(database: Database) -> None:
    """The share of the best list's scores that explored lists fall short by is summed up in the metrics."""
    setting = Setting(database, EXPLORING)
    rng = np.random.default_rng(3)
    for _ in range(20):
        setting.give(None, name=rng.bytes(16).hex())
    lines = dict(line.rsplit(" ", 1) for line in setting.metrics.exposition().decode().splitlines() if line[0] != "#")
    assert float(lines["movie_mlops_exploration_cost_count"]) == 20
    assert 0 < float(lines["movie_mlops_exploration_cost_sum"]) < 20 * 0.3


@pytest.mark.parametrize("short", [Source.POPULAR, Source.PERSONALISED])
def test_there_is_no_chance_where_there_is_no_choice(database: Database, short: Source) -> None:
    """A list that is not personal, or that few films are left for, is what it would have been."""

    def few(asked: Snapshot, wish: Wish) -> Answer:
        answer = make(asked, wish)
        return Answer(short, answer.picks[: 12 if short is Source.PERSONALISED else 40], None)

    given = Setting(database, EXPLORING).give(None, make=few)
    assert given.answer.picks == make(OLD, Wish(k=10)).picks
    assert given.propensities is None


def test_nobody_is_explored_whose_answer_nobody_would_know(database: Database) -> None:
    """Who has no account sends no events."""
    assert Setting(database, EXPLORING).give(None, None).propensities is None


def test_an_arm_may_have_a_budget_of_its_own(database: Database) -> None:
    """In the layer of exploration an arm's share goes over the configured one."""
    arms = (Arm("none", exploration=0.0), Arm("all", exploration=1.0))
    traffic = going(Kind.EXPERIMENT, ExperimentPlan(Layer.EXPLORATION, 1.0, Span(0, SLOTS), arms))
    setting = Setting(database, EXPLORING)
    for arm in ("none", "all"):
        given = setting.give(traffic, next(users_of(traffic, arm)))
        assert (given.propensities is not None) is (arm == "all")


def test_a_shadow_answers_off_the_way(setting: Setting) -> None:
    """It is asked what the champion was asked, is seen by nobody, and its failures and likeness are counted."""
    traffic = going(Kind.SHADOW, ShadowPlan("new-b", 1.0))
    given = setting.give(traffic)
    assert given.answer == make(OLD, Wish(k=10))
    setting.give(traffic, make=broken)
    setting.shadowing.start()
    while setting.counts(traffic)["shadow"][0] < 2:
        pass
    setting.shadowing.stop()
    assert setting.counts(traffic) == {"shadow": (2, 1, 0)}
    assert reported(setting.database, 7)["shadow"].tally.agreed == 0


def test_a_shadow_that_is_too_slow_is_left_out(setting: Setting) -> None:
    """What waits for it is bounded: nothing grows, and no answer waits."""
    traffic = going(Kind.SHADOW, ShadowPlan("new-b", 1.0))
    for _ in range(500):
        setting.give(traffic)
    assert setting.shadowing._waiting.qsize() == 100
