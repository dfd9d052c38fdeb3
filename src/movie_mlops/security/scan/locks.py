"""Locks: every package is pinned to one version, and to the hashes of its files. Needs no network."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from movie_mlops.security.scan.findings import Finding

_PINNED: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(\[[\w,.-]+\])?==[A-Za-z0-9.!+_-]+(\s*;.*)?")
_HASH: Final = re.compile(r"--hash=sha256:[0-9a-f]{64}\b")


def lock_findings(root: Path, files: Iterable[str]) -> Iterator[Finding]:
    """Yield packages of ``requirements*.txt`` that are not pinned or have no hash."""
    for name in files:
        if re.fullmatch(r"(.*/)?requirements[\w-]*\.txt", name) and (root / name).is_file():
            yield from _of(name, (root / name).read_text("utf-8", "replace"))


def _of(path: str, text: str) -> Iterator[Finding]:
    number, lines = 0, text.splitlines()
    while number < len(lines):
        first, whole = number, lines[number]
        while whole.endswith("\\") and number + 1 < len(lines):
            number += 1
            whole = whole[:-1] + lines[number]
        number += 1
        wanted = whole.partition(" #")[0].strip()
        if not wanted or wanted.startswith("#"):
            continue
        what = wanted.partition(" --hash")[0].strip()
        if wanted.startswith("-"):
            if not re.match(r"--(index-url|extra-index-url|only-binary)\b", wanted):
                yield Finding("lock/unpinned", path, first + 1, f"'{what[:80]}' brings what no hash pins.")
            elif "http://" in wanted:
                yield Finding("lock/unencrypted", path, first + 1, "Packages come over an address without encryption.")
        elif not _PINNED.fullmatch(what):
            yield Finding("lock/unpinned", path, first + 1, f"'{what[:80]}' is not pinned to one version.")
        elif not _HASH.search(wanted):
            yield Finding("lock/unhashed", path, first + 1, f"'{what[:80]}' has no SHA-256.")
