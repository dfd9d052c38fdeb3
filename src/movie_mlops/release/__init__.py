"""From a trained model to the one that serves: bundles, the gate, the ledger, experiment tracking and passports."""

from movie_mlops.release.aliases import Aliases, Move
from movie_mlops.release.bundle import Bundle, Restore, read_bundle, write_bundle
from movie_mlops.release.config import GateConfig, KeysConfig, TrackingConfig
from movie_mlops.release.errors import (
    AliasConflictError,
    ArchiveError,
    BundleError,
    GateError,
    KeyRefusedError,
    PromotionConflictError,
    RegistryError,
    ReleaseError,
    RollbackError,
    SignatureRefusedError,
    TrackingError,
)
from movie_mlops.release.folders import check_signature, list_bundles, read_manifest, sign_bundle
from movie_mlops.release.gate import Check, Verdict, judge
from movie_mlops.release.keys import Keys, SigningKey
from movie_mlops.release.ledger import Action, Ledger, Release
from movie_mlops.release.manifest import ArrayFile, Manifest
from movie_mlops.release.passport import passport
from movie_mlops.release.references import ALIAS, CANDIDATE, CHAMPION, resolve
from movie_mlops.release.registry import Act, Registered, Registry, name_of
from movie_mlops.release.signature import Signature, Signer
from movie_mlops.release.tracking import Run, Tracking
from movie_mlops.release.trust import Standing, TrustedKey, TrustList, key_id

__all__ = [
    "ALIAS",
    "CANDIDATE",
    "CHAMPION",
    "Act",
    "Action",
    "AliasConflictError",
    "Aliases",
    "ArchiveError",
    "ArrayFile",
    "Bundle",
    "BundleError",
    "Check",
    "GateConfig",
    "GateError",
    "KeyRefusedError",
    "Keys",
    "KeysConfig",
    "Ledger",
    "Manifest",
    "Move",
    "PromotionConflictError",
    "Registered",
    "Registry",
    "RegistryError",
    "Release",
    "ReleaseError",
    "Restore",
    "RollbackError",
    "Run",
    "Signature",
    "SignatureRefusedError",
    "Signer",
    "SigningKey",
    "Standing",
    "Tracking",
    "TrackingConfig",
    "TrackingError",
    "TrustList",
    "TrustedKey",
    "Verdict",
    "check_signature",
    "judge",
    "key_id",
    "list_bundles",
    "name_of",
    "passport",
    "read_bundle",
    "read_manifest",
    "resolve",
    "sign_bundle",
    "write_bundle",
]
