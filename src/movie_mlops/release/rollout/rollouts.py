"""The ledger of roll-outs: what begins, goes on and ends, by compare-and-swap, every move sealed."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, func, insert, select
from sqlalchemy.exc import IntegrityError

from movie_mlops.core import clock
from movie_mlops.release.chain import Chain, require_whole
from movie_mlops.release.errors import ReleaseError, RolloutConflictError, RolloutError
from movie_mlops.release.ledger import champion_within, promote_within
from movie_mlops.release.retired import refuse_retired
from movie_mlops.release.rollout.assignment import free_span, slots_of
from movie_mlops.release.rollout.config import CanaryConfig
from movie_mlops.release.rollout.moves import MOVES, Move, Step, chain_of, read_rows, seal_of_move
from movie_mlops.release.rollout.plans import NAME, CanaryPlan, ExperimentPlan, Kind, Plan, ShadowPlan
from movie_mlops.release.rollout.standing import Rollout, Standing, fold
from movie_mlops.release.rows import Release, as_kept
from movie_mlops.state import FIRST, Database

_LOOK_AGAIN = "Look at it with 'movie-mlops release status', then decide again."


class Rollouts:
    """Says what is rolled out to whom; rows are added and never changed.

    Args:
        database: The state database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def moves(self) -> list[Move]:
        """Return every move, the oldest first."""
        with self._database.read() as connection:
            return [Move.of(row) for row in read_rows(connection)]

    def standing(self) -> Standing:
        """Return what goes on.

        Raises:
            LedgerAlteredError: A move is not what was written: nobody gets a candidate on its word.
        """
        with self._database.read() as connection:
            return _standing(connection)

    def newest(self) -> int:
        """Return the newest move's number, 0 before the first: who follows the ledger asks this alone, mostly."""
        with self._database.read() as connection:
            return connection.execute(select(func.max(MOVES.c.move_id))).scalar_one() or FIRST

    def verify(self) -> Chain:
        """Hold every move against its seal; what is broken is named in the answer."""
        with self._database.read() as connection:
            return chain_of(read_rows(connection))

    def withdrawn(self, bundle_id: str) -> Move | None:
        """Return the move that took a canary of a bundle back, unless another canary of it began since."""
        bundles: dict[str, str] = {}
        taken: Move | None = None
        for move in self.moves():
            if move.kind is Kind.CANARY and move.action is Step.START:
                bundles[move.name] = move.said["bundle_id"]
            if bundles.get(move.name) == bundle_id:
                taken = move if move.action is Step.ROLLBACK else None
        return taken

    def begin_canary(
        self, bundle_id: str, config: CanaryConfig, *, reason: str, approved_by: str, gate: Mapping[str, Any]
    ) -> Rollout:
        """Give a candidate the first share of the users.

        Args:
            bundle_id: The candidate.
            config: How it goes.
            reason: Why, in words.
            approved_by: Who lets it.
            gate: The gate's report on it, which its promotion will carry.

        Raises:
            RolloutError: Nothing serves that it could be held against, it serves already, or there is a canary.
            LedgerAlteredError: A row is not what was written.
        """
        with self._database.write() as connection:
            champion, standing = champion_within(connection), _standing(connection)
            if champion is None or champion.bundle_id == bundle_id:
                why = "Nothing serves yet" if champion is None else f"{bundle_id} serves already"
                raise RolloutError(f"{why}, so there is no canary.", next_step="Use 'movie-mlops release promote'.")
            if standing.canary is not None:
                if standing.canary.release_id == champion.release_id:
                    raise RolloutError(
                        f"'{standing.canary.name}' goes on: there is one canary at a time.",
                        next_step="Wait, or take it back with 'movie-mlops release rollback'.",
                    )
                _add(
                    connection,
                    standing.canary,
                    Step.STOP,
                    {},
                    reason="The champion changed under it.",
                    approved_by=approved_by,
                )
            begun = sum(row.kind == Kind.CANARY and row.action == Step.START for row in read_rows(connection))
            # A name of its own is a salt of its own: it is not always the same people who try what is new.
            name, plan = f"canary-{begun + 1}", CanaryPlan(bundle_id, champion.bundle_id, config, gate)
            return _begin(connection, name, Kind.CANARY, plan, reason=reason, approved_by=approved_by)

    def begin_experiment(self, name: str, plan: ExperimentPlan, *, reason: str, approved_by: str) -> Rollout:
        """Begin an experiment on slots of its layer that nobody has.

        Args:
            name: What it is called; no name is used twice, because it is the salt of the arms.
            plan: What is compared; its span is found here.
            reason: Why, in words.
            approved_by: Who lets it.

        Raises:
            RolloutError: The name is none or was used, or the layer is full.
            LedgerAlteredError: A row is not what was written.
        """
        with self._database.write() as connection:
            if not NAME.fullmatch(name) or any(row.name == name for row in read_rows(connection)):
                raise RolloutError(
                    f"{name!r} is no name, or was one before.",
                    next_step="Use another, of small letters, digits and hyphens: who is in which arm follows from it.",
                )
            others = [other.plan for other in _standing(connection).experiments]
            taken = [other.span for other in others if isinstance(other, ExperimentPlan) and other.layer is plan.layer]
            planned = replace(plan, span=free_span(taken, slots_of(plan.share)))
            return _begin(connection, name, Kind.EXPERIMENT, planned, reason=reason, approved_by=approved_by)

    def begin_shadow(self, bundle_id: str, share: float, *, reason: str, approved_by: str) -> Rollout:
        """Have a candidate answer beside the champion, seen by nobody.

        Raises:
            RolloutError: There is one, or the share is none.
            LedgerAlteredError: A row is not what was written.
        """
        slots_of(share)
        with self._database.write() as connection:
            if (shadow := _standing(connection).shadow) is not None:
                raise RolloutError(
                    f"'{shadow.name}' goes on: there is one shadow at a time.",
                    next_step=f"End it with 'movie-mlops release stop {shadow.name}'.",
                )
            begun = sum(row.kind == Kind.SHADOW and row.action == Step.START for row in read_rows(connection))
            name, plan = f"shadow-{begun + 1}", ShadowPlan(bundle_id, share)
            return _begin(connection, name, Kind.SHADOW, plan, reason=reason, approved_by=approved_by)

    def move(
        self,
        name: str,
        action: Step,
        *,
        expected: int | None,
        reason: str,
        approved_by: str,
        said: Mapping[str, Any] | None = None,
    ) -> Rollout:
        """Advance, pause, resume, take back or stop what goes on.

        Args:
            name: Of which roll-out.
            action: What to do; a promotion has a method of its own.
            expected: Its newest move as the caller saw it; ``None`` to do it whatever happened since.
            reason: Why, in words.
            approved_by: Who decides.
            said: What it is decided on.

        Returns:
            The roll-out as it is, or was before its end.

        Raises:
            RolloutError: Nothing of that name goes on, or that cannot be done with it.
            RolloutConflictError: Somebody else changed it meanwhile.
            LedgerAlteredError: A row is not what was written.
        """
        with self._database.write() as connection:
            rollout = _going(connection, name, expected)
            canary = rollout.kind is Kind.CANARY
            if action in {Step.START, Step.PROMOTE} or (
                action is Step.ADVANCE and (not canary or rollout.is_last_stage)
            ):
                raise RolloutError(f"'{name}' cannot {action}.", next_step=_LOOK_AGAIN)
            if action in {Step.PAUSE, Step.RESUME} and (not canary or rollout.paused is (action is Step.PAUSE)):
                state = "is held already" if rollout.paused else "goes on" if canary else "has no stages"
                raise RolloutError(f"'{name}' {state}.", next_step=_LOOK_AGAIN)
            _add(connection, rollout, action, said or {}, reason=reason, approved_by=approved_by)
            return _standing(connection).named(name) or rollout

    def promote(
        self, name: str, *, expected: int | None, reason: str, approved_by: str, said: Mapping[str, Any] | None = None
    ) -> Release:
        """Make a canary the champion and end it, both or neither.

        Args:
            name: The canary.
            expected: Its newest move as the caller saw it; ``None`` to do it whatever happened since.
            reason: Why, in words.
            approved_by: Who decides.
            said: What it is decided on.

        Raises:
            RolloutError: There is no such canary.
            RolloutConflictError: Somebody else changed it meanwhile.
            PromotionConflictError: Another bundle is champion by now.
            LedgerAlteredError: A row is not what was written.
        """
        with self._database.write() as connection:
            rollout = _going(connection, name, expected)
            plan = rollout.plan
            if not isinstance(plan, CanaryPlan):
                raise RolloutError(f"'{name}' is no canary.", next_step="Promote its bundle by its id.")
            _add(connection, rollout, Step.PROMOTE, said or {}, reason=reason, approved_by=approved_by)
            return promote_within(
                connection,
                plan.bundle_id,
                reason=reason,
                gate={**plan.gate, "canary": {"name": name, **(said or {})}},
                approved_by=approved_by,
                expected=plan.control_id,
            )


