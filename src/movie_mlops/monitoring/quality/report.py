"""The report of a week, as a page and as a few lines for a chat; both are made of the same numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from movie_mlops.core import clock, report_page
from movie_mlops.monitoring.quality import plots
from movie_mlops.monitoring.quality.figures import Figure
from movie_mlops.monitoring.quality.outcome import Quality
from movie_mlops.monitoring.quality.verdict import GUARDRAILS, State


@dataclass(frozen=True)
class Surroundings:
    """What else happened.

    Attributes:
        dataset: Of which data set.
        command: The command line that makes the report again.
        freshness: How old things are, by what they are.
        drift: What the newest readings of drift say; empty where none was taken.
        releases: What was released, the newest last, a sentence each.
        incidents: What went wrong, a sentence each.
    """

    dataset: str
    command: str
    freshness: Mapping[str, str] = field(default_factory=dict)
    drift: Mapping[str, str] = field(default_factory=dict)
    releases: Sequence[str] = ()
    incidents: Sequence[str] = ()


@dataclass(frozen=True)
class ReleaseRow:
    """A release in the table of both reports."""

    release: str
    bundle_id: str
    promised: str
    online: str
    hit_ratio: str
    users: str
    verdict: str


def release_rows(found: Quality) -> list[ReleaseRow]:
    """Return what is told of each release, as text."""
    states = {check.name: check.state.value for check in found.checks}
    rows = []
    for release, promise in sorted(found.promises.items(), key=lambda one: (len(one[0]), one[0])):
        online = found.figure("ndcg", "promise", release)
        rows.append(
            ReleaseRow(
                release=release,
                bundle_id=promise.bundle_id,
                promised="-" if promise.ndcg is None else f"{promise.ndcg:.3f}",
                online=_told(online),
                hit_ratio=_told(found.figure("hit_ratio", "release", release), percent=True),
                users=f"{0 if online is None else online.users:,}",
                verdict=states.get(f"promise of release {release}", State.UNKNOWN.value),
            )
        )
    return rows


def sentences(found: Quality, around: Surroundings) -> list[str]:
    """Return the week in three sentences."""
    final = f"{found.final:,} of {found.answers:,} answers to {found.users:,} users are final"
    hits, bad = found.figure("hit_ratio"), found.figure("displeased")
    brought = "" if hits is None or bad is None else (
        f"; {hits.value:.1%} of them led to a like of a new film, {bad.value:.1%} to a dislike or skip"
    )  # fmt: skip
    many = len(around.incidents)
    week = f"{_some(len(around.releases), 'release')}, {_some(many, 'incident')}"
    return [found.sentence, f"{final}{brought}.", f"{week}{': ' + ' '.join(around.incidents) if many else '.'}"]


def markdown(found: Quality, around: Surroundings) -> str:
    """Return the report for a chat: three sentences and a table."""
    lines = [f"**Online quality of {around.dataset}** {_period(found)}", ""]
    lines += [f"{' '.join(sentences(found, around))}", ""]
    lines += [f"| release | promised | online nDCG@{found.config.cutoff} | hit ratio | users | |"]
    lines += ["|---|---|---|---|---|---|"]
    for row in release_rows(found):
        cells = (f"{row.release} `{row.bundle_id}`", row.promised, row.online, row.hit_ratio, row.users, row.verdict)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def write_report(path: Path, found: Quality, around: Surroundings) -> None:
    """Write the report as one HTML page; it appears whole or not at all.

    Args:
        path: The file; its folder is made.
        found: What was measured.
        around: What else happened.
    """
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 (heavy)
    from markupsafe import Markup  # noqa: PLC0415 (heavy)

    loader = ChoiceLoader([PackageLoader("movie_mlops.monitoring.quality"), PackageLoader(report_page.PACKAGE)])
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    html = environment.get_template("quality.html.j2").render(
        title=f"Online quality of {around.dataset}",
        period=_period(found),
        found=found,
        around=around,
        sentences=sentences(found, around),
        releases=release_rows(found),
        segments=_segments(found),
        guardrails=[check for check in found.checks if not check.name.startswith("promise")],
        told=_told,
        # The drawings are made here, by a library that escapes the names in them; nothing else is let through.
        figures={name: Markup(svg) for name, svg in _drawings(found).items()},  # noqa: S704 (see above)
        made_at=found.at.strftime("%Y-%m-%d %H:%M UTC"),
    )
    report_page.write_whole(path, html)


def funnel(found: Quality) -> list[tuple[str, int]]:
    """Return how many answers are left at each step from given to liked."""
    given = found.answers + sum(found.left_out.values())
    steps = [("given", given), ("to users", found.answers), ("final", found.final)]
    silent, hits = found.figure("unanswered"), found.figure("hit_ratio")
    if silent is not None and hits is not None:
        steps.append(("with a reaction", round(found.final * (1 - silent.value))))
        steps.append(("with a like", round(found.final * hits.value)))
    return steps


def _drawings(found: Quality) -> dict[str, str]:
    drawings = {"funnel": plots.funnel(funnel(found))}
    if any("ndcg" in figures for figures in found.figures.get("day and release", {}).values()):
        drawings["ndcg"] = plots.daily(found, "ndcg", f"nDCG@{found.config.cutoff}")
    if any("hit_ratio" in figures for figures in found.figures.get("day and release", {}).values()):
        drawings["hit_ratio"] = plots.daily(found, "hit_ratio", "answers with a like")
    if any(check.name in GUARDRAILS and check.value is not None for check in found.checks):
        drawings["guardrails"] = plots.guardrails(found)
    if any(found.figure("ndcg", "promise", release) for release in found.promises):
        drawings["promise"] = plots.promise(found)
    return drawings


def _segments(found: Quality) -> list[dict[str, Any]]:
    rows = []
    for group in ("arm", "users", "source", "genre"):
        for member, figures in found.figures.get(group, {}).items():
            if (group, member) != ("arm", "none"):
                ndcg = figures.get("ndcg")
                users = 0 if ndcg is None else ndcg.users
                hits = _told(figures.get("hit_ratio"), percent=True)
                rows.append({"group": group, "member": member, "ndcg": _told(ndcg), "hits": hits, "users": users})
    return rows


def _told(figure: Figure | None, *, percent: bool = False) -> str:
    if figure is None:
        return "-"
    form = "{:.1%} ({:.1%} to {:.1%})" if percent else "{:.3f} ({:.3f} to {:.3f})"
    return form.format(figure.value, figure.low, figure.high)


def _some(count: int, thing: str) -> str:
    return f"{count} {thing}{'' if count == 1 else 's'}"


def _period(found: Quality) -> str:
    first, last = (clock.to_iso(each)[:10] for each in (found.since, found.at))
    return f"{first} to {last}"
