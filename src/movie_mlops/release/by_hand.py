"""A release that a person makes, past the gate; the command line and the console do the same."""

from pathlib import Path
from typing import Final

from movie_mlops.release.bundle import read_bundle
from movie_mlops.release.ledger import Ledger
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
    expected: str | None = None,
) -> Release:
    """Make a bundle the champion, when every byte of it is what it was and somebody who is trusted signed it.

    Args:
        ledger: Where releases are written.
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
    champion = ledger.champion()
    return ledger.promote(
        path.name,
        reason=reason,
        gate=_NOT_ASKED,
        approved_by=approved_by,
        expected=expected or (None if champion is None else champion.bundle_id),
    )
