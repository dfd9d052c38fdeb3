"""The report of a replay: one HTML file that needs nothing beside it, and the curve as SVG beside that."""

from datetime import datetime
from pathlib import Path
from typing import Any, Final

from movie_mlops.core import clock, report_page
from movie_mlops.evaluation.intervals import Interval
from movie_mlops.evaluation.plots import colour, drawn
from movie_mlops.flows.replay.config import ReplayConfig
from movie_mlops.flows.replay.outcome import ARMS, FROZEN, LOOP, RECENT, Replayed

_WIDTH: Final = 720


def write_replay_report(
    path: Path, found: Replayed, config: ReplayConfig, *, command: str, made_at: datetime | None = None
) -> None:
    """Write the report, and the curve beside it; each file appears whole or not at all.

    Args:
        path: The HTML file; its folder is made.
        found: What came of the replay.
        config: How it was lived.
        command: The command line that lives it again.
        made_at: When it was made; by default now.
    """
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 (heavy)
    from markupsafe import Markup  # noqa: PLC0415 (heavy)

    loader = ChoiceLoader([PackageLoader("movie_mlops.flows.replay"), PackageLoader(report_page.PACKAGE)])
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    curve = draw_curve(found)
    html = environment.get_template("replay.html.j2").render(
        title=f"{found.dataset}, lived again",
        found=found,
        worth={name: found.worth(warm=warm) for name, warm in _GROUPS},
        leads={name: found.leads(warm=warm) for name, warm in _GROUPS},
        verdict=verdict(found),
        waiting=waiting(found),
        own=LOOP,
        arms=ARMS,
        told=interval,
        # The drawing is made here, by a library that escapes the names in it; nothing else is let through.
        curve=Markup(curve),  # noqa: S704 (see above)
        facts=_facts(found, config),
        command=command,
        made_at=(made_at or clock.now()).strftime("%Y-%m-%d %H:%M UTC"),
    )
    report_page.write_whole(path, html)
    report_page.write_whole(path.with_suffix(".svg"), report_page.standalone(curve))


_GROUPS: Final = (("every list", False), ("those of whom something was known", True))


def verdict(found: Replayed) -> str:
    """Say in a sentence whether the loop is better than each of the others, for certain."""
    told = []
    for name, lead in found.leads().items():
        word = "better than" if lead.above_zero else "worse than" if lead.below_zero else "not certainly other than"
        told.append(f"{word} {name} ({interval(lead, signed=True)})")
    return f"The loop is {' and '.join(told)}."


def waiting(found: Replayed) -> str | None:
    """Say how long people were given what is popular for want of a model; ``None`` where one served from the start."""
    if not found.waited:
        return None
    if found.waited == found.judgements.height:
        return "The gate let no model pass: every list held what is popular."
    return f"The gate let a first model pass after {found.waited:,} lists; until then they held what is popular."


def interval(found: Interval, *, signed: bool = False) -> str:
    """Return a figure with its interval."""
    form = "{:+.4f}" if signed else "{:.4f}"
    return f"{form.format(found.estimate)} [{form.format(found.low)}, {form.format(found.high)}]"


def draw_curve(found: Replayed) -> str:
    """Draw the worth of the lists as the history goes on, with where another model began to serve."""
    import altair as alt  # noqa: PLC0415 (heavy)

    rows = [
        {"lists": part["lists"], "arm": arm, "value": part[arm], "at": part["at"][:10]}
        for part in found.curve()
        for arm in ARMS
    ]
    colours = [colour(place) for place, _ in enumerate(ARMS)]
    legend = alt.Legend(title=None, orient="top", symbolType="stroke")
    lines = (
        alt.Chart(alt.InlineData(values=rows))
        .mark_line(strokeWidth=2.4)
        .encode(
            x=alt.X("lists:Q", title="lists that were judged, in the order of time", axis=alt.Axis(grid=False)),
            y=alt.Y("value:Q", title="nDCG@10 of the next like", axis=alt.Axis(tickCount=6)),
            color=alt.Color("arm:N", scale=alt.Scale(domain=list(ARMS), range=colours), legend=legend),
        )
    )
    marks: list[dict[str, Any]] = [{"lists": change.lists, "bundle": change.bundle_id} for change in found.changes]
    rules = (
        alt.Chart(alt.InlineData(values=marks))
        .mark_rule(strokeDash=[4, 4], color="var(--c5)", opacity=0.8)
        .encode(x="lists:Q")
    )
    chart = (lines + rules) if marks else lines
    return drawn(chart.properties(width=_WIDTH, height=300))


def _facts(found: Replayed, config: ReplayConfig) -> dict[str, dict[str, Any]]:
    canary, triggers = config.rollout.canary, config.triggers
    stages = ", ".join(f"{share:.0%}" for share in canary.stages)
    return {
        "History": {
            "interactions known at first": f"{found.past:,}",
            "lived": f"{found.lived:,}",
            "lists that were judged": f"{found.judgements.height:,}",
            "sent at once": config.batch,
            "took": f"{found.seconds:,.0f} s",
        },
        "The loop": {
            "a rule fires at": f"{triggers.volume.at} more interactions, {triggers.films.at} of strange films",
            "canary": f"{stages} of the users, {canary.least_answers} answers",
            "turns": f"every {config.turn_events:,} events",
        },
        "The others": {
            FROZEN: "the first model that served, asked with all that is known of a user at the time",
            RECENT: f"most liked of the last {config.recent_days:g} days",
            "lists that were the same while the first model served": "-" if found.same is None else f"{found.same:.1%}",
        },
    }
