"""Secrets in the tree and in every line that git's history ever added.

A scanner of our own: detect-secrets has no look at history, keeps a file of hashes that must be kept up, and guesses by
entropy alone, so that every checksum of a lock is one; gitleaks and trufflehog are programs that no package of Python
brings. Here are fifteen shapes that are secrets for sure, and one that must be named like one and look like one.
"""

import hashlib
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from movie_mlops.security.scan.findings import Finding
from movie_mlops.standard.git import run

_SHAPES: Final = tuple(
    (name, re.compile(shape))
    for name, shape in (
        ("private-key", r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----"),
        ("aws", r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
        ("github", r"\bgh[oprsu]_[A-Za-z0-9]{36}\b|\bgithub_pat_[A-Za-z0-9_]{40,}"),
        ("gitlab", r"\bglpat-[A-Za-z0-9_-]{20}\b"),
        ("slack", r"\bxox[abeprs]-[A-Za-z0-9-]{10,}"),
        ("google", r"\bAIza[0-9A-Za-z_-]{35}\b"),
        ("stripe", r"\b[rs]k_live_[0-9A-Za-z]{16,}"),
        ("openai", r"\bsk-(?:proj-|ant-)?[A-Za-z0-9_-]{32,}"),
        ("npm", r"\bnpm_[A-Za-z0-9]{36}\b"),
        ("pypi", r"\bpypi-AgE[A-Za-z0-9_-]{40,}"),
        ("huggingface", r"\bhf_[A-Za-z0-9]{30,}\b"),
        ("sendgrid", r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"),
        ("jwt", r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"),
        ("password-in-address", r"(?<=[a-z0-9])://[^\s/:@\"'`<>{}$]+:(?P<value>[^\s/:@\"'`<>{}$%]{3,})@[\w.-]+"),
        ("azure", r"\bAccountKey=[A-Za-z0-9+/]{60,}={0,2}"),
    )
)
_NAMED: Final = re.compile(
    r"(?i)(?:password|passwd|secret|token|api_?key|access_?key|signing_?key|credential)\w*[\"']?[ \t]*[:=][ \t]*"
    r"[\"']?(?P<value>[A-Za-z0-9+/_=-]{20,})[\"']?"
)
# Words of examples; who writes a real one does not write these.
_EXAMPLE: Final = re.compile(r"(?i)example|change.?me|placeholder|your[-_]|password|secret|hunter2|xxxx|0{8}|1234567")
_NAME: Final = re.compile(r"(?:[A-Za-z]{2,}[0-9]{0,4}[_-])+[A-Za-z]{2,}[0-9]{0,4}")
"""Words in a row, as things are called."""
_ENTROPY_BITS: Final = 3.7
_LARGEST: Final = 2 * 1024 * 1024


def tree_findings(root: Path, files: Iterable[str]) -> Iterator[Finding]:
    """Yield secrets of the files of a tree; what is no text, or larger than 2 MiB, is passed over."""
    for name in files:
        path = root / name
        if not path.is_file() or path.is_symlink() or path.stat().st_size > _LARGEST:
            continue
        raw = path.read_bytes()
        if b"\0" in raw[:8192]:
            continue
        text = raw.decode("utf-8", "replace")
        for place, rule, told in secrets_of(text):
            line = text.count("\n", 0, place) + 1
            yield Finding(f"secret/{rule}", name, line, f"A secret ({rule}, {told}) lies in the tree.")


def history_findings(root: Path) -> Iterator[Finding]:
    """Yield secrets that any commit of any branch ever added, each once, with the oldest commit that has it."""
    history = run(
        root, "log", "--all", "--reverse", "--no-color", "--no-ext-diff", "--no-textconv", "--unified=0", "-p",
        "--format=%ncommit %h",
    )  # fmt: skip
    text, seen = history.decode("utf-8", "replace"), set[tuple[str, str, str]]()
    for place, rule, told in secrets_of(text):
        if text[text.rfind("\n", 0, place) + 1] != "+":
            continue
        path = _told_before(text, "\n+++ b/", place)
        if (rule, told, path) not in seen:
            seen.add((rule, told, path))
            commit = _told_before(text, "\ncommit ", place)
            sentence = f"A secret ({rule}, {told}) was added by commit {commit}: whoever has a copy has it."
            yield Finding(f"secret/{rule}", path, 1, sentence)


def _told_before(text: str, mark: str, place: int) -> str:
    """Return the rest of the line that begins with a mark, the last one before a place."""
    begins = text.rfind(mark, 0, place) + len(mark)
    return text[begins : text.find("\n", begins)]


def secrets_of(text: str) -> list[tuple[int, str, str]]:
    """Return the secrets of a text as (where, what it is, a fingerprint that tells nothing of it)."""
    found = []
    for rule, shape in _SHAPES:
        for match in shape.finditer(text):
            value = match.groupdict().get("value") or match[0]
            if rule != "password-in-address" or _looks_real(value, 0):
                found.append((match.start(), rule, _fingerprint(value)))
    named = [match for match in _NAMED.finditer(text) if _looks_real(match["value"], _ENTROPY_BITS)]
    return sorted([*found, *((match.start(), "named", _fingerprint(match["value"])) for match in named)])


def _looks_real(value: str, bits: float) -> bool:
    if _EXAMPLE.search(value) or _NAME.fullmatch(value):
        return False
    # What people name things is letters alone; a secret has digits among them.
    return not bits or (_entropy(value) >= bits and any(map(str.isdigit, value)) and any(map(str.isalpha, value)))


def _entropy(value: str) -> float:
    """Return the entropy of a text's letters, in bits each (C. E. Shannon, 1948)."""
    return -sum(count / len(value) * math.log2(count / len(value)) for count in Counter(value).values())


def _fingerprint(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()[:12]
