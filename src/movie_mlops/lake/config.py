"""Where the lake lives."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from pydantic import SecretStr

S3_SCHEME: Final = "s3://"


@dataclass(frozen=True)
class S3Config:
    """How to reach S3-compatible storage. The keys never appear in a text: not in a log, not in an error.

    Attributes:
        endpoint: The server's address (``http://localhost:9000``); Amazon's own when ``None``.
        region: The bucket's region; servers other than Amazon's take any.
        access_key_id: Who asks; ``None`` for the role that the machine itself has.
        secret_access_key: What proves it.
        timeout_seconds: How long one request may take.
        retries: How often a request that failed for a passing reason is sent again.
    """

    endpoint: str | None = None
    region: str = "us-east-1"
    access_key_id: SecretStr | None = None
    secret_access_key: SecretStr | None = None
    timeout_seconds: int = 30
    retries: int = 2


@dataclass(frozen=True)
class LakeConfig:
    """Settings of a lake, or of the place that holds one lake for each data set.

    Attributes:
        root: The folder that holds one folder per Delta table, made at the first write; or ``s3://bucket/prefix``.
        s3: How to reach the storage where ``root`` is on S3.
    """

    root: Path | str
    s3: S3Config = field(default_factory=S3Config)

    @property
    def is_remote(self) -> bool:
        """Whether the lake is on S3."""
        return str(self.root).startswith(S3_SCHEME)

    def of(self, dataset: str) -> "LakeConfig":
        """Return the lake of one data set in this place."""
        inside = f"{str(self.root).rstrip('/')}/{dataset}" if self.is_remote else Path(self.root) / dataset
        return replace(self, root=inside)
