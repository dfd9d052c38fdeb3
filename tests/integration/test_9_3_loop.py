"""The loop over real stores: from a trigger to a canary and its end; killed, refused, together with others."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import numpy as np
import pytest

from movie_mlops.core.errors import MovieMlopsError
from movie_mlops.core.progress import SILENT
from movie_mlops.events.triggers import Stage, State
from movie_mlops.flows import Recipe
from movie_mlops.flows.errors import BusyError, FlowError, NothingReleasedError
from movie_mlops.flows.features import known_feedback, known_movies
from movie_mlops.flows.journal import flow_runs
from movie_mlops.flows.loop import Background
from movie_mlops.flows.release import Careful
from movie_mlops.flows.steps import one_at_a_time
from movie_mlops.flows.train import fit
from movie_mlops.flows.update import bring_up
from movie_mlops.release import read_bundle, read_manifest, write_bundle
from movie_mlops.release.rollout import CanaryConfig, Rollouts
from movie_mlops.release.rollout import Step as Action
from tests.fixtures.stage_9.shifting import AFTER, BEFORE, BEGINS, Like, liked
from tests.fixtures.stage_9.town import Town, build, opened


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("town")
    build(folder)
    return folder


@pytest.fixture
def place(built: Path, tmp_path: Path) -> Iterator[Town]:
    folder = shutil.copytree(built, tmp_path / "town")
    with opened(folder) as found:
        yield found


def newcomers(count: int = 60, *, prefix: str = "q", shifted: bool = True) -> list[Like]:
    return liked(AFTER if shifted else BEFORE, count, 10, begins=BEGINS + timedelta(days=40), prefix=prefix, seed=2)


def champion(place: Town) -> str:
    found = place.platform.ledger.champion()
    assert found is not None
    return found.bundle_id


def test_a_shift_becomes_a_canary_and_that_a_release_all_on_record(place: Town) -> None:
    """Promise P20: event, trigger, training, gate, canary, promotion: in ledger, journal, audit log, with why."""
    before, loop = champion(place), place.loop()
    assert loop.turn() is None
    place.say(newcomers())
    run = loop.turn()
    assert run is not None
    assert (run.trigger, run.stage, run.canary, run.champion) == ("films", Stage.CANARY, "canary-1", before)
    assert "films that it does not know" in run.reason
    # Nobody but the canary's own watch makes it the champion.
    assert champion(place) == before
    again = loop.turn()
    assert (again, place.made) == (run, 1)
    rollouts = Rollouts(place.platform.database)
    [start] = rollouts.moves()
    assert run.reason in start.reason
    rollouts.promote("canary-1", expected=None, reason="Nothing became worse.", approved_by="canary-guard")
    done = loop.turn()
    assert done is not None
    assert (done.stage, champion(place)) == (Stage.PROMOTED, run.bundle_id)
    released = place.platform.ledger.champion()
    assert released is not None
    assert run.reason in released.gate["proposed"]
    assert [step.what for step in done.steps] == ["proposed", "canary", "promoted"]
    assert place.told() == [(f"loop.{what}", "trigger films") for what in ("proposed", "canary", "promoted")]
    assert [(one.flow, one.outcome) for one in flow_runs(place.platform.database)] == [("loop films", "done")]
    # The new champion has learned from all of it.
    assert loop.turn() is None


def test_on_an_audience_that_stays_as_it_was_nothing_fires(place: Town) -> None:
    """Promise P20: more of the same audience, below the volume that is waited for: no rule fires."""
    loop = place.loop(least_new=100, volume={"at": 0.5, "rearm": 0.2})
    for week in range(3):
        place.say(newcomers(20, prefix=f"same{week}-", shifted=False))
        assert loop.turn() is None
        assert [each.name for each in loop.look() if each.state in {State.FIRES, State.AGAIN, State.HELD}] == []
        place.passed(days=1)
    assert place.made == 0


def test_what_the_gate_refused_is_not_tried_again_on_the_same_data(place: Town) -> None:
    """A refused model changes nothing; the next try needs both time and as many new interactions as are asked for."""
    before, loop = champion(place), place.loop(refused_hours=48.0, drift={"at": None}, quality={"at": None})
    place.passes = False
    place.say(newcomers())
    run = loop.turn()
    assert run is not None
    assert (run.stage, run.steps[-1].sentence) == (Stage.REFUSED, "The gate refused it: It is worse.")
    assert (champion(place), Rollouts(place.platform.database).moves()) == (before, [])
    place.passed(days=3)
    assert loop.turn() is None
    assert place.made == 1
    place.passes = True
    place.say(newcomers(40, prefix="r"))
    found = {each.name: each for each in loop.look()}
    # The rule that fired for nothing stays as it is; that of the volume counts from what was tried.
    assert (found["films"].state, found["volume"].state) == (State.FIRED, State.FIRES)
    tried = loop.turn()
    assert tried is not None
    assert (tried.trigger, tried.stage, place.made) == ("volume", Stage.CANARY, 2)


class Killed(BaseException):
    """Stands for kill -9: nothing catches it."""


def test_killed_in_the_middle_the_next_turn_goes_on(place: Town) -> None:
    """Promise P20: killed while it trains, the same run is begun again; there is one canary and one champion."""
    before = champion(place)

    def die() -> None:
        raise Killed

    place.dies = die
    place.say(newcomers())
    with pytest.raises(Killed):
        place.loop().turn()
    assert champion(place) == before
    place.dies = lambda: None
    # Another process, another loop: it knows of the run, and begins no second one.
    run = place.loop().turn()
    assert run is not None
    assert (run.run_id, run.stage, run.attempts, place.made) == (1, Stage.CANARY, 2, 2)
    # Killed between the canary and its note, a turn would find that it has begun.
    told = place.make(Careful(CanaryConfig(), "once more", "gate")).result("release")
    assert (told["action"], told.get("canary")) == ("withheld", None)
    assert [move.action for move in Rollouts(place.platform.database).moves()] == [Action.START]


def test_what_is_killed_or_fails_every_time_ends(place: Town) -> None:
    """Attempts are counted before they are made; an error is told, and the last one is the run's end."""

    def fail() -> None:
        raise FlowError("The disk is full.", next_step="Free space.")

    place.dies = fail
    place.say(newcomers())
    loop = place.loop(attempts=2)
    with pytest.raises(MovieMlopsError, match="full"):
        loop.turn()
    run = loop.turn()
    assert run is not None
    assert (run.stage, run.attempts) == (Stage.FAILED, 2)
    assert "The disk is full." in run.steps[-1].sentence

    def die() -> None:
        raise Killed

    place.dies = die
    place.loop().fire("once more", by="ann")
    for _ in range(2):
        with pytest.raises(Killed):
            loop.turn()
    run = loop.turn()
    assert run is not None
    assert (run.stage, run.steps[-1].sentence) == (Stage.FAILED, "It was begun 2 times and never ended.")


