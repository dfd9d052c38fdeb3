"""A plan as a Markdown document, to be read and kept."""

from collections.abc import Mapping
from typing import Any

_LARGE = 100
_MARK = "<!-- Written by 'movie-mlops capacity'. Change config/capacity.yaml or measure again, and write it again. -->"


def markdown(plan: Mapping[str, Any], command: str) -> str:
    """Return a plan, as :func:`described` tells it, as Markdown.

    Args:
        plan: The plan.
        command: What writes it again.
    """
    demand, measured, currency = plan["demand"], plan["measured"], plan["currency"]
    text = [
        _MARK,
        "",
        f"# Capacity for {demand['users']:,.0f} users",
        "",
        f"{asked(plan)} What was measured: `{measured['file']}` of {measured['at']}, on {measured['processor']}.",
        "",
        "```bash",
        command,
        "```",
    ]
    for part in dict.fromkeys(line["part"] for line in plan["lines"]):
        text += ["", f"## {part.capitalize()}: {plan['month'][part]:,.0f} {currency} a month", ""]
        text += [
            f"| what | amount | {currency} a month | how | grows | from | reaches |",
            "|---|---:|---:|---|---|---|---|",
        ]
        text += [_row(line) for line in plan["lines"] if line["part"] == part]
    text += [
        "",
        (
            f"Together {plan['month']['all']:,.0f} {currency} a month,"
            f" {plan['month_by_million_answers']:,.2f} for a million answers."
        ),
        "",
        "## What drives the cost",
        "",
        *(f"- {driver(one)}" for one in plan["drivers"]),
        "",
        "## The coefficients",
        "",
        "Each is a sum of what is in the third column times powers of the size.",
        "",
        "| name | what | law | coefficients | exponent seen | largest measured | predicted well |",
        "|---|---|---|---|---:|---:|---:|",
    ]
    text += [_coefficient(name, one) for name, one in plan["coefficients"].items()]
    text += ["", "## What this does not know", "", *(f"- {limit}" for limit in plan["limits"]), ""]
    return "\n".join(text)


def asked(plan: Mapping[str, Any]) -> str:
    """Return what a plan is for, in a sentence."""
    demand = plan["demand"]
    return (
        f"{demand['users']:,.0f} users, {demand['films']:,.0f} films, {demand['rps']:,.0f} answers a second at the"
        f" peak, {demand['events_per_day']:,.0f} events a day kept for {demand['retention_days']:g} days."
    )


def driver(one: Mapping[str, Any]) -> str:
    """Return a line of the bill with its share, and as what it grows."""
    return f"{one['what']} ({one['part']}): {one['share']:.0%}, grows {one['grows']}"


def figure(amount: float) -> str:
    """Return a figure with about three digits that mean something."""
    return f"{amount:,.0f}" if amount >= _LARGE or amount == int(amount) else f"{amount:.3g}"


def amount(line: Mapping[str, Any]) -> str:
    """Return how much a line needs, and whether that can be had."""
    return f"{figure(line['amount'])} {line['unit']}" + ("" if line["fits"] else ": does not fit")


def reach(line: Mapping[str, Any]) -> str:
    """Return how far a line reaches beyond what was measured."""
    if not line["from"]:
        return "assumed"
    times = line["times_beyond_measured"]
    told = "measured sizes" if times <= 1 else f"{figure(times)} times the largest measured"
    return told if line["predictions_came_true"] else f"{told}, predicted badly"


def _row(line: Mapping[str, Any]) -> str:
    month = "" if line["month"] is None else f"{line['month']:,.0f}"
    names = ", ".join(f"`{name}`" for name in line["from"]) or "`config/capacity.yaml`"
    cells = (line["what"], amount(line), month, line["how"], line["grows"], names, reach(line))
    return f"| {' | '.join(cells)} |"


def _coefficient(name: str, one: Mapping[str, Any]) -> str:
    values = ", ".join(f"{value:.4g}" for value in one["coefficients"])
    cells = (
        f"`{name}`",
        f"{one['what']}, {one['unit']}",
        f"{one['form']} in {one['driver']}",
        values,
        f"{one['exponent']:.2f}",
        f"{one['largest_measured']:,.0f}",
        f"{one['predicted_well']} of {one['predicted']}",
    )
    return f"| {' | '.join(cells)} |"
