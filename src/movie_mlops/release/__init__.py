"""From a trained model to the one that serves: bundles, the gate, the ledger, experiment tracking and passports."""

from movie_mlops.release.bundle import Bundle, Restore, list_bundles, read_bundle, read_manifest, write_bundle
from movie_mlops.release.chain import Break, Chain
from movie_mlops.release.config import GateConfig, TrackingConfig
from movie_mlops.release.drawing import POLICY, draw
from movie_mlops.release.errors import (
    BundleError,
    GateError,
    LedgerAlteredError,
    PromotionConflictError,
    ReleaseError,
    RollbackError,
    TrackingError,
)
from movie_mlops.release.gate import Check, Verdict, judge
from movie_mlops.release.ledger import Ledger
from movie_mlops.release.lineage import Edge, Graph, Kind, Node
from movie_mlops.release.manifest import ArrayFile, Manifest
from movie_mlops.release.passport import passport
from movie_mlops.release.rows import Action, Release
from movie_mlops.release.tracking import Run, Tracking

__all__ = [
    "POLICY",
    "Action",
    "ArrayFile",
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
    "Tracking",
    "TrackingConfig",
    "TrackingError",
    "Verdict",
    "draw",
    "judge",
    "list_bundles",
    "passport",
    "read_bundle",
    "read_manifest",
    "write_bundle",
]
