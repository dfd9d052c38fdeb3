"""The report of a verdict: one HTML file that needs nothing beside it."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from movie_mlops.core import clock, report_page
from movie_mlops.monitoring.drift import plots
from movie_mlops.monitoring.drift.verdict import Verdict

_DRAWN: Final = 8
"""So many features that drift are drawn; where none does, half as many of those that differ the most."""


def write_report(
    path: Path,
    verdict: Verdict,
    *,
    facts: Mapping[str, Mapping[str, Any]],
    command: str,
    made_at: datetime | None = None,
) -> None:
    """Write the report; the file appears whole or not at all.

    Args:
        path: The HTML file; its folder is made.
        verdict: What came out.
        facts: Sections of facts by heading: what was compared with what.
        command: The command line that makes the same report again.
        made_at: When it was made; by default now.
    """
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 (heavy)
    from markupsafe import Markup  # noqa: PLC0415 (heavy)

    loader = ChoiceLoader([PackageLoader("movie_mlops.monitoring.drift"), PackageLoader(report_page.PACKAGE)])
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    shown, most = (verdict.drifting, _DRAWN) if verdict.drifting else (verdict.judged, _DRAWN // 2)
    closest = [finding for finding in shown if finding.cells][:most]
    spreads = any(finding.aspect == "spread" for finding in verdict.judged)
    html = environment.get_template("drift.html.j2").render(
        title="Drift",
        verdict=verdict,
        # The drawings are made here, by a library that escapes the names in them; nothing else is let through.
        effects=Markup(plots.effects(verdict)) if spreads else "",  # noqa: S704 (see above)
        drawn=[(finding, Markup(plots.cells(finding))) for finding in closest],  # noqa: S704 (see above)
        unjudged=_by_reason(verdict),
        rows=facts.get("Live", {}).get("rows", verdict.rows),
        facts=facts,
        command=command,
        made_at=(made_at or clock.now()).strftime("%Y-%m-%d %H:%M UTC"),
    )
    report_page.write_whole(path, html)


def _by_reason(verdict: Verdict) -> dict[str, list[str]]:
    """Return what cannot be judged by why: most of it shares one reason."""
    found: dict[str, list[str]] = {}
    for finding in verdict.unjudged:
        found.setdefault(finding.reason, []).append(finding.name)
    return found
