"""What was aimed at, what was measured, and whether that is met."""

from typing import Any


def at_least(what: str, limit: float, measured: float) -> dict[str, Any]:
    """Return a target that a figure should reach."""
    return {"what": what, "at_least": limit, "measured": measured, "met": measured >= limit}


def at_most(what: str, limit: float, measured: float) -> dict[str, Any]:
    """Return a target that a figure should not exceed."""
    return {"what": what, "at_most": limit, "measured": measured, "met": measured <= limit}
