"""What a person does with releases, past the gate; the command line, the console and the API do the same."""

from pathlib import Path
from typing import Final

from movie_mlops.release.bundle import read_bundle
from movie_mlops.release.ledger import Ledger
from movie_mlops.release.rollout.moves import Step
from movie_mlops.release.rollout.rollouts import Rollouts
from movie_mlops.release.rollout.standing import Rollout
from movie_mlops.release.rows import Release
from movie_mlops.release.trust import TrustList
from movie_mlops.state import Database

_NOT_ASKED: Final = {"passed": None, "text": "Promoted by hand; the gate was not asked."}


def promote_by_hand(
    database: Database,
    path: Path,
    trust: TrustList,
    *,
    reason: str,
    approved_by: str,
    expected: str | None = None,
) -> Release:
    """Make a bundle the champion, when every byte of it is what it was and somebody who is trusted signed it.

    The bundle of a canary that goes on ends it.

    Args:
        database: Where releases and roll-outs are written.
        path: The bundle's folder.
        trust: Whose bundles serve.
        reason: Why; kept in the ledger.
        approved_by: Who decides.
        expected: Only if this bundle still serves, as the person saw it; left out, whatever serves.

    Raises:
        BundleError: The bundle is not whole, or not trusted.
        PromotionConflictError: Another bundle serves by now.
        ReleaseError: Reason or approver is missing.
    """
    read_bundle(path, trust=trust)
    canary, champion = _canary(database)
    if canary is not None and path.name in canary.plan.bundles:
        return Rollouts(database).promote(canary.name, expected=None, reason=reason, approved_by=approved_by)
    return Ledger(database).promote(
        path.name,
        reason=reason,
        gate=_NOT_ASKED,
        approved_by=approved_by,
        expected=expected or (None if champion is None else champion.bundle_id),
    )


def roll_back_by_hand(
    database: Database, *, reason: str, approved_by: str, expected: str | None = None
) -> Release | Rollout:
    """Take the canary back, or where there is none go back to the release before.

    Args:
        database: Where releases and roll-outs are written.
        reason: Why; kept in the ledger.
        approved_by: Who decides.
        expected: Only if this bundle is still what is taken back.

    Returns:
        The release that serves again, or the canary that was taken back.

    Raises:
        RollbackError: Nothing was released before.
        PromotionConflictError: Another bundle serves by now.
        ReleaseError: Reason or approver is missing.
    """
    canary, _ = _canary(database)
    if canary is not None and expected in {None, *canary.plan.bundles}:
        return Rollouts(database).move(
            canary.name, Step.ROLLBACK, expected=canary.move_id, reason=reason, approved_by=approved_by
        )
    return Ledger(database).rollback(reason, approved_by, expected=expected)


def _canary(database: Database) -> tuple[Rollout | None, Release | None]:
    """Return the canary that goes on against what serves, where there is one, and what serves."""
    champion = Ledger(database).champion()
    release_id = None if champion is None else champion.release_id
    return Rollouts(database).standing().canary_of(release_id), champion
