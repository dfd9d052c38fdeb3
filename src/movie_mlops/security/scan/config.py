"""What a project accepts, each with its reason."""

from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from movie_mlops.security.scan.findings import Finding


@dataclass(frozen=True)
class Accepted:
    """Findings that are none here.

    Attributes:
        rule: Of which rule, such as ``lint/shell``; ``*`` stands for any letters.
        path: In which file; ``*`` stands for any letters, folders included.
        reason: Why, in words.
    """

    rule: str
    path: str
    reason: str

    def __post_init__(self) -> None:
        if len(self.reason.split()) < 3:  # noqa: PLR2004 - a word or two is no reason
            message = f"what is accepted of {self.rule} in {self.path} has no reason of three words or more"
            raise ValueError(message)

    def covers(self, finding: Finding) -> bool:
        """Return whether a finding is one of these."""
        return fnmatchcase(finding.rule, self.rule) and fnmatchcase(finding.path, self.path)


@dataclass(frozen=True)
class Licences:
    """Which licences packages may have.

    Attributes:
        allowed: By their SPDX names.
        packages: Packages whose licence is another one or told in no known way, each with the reason why it may stay.
    """

    allowed: tuple[str, ...] = ("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "PSF-2.0")
    packages: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ScanConfig:
    """What a scan accepts.

    Attributes:
        accepted: What was looked at and is no fault.
        licences: Which licences packages may have.
    """

    accepted: tuple[Accepted, ...] = ()
    licences: Licences = field(default_factory=Licences)
