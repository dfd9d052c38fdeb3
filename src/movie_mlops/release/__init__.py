"""From a trained model to the one that serves: bundles, the gate, the ledger, experiment tracking and passports."""

from movie_mlops.release.aliases import Aliases, Move
from movie_mlops.release.bundle import Bundle, Restore, read_bundle, write_bundle
from movie_mlops.release.chain import Chain
from movie_mlops.release.config import KeysConfig, TrackingConfig
from movie_mlops.release.drawing import POLICY, draw
from movie_mlops.release.errors import (
    AliasConflictError,
    ArchiveError,
    BundleError,
    GateError,
    KeyRefusedError,
    LedgerAlteredError,
    PromotionConflictError,
    RegistryError,
    ReleaseError,
    RetiredError,
    RollbackError,
    RolloutConflictError,
    RolloutError,
    SignatureRefusedError,
    TrackingError,
    WaiverError,
)
from movie_mlops.release.folders import check_signature, list_bundles, read_manifest, sign_bundle
from movie_mlops.release.gates import Attack, Check, GateConfig, Verdict, judge, to_markdown, told, write_page
from movie_mlops.release.keys import Keys
from movie_mlops.release.ledger import Ledger
from movie_mlops.release.lineage import Edge, Graph, Kind, Node
from movie_mlops.release.manifest import BUNDLE_ID, REFERENCE, ArrayFile, Manifest
from movie_mlops.release.passport import passport
from movie_mlops.release.references import ALIAS, CANDIDATE, CHAMPION, means_bundle, resolve
from movie_mlops.release.registry import Act, Registered, Registry, name_of
from movie_mlops.release.retired import RETIRED, refuse_retired, retired_within
from movie_mlops.release.rows import Action, Release
from movie_mlops.release.signature import Signature, Signer
from movie_mlops.release.signing import SigningKey, write_key
from movie_mlops.release.tracking import Run, Tracking
from movie_mlops.release.trust import Standing, TrustedKey, TrustList, key_id
from movie_mlops.release.waivers import (
    UnreadableWaiver,
    Waiver,
    apply_waivers,
    digest_of,
    make_waiver,
    read_waivers,
    sign_waiver,
    write_waiver,
)

__all__ = [
    "ALIAS",
    "BUNDLE_ID",
    "CANDIDATE",
    "CHAMPION",
    "POLICY",
    "REFERENCE",
    "RETIRED",
    "Act",
    "Action",
    "AliasConflictError",
    "Aliases",
    "ArchiveError",
    "ArrayFile",
    "Attack",
    "Bundle",
    "BundleError",
    "Chain",
    "Check",
    "Edge",
    "GateConfig",
    "GateError",
    "Graph",
    "KeyRefusedError",
    "Keys",
    "KeysConfig",
    "Kind",
    "Ledger",
    "LedgerAlteredError",
    "Manifest",
    "Move",
    "Node",
    "PromotionConflictError",
    "Registered",
    "Registry",
    "RegistryError",
    "Release",
    "ReleaseError",
    "Restore",
    "RetiredError",
    "RollbackError",
    "RolloutConflictError",
    "RolloutError",
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
    "UnreadableWaiver",
    "Verdict",
    "Waiver",
    "WaiverError",
    "apply_waivers",
    "check_signature",
    "digest_of",
    "draw",
    "judge",
    "key_id",
    "list_bundles",
    "make_waiver",
    "means_bundle",
    "name_of",
    "passport",
    "read_bundle",
    "read_manifest",
    "read_waivers",
    "refuse_retired",
    "resolve",
    "retired_within",
    "sign_bundle",
    "sign_waiver",
    "to_markdown",
    "told",
    "write_bundle",
    "write_key",
    "write_page",
    "write_waiver",
]
