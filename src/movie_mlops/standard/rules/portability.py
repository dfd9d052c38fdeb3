"""Paths that do not survive a journey to another system."""

import posixpath
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from movie_mlops.standard.errors import TreeError
from movie_mlops.standard.findings import Finding, shown
from movie_mlops.standard.spec import Rule
from movie_mlops.standard.survey import Survey

_DEVICES: Final = ("con", "prn", "aux", "nul", *(f"{name}{n}" for name in ("com", "lpt") for n in range(1, 10)))
_DEVICE: Final = re.compile(rf"(?:^|/)({'|'.join(_DEVICES)})(?=\.|/|$)", re.IGNORECASE)
_REFUSED: Final = re.compile(r'[<>:"|?*\\\x00-\x1f\x7f]|[. ](?=/|\Z)')
_REFUSED_CHARACTERS: Final = ('<', '>', ':', '"', "|", "?", "*", "\\", "\x7f", *map(chr, range(1, 32)))
_ENDS: Final = ("./", " /", ".\0", " \0")


def check(survey: Survey, rule: Rule) -> Iterator[Finding]:
    """Yield a finding for each path that breaks the aspect that the rule watches."""
    return _ASPECTS[rule.aspect](survey, rule)


def _case(survey: Survey, rule: Rule) -> Iterator[Finding]:
    everything = [*survey.tree.paths, *survey.tree.folders]
    if len({path.lower() for path in everything}) == len(set(everything)):
        return
    first: dict[str, str] = {}
    for path in sorted(everything):
        other = first.setdefault(path.lower(), path)
        if other != path and posixpath.dirname(other) == posixpath.dirname(path):
            yield survey.finding(rule, path, other=shown(other))


def _reserved(survey: Survey, rule: Rule) -> Iterator[Finding]:
    text = ("/" + "\0/".join(survey.paths) + "\0").lower()
    if not any(f"/{device}" in text for device in _DEVICES):
        return
    for path in survey.paths:
        device = _DEVICE.search(path)
        if device:
            yield survey.finding(rule, path, value=device[1])


def _length(survey: Survey, rule: Rule) -> Iterator[Finding]:
    for path in survey.paths:
        if len(path) > rule.limit:
            yield survey.finding(rule, path, value=len(path))


def _characters(survey: Survey, rule: Rule) -> Iterator[Finding]:
    text = "\0".join(survey.paths) + "\0"
    if not any(part in text for part in (*_REFUSED_CHARACTERS, *_ENDS)):
        return
    for path in survey.paths:
        refused = _REFUSED.search(path)
        if refused:
            yield survey.finding(rule, path, value=_character(refused[0]))


def _character(character: str) -> str:
    if character in ". ":
        return f"a {'dot' if character == '.' else 'space'} at the end"
    return shown(f"'{character}'")


def _encoding(survey: Survey, rule: Rule) -> Iterator[Finding]:
    for path in survey.paths:
        if path.isascii():
            continue
        if any(0xDC80 <= ord(character) <= 0xDCFF for character in path):  # noqa: PLR2004 -- what surrogateescape leaves
            yield survey.finding(rule, path, value="not valid UTF-8")
        elif unicodedata.normalize("NFC", path) != path:
            yield survey.finding(rule, path, value="not in Unicode form NFC")


def _link(survey: Survey, rule: Rule) -> Iterator[Finding]:
    for path in survey.tree.links:
        if survey.only is not None and path not in survey.only:
            continue
        try:
            target = survey.tree.read(path).decode("utf-8", "surrogateescape")
        except TreeError:
            continue
        where = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
        if target.startswith("/") or where == ".." or where.startswith("../"):
            yield survey.finding(rule, path, target=shown(target), value="outside the repository")
        elif where != "." and not survey.tree.exists(where) and not survey.tree.ignored([where]):
            yield survey.finding(rule, path, target=shown(target), value="which does not exist")


_ASPECTS: Final[Mapping[str, Callable[[Survey, Rule], Iterator[Finding]]]] = {
    "case": _case,
    "reserved": _reserved,
    "length": _length,
    "characters": _characters,
    "encoding": _encoding,
    "link": _link,
}
