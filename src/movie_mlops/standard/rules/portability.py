"""Paths that do not survive a journey to another system."""

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from movie_mlops.standard.errors import TreeError
from movie_mlops.standard.findings import Finding, shown
from movie_mlops.standard.spec import Rule
from movie_mlops.standard.survey import Survey

_DEVICES: Final = frozenset(
    ("con", "prn", "aux", "nul", *(f"{name}{n}" for name in ("com", "lpt") for n in range(1, 10)))
)
_LONGEST: Final = 4
_HEADS: Final = frozenset(device + end for device in _DEVICES for end in ("", ".") if len(device + end) <= _LONGEST)
_DEVICE: Final = re.compile(rf"(?:^|/)({'|'.join(sorted(_DEVICES))})(?=\.|/|$)", re.IGNORECASE)
_REFUSED: Final = re.compile(r'[<>:"|?*\\\x00-\x1f\x7f]|[. ](?=/|\Z)')
_ALLOWED: Final = bytes(set(range(256)) - set(b'<>:"|?*\\\x7f') - set(range(1, 32)))
_ENDS: Final = ("./", " /", ".\0", " \0")


def check(survey: Survey, rule: Rule) -> Iterator[Finding]:
    """Yield a finding for each path that breaks the aspect that the rule watches."""
    return _ASPECTS[rule.aspect](survey, rule)


def _case(survey: Survey, rule: Rule) -> Iterator[Finding]:
    # A path collides with what lies beside it, or a folder above it does.
    near = survey.tree.paths if survey.only is None else _beside(survey)
    everything = [*near, *survey.tree.folders]
    if len(set("\0".join(everything).lower().split("\0"))) == len(everything):
        return
    first: dict[str, str] = {}
    for path in sorted(everything):
        other = first.setdefault(path.lower(), path)
        if other != path and posixpath.dirname(other) == posixpath.dirname(path):
            # Of two, the one that is spoken about.
            mine = survey.only is None or path in survey.only or path in survey.folders
            new, old = (path, other) if mine else (other, path)
            yield survey.finding(rule, new, other=shown(old))


def _beside(survey: Survey) -> list[str]:
    names = survey.tree.by_folder
    return [f"{folder}/{name}" if folder else name for folder in survey.folders for name in names.get(folder, ())]


def _reserved(survey: Survey, rule: Rule) -> Iterator[Finding]:
    heads = {name[:_LONGEST] for names in survey.by_folder.values() for name in names}
    heads.update(part[:_LONGEST] for folder in survey.by_folder for part in folder.split("/"))
    if _HEADS.isdisjoint(map(str.lower, heads)):
        return
    for path in survey.paths:
        device = _DEVICE.search(path)
        if device:
            yield survey.finding(rule, path, value=device[1])


def _length(survey: Survey, rule: Rule) -> Iterator[Finding]:
    if max(map(len, survey.paths), default=0) <= rule.limit:
        return
    for path in survey.paths:
        if len(path) > rule.limit:
            yield survey.finding(rule, path, value=len(path))


def _characters(survey: Survey, rule: Rule) -> Iterator[Finding]:
    text = survey.text
    refused_bytes = text.encode("utf-8", "surrogateescape").translate(None, _ALLOWED)
    if not refused_bytes and not any(end in text for end in _ENDS):
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
    if survey.text.isascii():
        return
    import unicodedata

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
