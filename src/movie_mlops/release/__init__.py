"""From a trained model to the one that serves: bundles, the gate, the ledger, experiment tracking and passports."""

from movie_mlops.release.bundle import Bundle, Restore, list_bundles, read_bundle, read_manifest, write_bundle
from movie_mlops.release.chain import Break, Chain
from movie_mlops.release.config import TrackingConfig
from movie_mlops.release.drawing import POLICY, draw
from movie_mlops.release.errors import (
    BundleError,
    GateError,
    LedgerAlteredError,
    PromotionConflictError,
    ReleaseError,
    RollbackError,
    SigningError,
    TrackingError,
    WaiverError,
)
from movie_mlops.release.gates import Attack, Check, GateConfig, Verdict, judge, to_markdown, told, write_page
from movie_mlops.release.ledger import Ledger
from movie_mlops.release.lineage import Edge, Graph, Kind, Node
from movie_mlops.release.manifest import ArrayFile, Manifest
from movie_mlops.release.passport import passport
from movie_mlops.release.rows import Action, Release
from movie_mlops.release.signing import make_key, public_text, read_key
from movie_mlops.release.tracking import Run, Tracking
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
    "POLICY",
    "Action",
    "ArrayFile",
    "Attack",
    "Break",
    "Bundle",
    "BundleError",
    "Chain",
    "Check",
    "Edge",
    "GateConfig",
    "GateError",
    "Graph",
    "Kind",
    "Ledger",
    "LedgerAlteredError",
    "Manifest",
    "Node",
    "PromotionConflictError",
    "Release",
    "ReleaseError",
    "Restore",
    "RollbackError",
    "Run",
    "SigningError",
    "Tracking",
    "TrackingConfig",
    "TrackingError",
    "UnreadableWaiver",
    "Verdict",
    "Waiver",
    "WaiverError",
    "apply_waivers",
    "digest_of",
    "draw",
    "judge",
    "list_bundles",
    "make_key",
    "make_waiver",
    "passport",
    "public_text",
    "read_bundle",
    "read_key",
    "read_manifest",
    "read_waivers",
    "sign_waiver",
    "to_markdown",
    "told",
    "write_bundle",
    "write_page",
    "write_waiver",
]
