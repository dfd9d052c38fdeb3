"""The ledger: which bundle serves, since when, why, and who let it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import IntegrityError

from movie_mlops.core import clock
from movie_mlops.release.chain import Chain, read_chain, require_whole, seal
from movie_mlops.release.errors import PromotionConflictError, ReleaseError, RollbackError
from movie_mlops.release.manifest import BUNDLE_ID
from movie_mlops.release.retired import refuse_retired
from movie_mlops.release.rows import RELEASES, Action, Release, as_kept
from movie_mlops.state import FIRST, Database


class Ledger:
    """Says which bundle serves at any time; rows are added and never changed.

    Args:
        database: The state database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def champion(self) -> Release | None:
        """Return the release that serves, or ``None`` before the first."""
        with self._database.read() as connection:
            return champion_within(connection)

    def history(self) -> list[Release]:
        """Return every release, oldest first."""
        with self._database.read() as connection:
            return _history(connection)

    def who_served(self, at: datetime) -> Release | None:
        """Return the release that served at a time, or ``None`` before the first.

        Raises:
            ReleaseError: ``at`` names no time zone.
        """
        if at.tzinfo is None:
            raise ReleaseError(f"The time {at} names no time zone.", next_step="Give the time with one, such as UTC.")
        return next((release for release in reversed(self.history()) if release.at <= at), None)

    def verify(self) -> Chain:
        """Hold every release against its seal; what is broken is named in the answer."""
        with self._database.read() as connection:
            return read_chain(connection)

    def withdrawn(self, bundle_id: str) -> Release | None:
        """Return the roll-back that took a bundle out of service, unless it was promoted again since."""
        history = self.history()
        for before, release in zip(reversed(history[:-1]), reversed(history[1:]), strict=True):
            if release.bundle_id == bundle_id and release.action is Action.PROMOTE:
                return None
            if before.bundle_id == bundle_id and release.action is Action.ROLLBACK:
                return release
        return None

    def promote(
        self, bundle_id: str, *, reason: str, gate: Mapping[str, Any], approved_by: str, expected: str | None
    ) -> Release:
        """Make a bundle the champion, provided that the champion is still the one that the caller saw.

        Promoting the bundle that serves already changes nothing and returns its release: a retry is harmless.

        Args:
            bundle_id: The new champion.
            reason: Why, in words.
            gate: The gate's report, plain data.
            approved_by: Who lets it.
            expected: The bundle id of the champion that the caller saw; ``None`` where there was none.

        Raises:
            PromotionConflictError: Another bundle is champion by now.
            LedgerAlteredError: A row is not what was written.
            RetiredError: The bundle was retired.
            ReleaseError: That is no bundle's id, or reason or approver is missing.
        """
        with self._database.write() as connection:
            return promote_within(
                connection, bundle_id, reason=reason, gate=gate, approved_by=approved_by, expected=expected
            )

    def rollback(self, reason: str, approved_by: str, *, expected: str | None = None) -> Release:
        """Restore the release before the champion's; once more restores the one before that.

        Args:
            reason: Why, in words.
            approved_by: Who lets it.
            expected: The bundle id of the champion that the caller saw, so that two people who press the button at
                once take one step back; ``None`` to take a step back from whatever serves.

        Raises:
            RollbackError: Nothing was released before.
            PromotionConflictError: Another bundle is champion by now.
            LedgerAlteredError: A row is not what was written.
            RetiredError: What was released before was retired since.
            ReleaseError: Reason or approver is missing.
        """
        with self._database.write() as connection:
            history = _history(connection)
            champion = history[-1] if history else None
            if expected is not None:
                _check_unchanged(champion, expected)
            restored = _before_champion(history)
            return _add(
                connection,
                champion,
                Action.ROLLBACK,
                restored.bundle_id,
                reason=reason,
                gate=restored.gate,
                approved_by=approved_by,
            )


def promote_within(
    connection: Connection,
    bundle_id: str,
    *,
    reason: str,
    gate: Mapping[str, Any],
    approved_by: str,
    expected: str | None,
) -> Release:
    """Do what :meth:`Ledger.promote` does as a part of the caller's transaction."""
    if not BUNDLE_ID.fullmatch(bundle_id):
        raise ReleaseError(
            f"{bundle_id!r} is not the id of a bundle.", next_step="Give the name of a folder that holds a bundle."
        )
    champion = champion_within(connection)
    if champion is not None and champion.bundle_id == bundle_id:
        return champion
    _check_unchanged(champion, expected)
    return _add(connection, champion, Action.PROMOTE, bundle_id, reason=reason, gate=gate, approved_by=approved_by)


def champion_within(connection: Connection) -> Release | None:
    """Return the release that serves, as the caller's transaction sees it."""
    row = connection.execute(select(RELEASES).order_by(RELEASES.c.release_id.desc()).limit(1)).one_or_none()
    return None if row is None else Release.of(row)


def _history(connection: Connection) -> list[Release]:
    rows = connection.execute(select(RELEASES).order_by(RELEASES.c.release_id)).all()
    ends: list[int | None] = [*(row.at for row in rows[1:]), None]
    return [Release.of(row, end) for row, end in zip(rows, ends, strict=False)]


def _before_champion(history: list[Release]) -> Release:
    """Return what a roll-back restores: each promotion is a step forward, each roll-back a step back."""
    steps: list[Release] = []
    for release in history:
        if release.action is Action.PROMOTE:
            steps.append(release)
        else:
            steps.pop()
    if len(steps) <= 1:
        served = f"Only {steps[0].bundle_id!r}" if steps else "Nothing"
        raise RollbackError(
            f"{served} was released, so there is nothing to roll back to.",
            next_step="Train and release another bundle with 'movie-mlops run'.",
        )
    return steps[-2]


def _check_unchanged(champion: Release | None, expected: str | None) -> None:
    present = None if champion is None else champion.bundle_id
    if present != expected:
        raise PromotionConflictError(
            f"The champion is {present or 'not there yet'}, not {expected or 'missing'} as it was when the decision"
            " was made.",
            next_step="Judge the candidate against the present champion, then promote again.",
        )


def _add(
    connection: Connection,
    champion: Release | None,
    action: Action,
    bundle_id: str,
    *,
    reason: str,
    gate: Mapping[str, Any],
    approved_by: str,
) -> Release:
    if not reason.strip() or not approved_by.strip():
        raise ReleaseError(
            f"The {action} of {bundle_id!r} has no reason or nobody who approved it.", next_step="Give both in words."
        )
    # Before anything else: what a roll-back restores is read from rows that must be what they were.
    require_whole(chain := read_chain(connection))
    refuse_retired(connection, bundle_id)
    at = clock.microseconds(clock.now())
    if champion is not None:
        # A clock that was set back must not make two releases serve at one time.
        at = max(at, clock.microseconds(champion.at) + 1)
    values = {
        "bundle_id": bundle_id,
        "model": bundle_id.rpartition("-")[0],
        "action": action.value,
        "at": at,
        "reason": reason,
        "gate": as_kept(gate, what=f"The gate's report on {bundle_id!r}"),
        "approved_by": approved_by,
        "previous_release_id": FIRST if champion is None else champion.release_id,
    }
    try:
        release_id = connection.execute(insert(RELEASES).values(values).returning(RELEASES.c.release_id)).scalar_one()
        seal(connection, release_id, chain)
    except IntegrityError as error:
        raise PromotionConflictError(
            f"Another release was made while {bundle_id!r} was being released.",
            next_step="Judge the candidate against the present champion, then promote again.",
        ) from error
    return Release.of(connection.execute(select(RELEASES).where(RELEASES.c.release_id == release_id)).one())
