"""The choices that a release rests on."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class TrackingConfig:
    """Where experiments are recorded.

    Attributes:
        folder: Holds ``mlflow.db`` and ``artifacts/``.
        experiment: Name of the experiment: one for each data set.
    """

    folder: Path
    experiment: str


@dataclass(frozen=True)
class KeysConfig:
    """Whose signatures count, what signs here, and what wraps the keys of people.

    Attributes:
        folder: Holds ``trusted-keys.json``, and ``signing-key.pem`` where no other key is given.
        signing_key: 64 hex digits, or the path of a private key as PEM; ``None`` to make one in ``folder`` on first
            need. Never shown.
        trusted: Another place of the list of trusted keys.
        master_key: What wraps the keys of people: 64 hex digits, or the path of a file with them; ``None`` to make one
            in ``folder`` on first need. Never shown.
        master_key_before: The master key before it, while keys are wrapped anew. Never shown.
    """

    folder: Path
    signing_key: str | None = field(default=None, repr=False)
    trusted: Path | None = None
    master_key: str | None = field(default=None, repr=False)
    master_key_before: str | None = field(default=None, repr=False)
