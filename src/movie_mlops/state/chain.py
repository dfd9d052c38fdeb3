"""Rows that are chained: each is sealed with the SHA-256 of what it says and of the seal before it.

Who changes, removes, inserts or moves a row breaks the chain there, and every later seal says so. Somebody who may
write the whole database could seal everything anew; who keeps the newest seal elsewhere finds that out as well.

Reference:
    S. Haber, W. S. Stornetta, "How to time-stamp a digital document", Journal of Cryptology 3 (1991).
"""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from movie_mlops.core.digests import digest

FIRST: Final = 0
"""Stands for "no row before": unlike NULL it is equal to itself, so that there is only one first row."""

NOTHING: Final = ""
"""Stands for the seal before the first one."""

_UNREADABLE: Final = "unreadable"


@dataclass(frozen=True)
class Break:
    """Where a chain is broken.

    Attributes:
        number: The first row that is not what it was.
        what: What was done to it.
        sentence: The same for people.
    """

    number: int
    what: Literal["changed", "removed", "inserted"]
    sentence: str


@dataclass(frozen=True)
class Link:
    """A row, as the chain sees it.

    Attributes:
        number: Ascending; never used twice.
        previous: The number of the row before it, as the row itself says.
        before: The seal before its own, as its seal says; ``None`` where it has no seal.
        sha256: Its seal; ``None`` where it has none.
        now: What its seal would be for what it says now.
    """

    number: int
    previous: int
    before: str | None
    sha256: str | None
    now: str


def seal_of(what: str, said: Mapping[str, Any], before: str) -> str:
    """Return the seal of a row; what cannot even be read has one that no row had.

    Args:
        what: What kind of row it is, so that a seal of one kind is none of another.
        said: Everything that the row says, plain data.
        before: The seal before it.
    """
    try:
        return digest({what: dict(said), "before": before})
    except (TypeError, ValueError):
        return _UNREADABLE


def first_break(noun: str, links: Iterable[Link], sealed: Iterable[int]) -> Break | None:
    """Hold every row against its seal; return where the chain is broken first.

    Args:
        noun: What a row is called, such as ``release``.
        links: Every row, the oldest first.
        sealed: The number of every row that has a seal, also of those that are gone; none in a chain from before seals.
    """
    links, numbers = list(links), set(sealed)
    ids = {link.number for link in links}
    gone = sorted(number for number in numbers if number not in ids)
    last, before = FIRST, NOTHING
    for link in links:
        if link.sha256 is None and numbers:
            return _break(noun, link.number, "inserted", "has no seal, so it was not written here")
        if link.sha256 is not None and link.now != link.sha256:
            return _break(noun, link.number, "changed", "does not say what it said when it was sealed")
        if link.previous != last:
            return _misplaced(noun, link, last, ids)
        if link.sha256 is not None and link.before != before:
            if lost := [number for number in gone if last < number < link.number]:
                return _break(noun, lost[0], "removed", "is gone, and its seal is still there")
            # This row is what it was and remembers another seal: the one before was rewritten, seal and all.
            return _break(noun, last, "changed", f"has another seal than the one that {noun} {link.number} remembers")
        last, before = link.number, link.sha256 or NOTHING
    return _break(noun, gone[0], "removed", "is gone, and its seal is still there") if gone else None


def _misplaced(noun: str, link: Link, last: int, ids: Container[int]) -> Break:
    named = link.previous
    if named != FIRST and named not in ids:
        return _break(noun, named, "removed", f"is gone, and {noun} {link.number} followed it")
    if last != FIRST and named < last:
        return _break(noun, last, "inserted", f"stands before {noun} {link.number}, which did not follow it")
    return _break(noun, link.number, "changed", f"names {noun} {named} as the one before it")


def _break(noun: str, number: int, what: Literal["changed", "removed", "inserted"], sentence: str) -> Break:
    return Break(number, what, f"{noun.capitalize()} {number} was {what}: it {sentence}.")