def _standing(connection: Connection) -> Standing:
    rows = read_rows(connection)
    require_whole(chain_of(rows))
    return fold(Move.of(row) for row in rows)


def _going(connection: Connection, name: str, expected: int | None) -> Rollout:
    standing = _standing(connection)
    rollout = standing.named(name)
    if rollout is None:
        going = ", ".join(f"'{other.name}'" for other in standing.rollouts) or "nothing"
        raise RolloutError(f"Nothing called '{name}' goes on; {going} does.", next_step=_LOOK_AGAIN)
    if expected is not None and rollout.move_id != expected:
        raise RolloutConflictError(
            f"'{name}' is at move {rollout.move_id}, not at {expected} as it was when the decision was made.",
            next_step=_LOOK_AGAIN,
        )
    return rollout


def _begin(connection: Connection, name: str, kind: Kind, plan: Plan, *, reason: str, approved_by: str) -> Rollout:
    refuse_retired(connection, *plan.bundles)
    _add(connection, (name, kind), Step.START, plan.to_json(), reason=reason, approved_by=approved_by)
    begun = _standing(connection).named(name)
    assert begun is not None
    return begun


def _add(
    connection: Connection,
    rollout: Rollout | tuple[str, Kind],
    action: Step,
    said: Mapping[str, Any],
    *,
    reason: str,
    approved_by: str,
) -> None:
    name, kind = (rollout.name, rollout.kind) if isinstance(rollout, Rollout) else rollout
    if not reason.strip() or not approved_by.strip():
        raise ReleaseError(
            f"The {action} of '{name}' has no reason or nobody who approved it.", next_step="Give both in words."
        )
    rows = read_rows(connection)
    require_whole(chain := chain_of(rows))
    champion = champion_within(connection)
    # A clock that was set back must not turn the order round.
    at = max(clock.microseconds(clock.now()), rows[-1].at + 1 if rows else 0)
    values = {
        "name": name,
        "kind": kind.value,
        "action": action.value,
        "said": as_kept(said, what=f"What '{name}' is moved on"),
        "at": at,
        "reason": reason,
        "approved_by": approved_by,
        "release_id": FIRST if champion is None else champion.release_id,
        "previous_move_id": rows[-1].move_id if rows else FIRST,
    }
    before = chain.head or ""
    try:
        connection.execute(insert(MOVES).values(**values, before=before, sha256=seal_of_move(values, before)))
    except IntegrityError as error:
        raise RolloutConflictError(f"Somebody else moved while '{name}' was moved.", next_step=_LOOK_AGAIN) from error
