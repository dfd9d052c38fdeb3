"""The ledger of roll-outs: one thing at a time, by compare-and-swap, sealed, and both chains or neither."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from movie_mlops.release import (
    Ledger,
    LedgerAlteredError,
    PromotionConflictError,
    ReleaseError,
    RolloutConflictError,
    RolloutError,
)
from movie_mlops.release.rollout import (
    Arm,
    CanaryConfig,
    ExperimentPlan,
    Kind,
    Layer,
    Rollout,
    Rollouts,
    Span,
    Step,
)
from movie_mlops.release.rollout.moves import read_rows, seal_of_move
from movie_mlops.state import Database, StateConfig

A, B, C = (f"edlae-{letter * 12}" for letter in "abc")
TOLD = {"reason": "to see", "approved_by": "kim"}
GATE = {"passed": True, "checks": []}


@pytest.fixture
def database(state_url: str) -> Iterator[Database]:
    database = Database(StateConfig(state_url))
    Ledger(database).promote(A, gate=GATE, expected=None, **TOLD)
    yield database
    database.close()


@pytest.fixture
def rollouts(database: Database) -> Rollouts:
    return Rollouts(database)


def canary(rollouts: Rollouts, bundle_id: str = B) -> Rollout:
    return rollouts.begin_canary(bundle_id, CanaryConfig(), gate=GATE, **TOLD)


def experiment(share: float, layer: Layer = Layer.MODELS) -> ExperimentPlan:
    arms = (Arm("old", bundle_id=A), Arm("new", bundle_id=B))
    if layer is Layer.EXPLORATION:
        arms = (Arm("none", exploration=0.0), Arm("some", exploration=0.1))
    return ExperimentPlan(layer, share, Span(0, 0), arms)


def test_a_canary_goes_its_way(rollouts: Rollouts, database: Database) -> None:
    """It begins at the first share, goes on share by share, and its promotion makes the champion in the same step."""
    begun = canary(rollouts)
    assert (begun.name, begun.share, begun.release_id) == ("canary-1", 0.01, 1)
    shares, at = [], begun
    for _ in range(3):
        at = rollouts.move("canary-1", Step.ADVANCE, expected=at.move_id, **TOLD)
        shares.append(at.share)
    assert shares == [0.05, 0.25, 0.5]
    assert at.stage_id == at.move_id == 4
    with pytest.raises(RolloutError, match="cannot advance"):
        rollouts.move("canary-1", Step.ADVANCE, expected=at.move_id, **TOLD)
    release = rollouts.promote("canary-1", expected=at.move_id, said={"canary": {"answers": 5}}, **TOLD)
    assert (release.bundle_id, release.gate["canary"]) == (B, {"name": "canary-1", "canary": {"answers": 5}})
    assert Ledger(database).champion() == release
    assert rollouts.standing().rollouts == ()
    assert [move.action for move in rollouts.moves()] == ["start", *["advance"] * 3, "promote"]


def test_held_and_let_go(rollouts: Rollouts) -> None:
    """Pausing keeps the stage, and what is counted in it; doing either twice is refused."""
    begun = canary(rollouts)
    held = rollouts.move("canary-1", Step.PAUSE, expected=begun.move_id, **TOLD)
    assert (held.paused, held.stage_id, held.since) == (True, begun.stage_id, begun.since)
    with pytest.raises(RolloutError, match="held already"):
        rollouts.move("canary-1", Step.PAUSE, expected=None, **TOLD)
    assert not rollouts.move("canary-1", Step.RESUME, expected=held.move_id, **TOLD).paused
    with pytest.raises(RolloutError, match="goes on"):
        rollouts.move("canary-1", Step.RESUME, expected=None, **TOLD)


def test_a_decision_on_an_outdated_view_is_refused(rollouts: Rollouts) -> None:
    """Of two who saw the same, one moves; the other is told, and nothing is written."""
    begun = canary(rollouts)
    rollouts.move("canary-1", Step.ADVANCE, expected=begun.move_id, **TOLD)
    with pytest.raises(RolloutConflictError, match="is at move 2, not at 1"):
        rollouts.move("canary-1", Step.ROLLBACK, expected=begun.move_id, **TOLD)
    with pytest.raises(RolloutConflictError):
        rollouts.promote("canary-1", expected=begun.move_id, **TOLD)
    assert len(rollouts.moves()) == 2


def test_many_servers_that_decide_at_once_decide_once(rollouts: Rollouts) -> None:
    """Eight that saw the same stage all want to go on: the canary goes on by one stage."""
    begun = canary(rollouts)

    def advance(_: int) -> bool:
        try:
            rollouts.move("canary-1", Step.ADVANCE, expected=begun.move_id, **TOLD)
        except RolloutConflictError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(advance, range(8))) == 1
    going = rollouts.standing().canary
    assert going is not None
    assert going.stage == 1


def test_one_canary_at_a_time_and_none_of_what_serves(rollouts: Rollouts, database: Database) -> None:
    """A second one and one of the champion are refused; one whose champion changed ends when another begins."""
    with pytest.raises(RolloutError, match="serves already"):
        canary(rollouts, A)
    canary(rollouts)
    with pytest.raises(RolloutError, match="one canary at a time"):
        canary(rollouts, C)
    Ledger(database).promote(C, gate=GATE, expected=A, **TOLD)
    again = canary(rollouts)
    assert again.name == "canary-2"
    assert [(move.name, move.action) for move in rollouts.moves()] == [
        ("canary-1", "start"), ("canary-1", "stop"), ("canary-2", "start")
    ]  # fmt: skip


def test_a_promotion_that_the_champion_overtook_leaves_both_chains_as_they_were(
    rollouts: Rollouts, database: Database
) -> None:
    """The move and the release are one transaction: where the release is refused the canary did not end."""
    begun = canary(rollouts)
    Ledger(database).promote(C, gate=GATE, expected=A, **TOLD)
    with pytest.raises(PromotionConflictError):
        rollouts.promote("canary-1", expected=begun.move_id, **TOLD)
    assert [move.action for move in rollouts.moves()] == ["start"]
    assert [release.bundle_id for release in Ledger(database).history()] == [A, C]


def test_a_bundle_whose_canary_was_taken_back_is_known(rollouts: Rollouts) -> None:
    """Until another canary of it begins."""
    assert rollouts.withdrawn(B) is None
    canary(rollouts)
    assert rollouts.withdrawn(B) is None
    rollouts.move("canary-1", Step.ROLLBACK, expected=None, reason="errors", approved_by="canary-guard")
    taken = rollouts.withdrawn(B)
    assert taken is not None
    assert (taken.reason, rollouts.withdrawn(C)) == ("errors", None)
    canary(rollouts)
    assert rollouts.withdrawn(B) is None


def test_experiments_of_a_layer_have_spans_of_their_own(rollouts: Rollouts) -> None:
    """Found when they begin, freed when they end, apart in each layer; a name is used once for ever."""
    spans = {}
    for name, share, layer in (("a", 0.3, Layer.MODELS), ("b", 0.5, Layer.MODELS), ("c", 0.9, Layer.EXPLORATION)):
        begun = rollouts.begin_experiment(name, experiment(share, layer), **TOLD)
        assert isinstance(begun.plan, ExperimentPlan)
        spans[name] = begun.plan.span
    assert spans == {"a": Span(0, 3000), "b": Span(3000, 5000), "c": Span(0, 9000)}
    with pytest.raises(RolloutError, match="left together"):
        rollouts.begin_experiment("d", experiment(0.21), **TOLD)
    rollouts.move("a", Step.STOP, expected=None, **TOLD)
    with pytest.raises(RolloutError, match="was one before"):
        rollouts.begin_experiment("a", experiment(0.1), **TOLD)
    begun = rollouts.begin_experiment("d", experiment(0.21), **TOLD)
    assert isinstance(begun.plan, ExperimentPlan)
    assert begun.plan.span == Span(0, 2100)
    with pytest.raises(RolloutError, match="has no stages"):
        rollouts.move("b", Step.PAUSE, expected=None, **TOLD)
    with pytest.raises(RolloutError, match="is no canary"):
        rollouts.promote("b", expected=None, **TOLD)


def test_one_shadow_at_a_time(rollouts: Rollouts) -> None:
    """A second one is refused until the first ended."""
    assert rollouts.begin_shadow(B, 0.2, **TOLD).share == 0.2
    with pytest.raises(RolloutError, match="one shadow at a time"):
        rollouts.begin_shadow(C, 0.2, **TOLD)
    rollouts.move("shadow-1", Step.STOP, expected=None, **TOLD)
    assert rollouts.begin_shadow(C, 0.2, **TOLD).name == "shadow-2"
    assert [each.kind for each in rollouts.standing().rollouts] == [Kind.SHADOW]


def test_what_does_not_go_on_is_named(rollouts: Rollouts) -> None:
    """A move of nothing says what there is; one without reason or approver is refused."""
    canary(rollouts)
    with pytest.raises(RolloutError, match=r"Nothing called 'x' goes on; 'canary-1' does"):
        rollouts.move("x", Step.STOP, expected=None, **TOLD)
    for missing in ({"reason": " "}, {"approved_by": ""}):
        with pytest.raises(ReleaseError, match="has no reason"):
            rollouts.move("canary-1", Step.STOP, expected=None, **(TOLD | missing))


def test_moves_cannot_be_changed(rollouts: Rollouts, database: Database) -> None:
    """The database itself refuses."""
    canary(rollouts)
    for statement in ("UPDATE rollout_moves SET reason = 'x'", "DELETE FROM rollout_moves"):
        with pytest.raises(IntegrityError), database.write() as connection:
            connection.execute(text(statement))


def unlock(database: Database) -> None:
    """Take away what keeps the database from changing rows, as somebody may who has it in hand."""
    with database.write() as connection:
        if connection.dialect.name == "sqlite":
            for change in ("update", "delete"):
                connection.execute(text(f"DROP TRIGGER rollout_moves_refuse_{change}"))
        else:
            connection.execute(text("ALTER TABLE rollout_moves DISABLE TRIGGER USER"))


def test_who_seals_a_changed_move_anew_is_found_by_the_next_one(rollouts: Rollouts, database: Database) -> None:
    """A move that was rewritten, seal and all, is not the one that the next move remembers."""
    begun = canary(rollouts)
    rollouts.move("canary-1", Step.ADVANCE, expected=begun.move_id, **TOLD)
    unlock(database)
    with database.write() as connection:
        first = read_rows(connection)[0]
        forged = {**first._asdict(), "reason": "other"}
        change = text("UPDATE rollout_moves SET reason = 'other', sha256 = :seal WHERE move_id = 1")
        connection.execute(change, {"seal": seal_of_move(forged, "")})
    broken = rollouts.verify().broken
    assert broken is not None
    assert (broken.what, broken.number) == ("changed", 1)


@pytest.mark.parametrize(
    ("statement", "what", "move"),
    [
        ("UPDATE rollout_moves SET reason = 'other' WHERE move_id = 2", "changed", 2),
        ("UPDATE rollout_moves SET said = '{\"x\": 1}' WHERE move_id = 1", "changed", 1),
        ("DELETE FROM rollout_moves WHERE move_id = 2", "removed", 2),
    ],
)
def test_an_altered_move_is_found_and_stops_the_ledger(
    rollouts: Rollouts, database: Database, statement: str, what: str, move: int
) -> None:
    """Who has the whole database in hand can change a row; the chain says which, and nothing is added to it."""
    begun = canary(rollouts)
    rollouts.move("canary-1", Step.ADVANCE, expected=begun.move_id, **TOLD)
    rollouts.move("canary-1", Step.ADVANCE, expected=None, **TOLD)
    chain = rollouts.verify()
    assert (chain.broken, chain.releases, chain.head) == (None, 3, chain.seals[-1])
    unlock(database)
    with database.write() as connection:
        connection.execute(text(statement))
    broken = rollouts.verify().broken
    assert broken is not None
    assert (broken.what, broken.number) == (what, move)
    with pytest.raises(LedgerAlteredError, match=f"Move {move} "):
        rollouts.move("canary-1", Step.ROLLBACK, expected=None, **TOLD)
