"""What can go wrong between a trained model and the one that serves."""

from movie_mlops.core.errors import MovieMlopsError


class ReleaseError(MovieMlopsError):
    """A release cannot be made, found or explained."""

    code = "release"


class BundleError(ReleaseError):
    """A bundle cannot be written, or what lies on disk is not what was written."""

    code = "bundle"


class SignatureRefusedError(BundleError):
    """A bundle is not signed, or not by somebody who is trusted here."""

    code = "signature"


class KeyRefusedError(ReleaseError):
    """A key, or the list of trusted ones, cannot be used."""

    code = "key"


class RegistryError(ReleaseError):
    """The registry does not know what is meant, or refuses a change."""

    code = "registry"


class AliasConflictError(RegistryError):
    """Somebody else moved an alias between the caller's look and the caller's move."""

    code = "alias-conflict"


class ArchiveError(ReleaseError):
    """What is to be imported is not an archive of a bundle, or none can be written."""

    code = "archive"


class PromotionConflictError(ReleaseError):
    """Another bundle became champion between the caller's look and the caller's promotion."""

    code = "promotion-conflict"


class LedgerAlteredError(ReleaseError):
    """A row of the ledger is not what was written."""

    code = "ledger-altered"


class RetiredError(ReleaseError):
    """A bundle was retired, and is not to serve again."""

    code = "retired"


class RollbackError(ReleaseError):
    """There is nothing to roll back to."""

    code = "rollback"


class GateError(ReleaseError):
    """A candidate cannot be judged on what was given."""

    code = "gate"


class WaiverError(ReleaseError):
    """A waiver cannot be signed."""

    code = "waiver"


class TrackingError(ReleaseError):
    """The experiment tracker refused a run."""

    code = "tracking"


class RolloutError(ReleaseError):
    """A canary, an experiment or a shadow cannot be begun, or there is none."""

    code = "rollout"


class RolloutConflictError(RolloutError):
    """Somebody else changed a roll-out between the caller's look and the caller's change."""

    code = "rollout-conflict"
