"""Where the lake lives."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class LakeConfig:
    """Settings of a lake.

    Attributes:
        root: The folder that holds one folder per Delta table; made at the first write.
    """

    root: Path