def test_a_canary_without_servers_is_taken_back(place: Town) -> None:
    """Who hears of no server does not promote: the loop itself sees to its canary, and says how it ended."""
    before, loop = champion(place), place.loop()
    place.say(newcomers())
    run = loop.turn()
    assert run is not None
    rollouts = Rollouts(place.platform.database)
    rollouts.move("canary-1", Action.ROLLBACK, expected=None, reason="No server.", approved_by="canary-guard")
    done = loop.turn()
    assert done is not None
    assert (done.stage, done.steps[-1].sentence, champion(place)) == (Stage.TAKEN_BACK, "No server.", before)
    assert loop.turn() is None


def test_many_that_take_turns_begin_one_run(place: Town) -> None:
    """Four loops at once, over one database: one run, one canary, no error."""
    place.say(newcomers())
    together, failed = Barrier(4), []

    def take() -> None:
        together.wait()
        try:
            place.loop().turn()
        except MovieMlopsError as error:
            failed.append(error)

    threads = [Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    place.loop().turn()
    assert failed == []
    assert [(run.run_id, run.stage) for run in place.runs.newest()] == [(1, Stage.CANARY)]
    assert [move.action for move in Rollouts(place.platform.database).moves()] == [Action.START]


def test_while_another_flow_writes_a_run_waits_and_no_attempt_is_lost(place: Town) -> None:
    """The lock of the flows is the loop's too: it waits for the main job of somebody else, and then goes on."""
    place.say(newcomers())
    with one_at_a_time(place.platform.workspace.lock):
        for _ in range(5):
            run = place.loop().turn()
            assert run is not None
            assert (run.stage, run.attempts) == (Stage.PROPOSED, 0)
    run = place.loop().turn()
    assert run is not None
    assert (run.stage, run.attempts) == (Stage.CANARY, 1)


def test_somebody_may_ask_for_a_run_and_the_gate_decides(place: Town) -> None:
    """Asked for, it begins in spite of the rules; while one goes on another is refused; without a champion too."""
    loop = place.loop()
    run = loop.fire("the films of the festival came", by="ann")
    assert (run.trigger, run.facts["by"]) == ("manual", "ann")
    with pytest.raises(BusyError, match="goes on"):
        loop.fire("again", by="bob")
    done = loop.turn()
    assert done is not None
    assert done.stage is Stage.CANARY
    assert place.told() == [("loop.proposed", "ann"), ("loop.canary", "trigger manual")]


def test_a_look_changes_nothing(place: Town) -> None:
    """What explains the rules begins nothing and remembers nothing."""
    place.say(newcomers())
    loop = place.loop(drift={"at": None})
    found = {each.name: each for each in loop.look()}
    assert (found["films"].state, found["drift"].state, found["age"].state) == (State.FIRES, State.OFF, State.BELOW)
    assert {each.state for each in loop.remembered() if each.name != "drift"} == {State.UNKNOWN}
    assert (place.made, place.runs.newest(), place.told()) == (0, [], [])


def test_beside_a_worker_turns_are_taken_by_themselves(place: Town) -> None:
    """In the background runs are told when they come further, errors are told, and the end waits for no training."""
    place.say(newcomers())
    told: list[Stage] = []
    seen = Barrier(2)

    def on_run(run: object) -> None:
        told.append(place.runs.newest()[0].stage)
        seen.wait(30)

    background = Background(place.loop(), 0.01, on_run=on_run)
    with background:
        assert background.busy
        seen.wait(30)
    assert told == [Stage.CANARY]
    assert not background.busy


def test_without_a_champion_there_is_nothing_to_do(tmp_path: Path) -> None:
    """The first model is made by somebody: until then the loop is quiet, and who asks is told so."""
    with opened(tmp_path) as place:
        assert place.loop().turn() is None
        with pytest.raises(NothingReleasedError):
            place.loop().fire("begin", by="ann")


def test_the_champion_is_brought_up_to_date_with_what_came(place: Town) -> None:
    """What was said since goes into a new bundle's model, equal to a training anew within 1e-5; the old one stays."""
    platform, recipe = place.platform, Recipe(name="ease", model="ease", params={"regularisation": 20.0})
    place.say(newcomers(12))
    known = known_feedback(platform.lake, platform.config.feedback)
    found, former = bring_up(platform, known, recipe)
    anew = fit(known, "ease", recipe.params, SILENT, movies=lambda: known_movies(platform.lake))
    assert former == champion(place)
    assert found.trained_on == anew.trained_on
    assert np.array_equal(found.movie_ids, anew.movie_ids)
    assert np.abs(found.model.arrays()["weights"] - anew.model.arrays()["weights"]).max() < 1e-5
    with pytest.raises(FlowError, match="not made by the recipe"):
        bring_up(platform, known, Recipe(name="ease", model="ease", params={"regularisation": 21.0}))


def test_a_champion_whose_data_was_changed_is_not_brought_up(place: Town) -> None:
    """Promise P28: what was erased must not live on in what is carried on: then only a training anew is left."""
    platform = place.platform
    manifest = read_manifest(platform.workspace.models / champion(place))
    facts: Any = {**manifest.facts, "trained_on": {**manifest.facts["trained_on"], "sha256": "0" * 64}}  # type: ignore[dict-item]
    bundle = read_bundle(platform.workspace.models / champion(place), trust=platform.keys.trust)
    other = write_bundle(
        platform.workspace.models,
        model=bundle.recommender,
        movie_ids=bundle.movie_ids,
        facts=facts,
        signer=platform.keys.signer(),
    ).bundle_id
    platform.ledger.promote(other, reason="a test", gate={}, approved_by="tests", expected=champion(place))
    known = known_feedback(platform.lake, platform.config.feedback)
    with pytest.raises(FlowError, match="not there any more as it was"):
        bring_up(platform, known, Recipe(name="ease", model="ease", params={"regularisation": 20.0}))
