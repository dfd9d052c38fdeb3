"""Quantities as people write them: 200M, 50k, 90d."""

import math
import re
from collections.abc import Mapping
from typing import Final

import typer

_WRITTEN: Final = re.compile(r"([0-9][0-9_,]*(?:\.[0-9]+)?(?:[eE][0-9]{1,2})?) *([a-zA-Z]*)")
_TIMES: Final[Mapping[str, float]] = {"": 1, "k": 1e3, "K": 1e3, "M": 1e6, "m": 1e6, "G": 1e9, "B": 1e9, "b": 1e9}
_DAYS: Final[Mapping[str, float]] = {"": 1, "d": 1, "w": 7, "m": 30.4, "y": 365.25}


def quantity(option: str, written: str) -> float:
    """Return a number: 200M, 1.5B, 50k, 1_000, 1e6.

    Raises:
        typer.BadParameter: It is none, or not above 0.
    """
    return _read(option, written, _TIMES, "such as 200M, 50k or 1e6")


def days(option: str, written: str) -> float:
    """Return a time in days: 90d, 12w, 6m, 2y; a number alone is days.

    Raises:
        typer.BadParameter: It is none, or not above 0.
    """
    return _read(option, written, _DAYS, "such as 90d, 12w, 6m or 2y")


def _read(option: str, written: str, units: Mapping[str, float], such_as: str) -> float:
    found = _WRITTEN.fullmatch(written.strip())
    if found is None or found[2] not in units:
        raise typer.BadParameter(f"{written!r} is not an amount, {such_as}.", param_hint=option)
    value = float(found[1].replace("_", "").replace(",", "")) * units[found[2]]
    if not 0 < value < math.inf:
        raise typer.BadParameter(f"{written!r} is not above 0.", param_hint=option)
    return value
