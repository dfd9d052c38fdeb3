"""A release that a person makes, past the gate; the command line and the console do the same."""

from pathlib import Path
from typing import Final

from movie_mlops.release.bundle import read_bundle
from movie_mlops.release.ledger import Ledger
from movie_mlops.release.rollout.rollouts import Rollouts
from movie_mlops.release.rows import Release
from movie_mlops.release.trust import TrustList

_NOT_ASKED: Final = {"passed": None, "text": "Promoted by hand; the gate was not asked."}


def promote_by_hand(
    ledger: Ledger,
    path: Path,
    trust: TrustList,
    *,
    reason: str,
    approved_by: str,
    rollouts: Rollouts,
    expected: str | None = None,
) -> Release:
    """Make a bundle the champion, when every byte of it is what it was and somebody who is trusted signed it.

    Where it is being rolled out as a canary, that ends with it.

    Args:
        ledger: Where releases are written.
        path: The bundle's folder.
        trust: Whose bundles serve.
        reason: Why; kept in the ledger.
        approved_by: Who decides.
        rollouts: What is being rolled out.
        expected: Only if this bundle still serves, as the person saw it; left out, whatever serves.

    Raises:
        BundleError: The bundle is not whole, or not trusted.
        PromotionConflictError: Another bundle serves by now.
        ReleaseError: Reason or approver is missing.
    """
    read_bundle(path, trust=trust)
    champion = ledger.champion()
    canary = rollouts.standing().canary_of(None if champion is None else champion.release_id)
    if canary is not None and path.name in canary.plan.bundles:
        return rollouts.promote(canary.name, expected=None, reason=reason, approved_by=approved_by)
    return ledger.promote(
        path.name,
        reason=reason,
        gate=_NOT_ASKED,
        approved_by=approved_by,
        expected=expected or (None if champion is None else champion.bundle_id),
    )
