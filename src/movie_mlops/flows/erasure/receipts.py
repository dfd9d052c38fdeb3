"""Receipts: what an erasure or a withdrawal did, signed, and without a word that names the person."""

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

from movie_mlops.core.digests import canonical_json
from movie_mlops.core.nouns import Workspace
from movie_mlops.release import Keys, SignatureRefusedError, key_id
from movie_mlops.release.signing import is_signed

_CONTEXT: Final = b"movie-mlops erasure receipt 1\n"
"""What is signed says what it is, so that no signature of anything else can stand here."""


def receipt_path(workspace: Workspace, pseudonym: str) -> Path:
    """Return where the receipt of an erasure lies."""
    return workspace.reports / "erasures" / f"{pseudonym[:16]}.json"


def withdrawal_path(workspace: Workspace, pseudonym: str, purposes: Collection[str]) -> Path:
    """Return where the receipt of the last withdrawal of purposes lies."""
    return workspace.reports / "withdrawals" / f"{pseudonym[:16]}-{'-'.join(sorted(purposes))}.json"


def write_receipt(path: Path, told: Mapping[str, Any], keys: Keys) -> dict[str, Any]:
    """Sign a receipt, write it whole, and return it."""
    signer = keys.signer()
    body = json.loads(canonical_json(dict(told)))
    signature = signer.sign(_CONTEXT + canonical_json(body)).hex()
    receipt = {**body, "signature": {"algorithm": "ed25519", "public_key": signer.public_key, "signature": signature}}
    path.parent.mkdir(parents=True, exist_ok=True)
    made = path.with_suffix(".unfinished")
    made.write_text(json.dumps(receipt, indent=2, ensure_ascii=False) + "\n")
    made.replace(path)
    return receipt


def read_receipt(path: Path, keys: Keys) -> dict[str, Any]:
    """Read a receipt.

    Raises:
        SignatureRefusedError: It is none, was changed, or nobody who is trusted here signed it.
    """
    try:
        told: dict[str, Any] = json.loads(path.read_bytes())
        signature = told.pop("signature")
        public_key, signed = str(signature["public_key"]), str(signature["signature"])
        whole = signature["algorithm"] == "ed25519" and is_signed(public_key, _CONTEXT + canonical_json(told), signed)
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise _refused(path, "is no receipt of an erasure") from error
    if not whole:
        raise _refused(path, "is not as it was signed")
    keys.trust.check(public_key, f"The receipt {path}")
    return {**told, "signed_by": key_id(public_key)}


def _refused(path: Path, why: str) -> SignatureRefusedError:
    return SignatureRefusedError(
        f"The receipt {path} {why}.", next_step="Ask whoever erased for the file as it was written."
    )
