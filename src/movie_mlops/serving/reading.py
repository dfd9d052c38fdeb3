"""From the words of a request to a wish."""

import re
from collections.abc import Callable
from typing import Final

from movie_mlops.core.contract import LARGEST_ID
from movie_mlops.serving.errors import BadRequestError
from movie_mlops.serving.wishes import Boost, Filters, Span

MOST_BOOSTED: Final = 10.0
"""By how many standard deviations a boost lifts or lowers at most."""
MOST_BOOSTS: Final = 20
MOST_NAMED: Final = 1000

_YEARS: Final = re.compile(r"([0-9]{4})|([0-9]{4})?-([0-9]{4})?")
_MINUTES: Final = re.compile(r"([0-9]{1,4})|([0-9]{1,4})?-([0-9]{1,4})?")
_ID: Final = re.compile(r"[0-9]{1,19}")
_NUMBER: Final = re.compile(r"[-+]?[0-9]{1,3}(\.[0-9]{1,6})?")


def read_years(text: str | None) -> Span | None:
    """Read ``"1994"``, ``"1990-1999"``, ``"1990-"`` or ``"-1999"``; ``None`` and ``""`` mean any time.

    Raises:
        BadRequestError: It is none of these, or ends before it begins.
    """
    return _span(text, _YEARS, "years", "one as 1994, or a span as 1990-1999, 1990- or -1999")


def read_runtime(text: str | None) -> Span | None:
    """Read ``"90"``, ``"60-120"``, ``"60-"`` or ``"-120"`` minutes; ``None`` and ``""`` mean any length.

    Raises:
        BadRequestError: It is none of these, or ends before it begins.
    """
    return _span(text, _MINUTES, "runtime", "minutes as 60-120, 60- or -120")


def read_names(text: str | None) -> tuple[str, ...]:
    """Read genres or languages with commas between them."""
    return tuple(name.strip() for name in (text or "").split(",") if name.strip())


def read_ids(text: str | None, name: str = "exclude") -> tuple[int, ...]:
    """Read film ids with commas between them, each once.

    Args:
        text: The words.
        name: What the parameter is called.

    Raises:
        BadRequestError: One of them is no film id, or there are too many.
    """
    parts = read_names(text)
    if len(parts) > MOST_NAMED:
        raise BadRequestError(
            f"{name} names {len(parts):,} films, more than {MOST_NAMED:,}.",
            next_step="Name fewer films, or send the request as POST, which takes more.",
        )
    for part in parts:
        if not _ID.fullmatch(part) or int(part) > LARGEST_ID:
            raise BadRequestError(
                f"{name} holds {part!r}, which is no film id.", next_step="Give film ids with commas between: 1,2,3."
            )
    return tuple(dict.fromkeys(map(int, parts)))


def read_boosts(text: str | None) -> tuple[Boost, ...]:
    """Read ``"genre:Comedy:0.5,language:fr:1,years:1990-1999:-0.5,movie:260:2"``.

    Raises:
        BadRequestError: It is not of this kind, or lifts by too much.
    """
    parts = read_names(text)
    if len(parts) > MOST_BOOSTS:
        raise BadRequestError(f"There are more than {MOST_BOOSTS} boosts.", next_step="Give fewer.")
    return tuple(map(_boost, parts))


def _boost(text: str) -> Boost:
    kind, _, rest = text.partition(":")
    what, _, by = rest.rpartition(":")
    if kind not in _KINDS or not what or not _NUMBER.fullmatch(by) or abs(float(by)) > MOST_BOOSTED:
        raise BadRequestError(
            f"The boost {text!r} cannot be read.",
            next_step=f"Write KIND:WHAT:BY, with KIND one of {', '.join(_KINDS)} and BY from {-MOST_BOOSTED:g} to"
            f" {MOST_BOOSTED:g}: genre:Comedy:0.5.",
        )
    return Boost(_KINDS[kind](what), float(by))


_KINDS: Final[dict[str, Callable[[str], Filters]]] = {
    "genre": lambda what: Filters(genres=(what.strip(),)),
    "language": lambda what: Filters(languages=(what.strip(),)),
    "years": lambda what: Filters(years=read_years(what)),
    "movie": lambda what: Filters(available=frozenset(read_ids(what, "boost"))),
}


def _span(text: str | None, pattern: re.Pattern[str], name: str, how: str) -> Span | None:
    if not text:
        return None
    match = pattern.fullmatch(text.strip())
    if match is None or not any(match.groups()):
        raise BadRequestError(f"The {name} {text!r} cannot be read.", next_step=f"Give {how}.")
    only, begin, end = (int(number) if number else None for number in match.groups())
    first, last = (only, only) if only is not None else (begin, end)
    if first is not None and last is not None and first > last:
        raise BadRequestError(
            f"The {name} {text!r} end before they begin.", next_step=f"Give the lower one first: {last}-{first}."
        )
    return Span(first, last)
