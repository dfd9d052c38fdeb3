"""What a scan finds, and how it is told to other programs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

CHECKS: Final[Mapping[str, str]] = {
    "lint": "Nothing executable is deserialised or run from text.",
    "bandit": "What Bandit finds in the code, of medium severity or more.",
    "secret": "No secret lies in the tree or in git's history.",
    "lock": "Every package that is installed is pinned to a version and to its hashes.",
    "licence": "Every installed package has a licence that is allowed.",
    "container": "Dockerfiles, Compose files and workflows are hardened.",
    "accepted": "What is accepted is still there.",
}
"""Every check, and what it makes sure of."""

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"


@dataclass(frozen=True)
class Finding:
    """Something that must not be.

    Attributes:
        rule: The check and what it found, such as ``lint/pickle``.
        path: The file, relative to the root, with forward slashes; or the name of a package.
        line: The line, from 1.
        sentence: What is wrong; a secret is never told in it.
    """

    rule: str
    path: str
    line: int
    sentence: str

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return dict(vars(self))


def to_sarif(findings: Sequence[Finding], version: str) -> dict[str, Any]:
    """Return findings as a SARIF 2.1.0 document (OASIS, 2020), as code hosts read it."""
    rules = sorted({finding.rule for finding in findings})
    driver = {
        "name": "movie-mlops security scan",
        "version": version,
        "rules": [
            {"id": rule, "shortDescription": {"text": CHECKS.get(rule.partition("/")[0], rule)}} for rule in rules
        ],
    }
    results = [
        {
            "ruleId": finding.rule,
            "ruleIndex": rules.index(finding.rule),
            "level": "error",
            "message": {"text": finding.sentence},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": finding.path.replace(" ", "%20")},
                        "region": {"startLine": max(1, finding.line)},
                    }
                }
            ],
        }
        for finding in findings
    ]
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}
