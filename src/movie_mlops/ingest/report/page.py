"""The report: one HTML file that needs nothing beside it."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from movie_mlops.core import clock, report_page
from movie_mlops.core import columns as c
from movie_mlops.ingest.replay import REPLAYED
from movie_mlops.ingest.report import figures, plots
from movie_mlops.ingest.report.figures import Tables, Totals
from movie_mlops.lake import Lake

_NEWEST_BATCHES: Final = 12
_GENRES: Final = 16
_LANGUAGES: Final = 10
_WIDE, _NARROW = 920, 400
_COVERED: Final = (
    (c.YEAR, "year"),
    (c.GENRES, "genres"),
    (c.DIRECTORS, "directors"),
    (c.LANGUAGE, "language"),
    (c.RUNTIME, "runtime"),
    (c.TMDB_ID, "TMDB id"),
    (c.IMDB_ID, "IMDb id"),
)


def write_ingest_report(
    path: Path, lake: Lake, *, dataset: str, command: str, made_at: datetime | None = None
) -> Totals:
    """Write the report on what the lake holds and what was refused, and return its leading numbers.

    The file appears whole or not at all.

    Args:
        path: The HTML file; its folder is made.
        lake: The lake.
        dataset: Its name, as the page shows it.
        command: The command line that makes the same report again.
        made_at: When it is made; freshness is told against it. By default now.

    Raises:
        LakeError: The lake cannot be read.
    """
    tables = Tables(lake)
    facts = figures.totals(tables)
    report_page.write_whole(path, _render(tables, facts, dataset, command, made_at or clock.now()))
    return facts


def _render(tables: Tables, facts: Totals, dataset: str, command: str, made_at: datetime) -> str:
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 (heavy)
    from markupsafe import Markup  # noqa: PLC0415 (heavy)

    loader = ChoiceLoader([PackageLoader("movie_mlops.ingest"), PackageLoader(report_page.PACKAGE)])
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters |= {
        "count": "{:,}".format,
        "of": lambda number, one, more: f"{number:,} {one if number == 1 else more}",
        "percent": _percent,
        "ago": lambda at: _ago(made_at - at),
    }
    # The drawings are made here, by a library that escapes the names in them; nothing else is let through as markup.
    drawn = {name: Markup(svg) for name, svg in _figures(tables, facts).items()}  # noqa: S704 (see above)
    batches = figures.batches(tables)
    missing = {name: figures.missing(getattr(tables, name)) for name in ("interactions", "movies")}
    lacking = {name: share for name, _, share in missing["movies"]}
    reasons = figures.reasons(tables)
    return environment.get_template("ingest.html.j2").render(
        title=f"Data of {dataset}",
        facts=facts,
        figures=drawn,
        batches=batches.tail(_NEWEST_BATCHES).reverse().to_dicts(),
        all_batches=batches.height,
        # A replayed row came once, and was kept in the end.
        came=int(batches["kept"].sum()) + int(batches["refused"].sum()) - int(batches[REPLAYED].sum()),
        kinds=figures.kinds(tables).to_dicts(),
        missing={name: [row for row in rows if row[1]] for name, rows in missing.items()},
        whole={name: [row[0] for row in rows if not row[1]] for name, rows in missing.items()},
        coverage=[(word, 1 - lacking[name]) for name, word in _COVERED] if facts.films else [],
        reasons=_with_colours(reasons.to_dicts()),
        **_shape(tables),
        command=command,
        made_at=made_at.strftime("%Y-%m-%d %H:%M UTC"),
    )


def _figures(tables: Tables, facts: Totals) -> dict[str, str]:
    """Draw every plot that has something to show."""
    drawn: dict[str, str] = {}
    span, counted = figures.by_time(tables, facts)
    if counted.height:
        for name, column, colour in (("volume", "interactions", "var(--c0)"), ("active", "users", "var(--c1)")):
            title = f"{column} a {span}" if column == "interactions" else f"active users a {span}"
            for size, width in (("wide", _WIDE), ("narrow", _NARROW)):
                drawn[f"{name}_{size}"] = plots.volume(
                    counted, span, column=column, title=title, colour=colour, width=width
                )
    if (rated := figures.values(tables)).height:
        drawn["stars"] = plots.stars(rated)
    if facts.interactions:
        films = figures.per(tables, c.MOVIE_ID)
        of_users, of_films = figures.in_bins(figures.per(tables, c.USER_ID)), figures.in_bins(films)
        drawn["users"] = plots.bins(
            of_users, title="interactions of a user, from this number up", what="users", colour="var(--c1)"
        )
        drawn["films"] = plots.bins(
            of_films, title="interactions of a film, from this number up", what="films", colour="var(--c2)"
        )
        drawn["concentration"] = plots.concentration(figures.concentration(films))
    if (batches := figures.batches(tables)).height > 1:
        drawn["arrivals"] = plots.arrivals(batches)
    if (refused := figures.refused_by_batch(tables))[c.INGESTED_AT].n_unique() > 1:
        order = list(dict.fromkeys(figures.reasons(tables)[c.REASON]))
        drawn["refused"] = plots.refused(refused, order)
    for name, counted, draw in (
        ("decades", figures.decades(tables), plots.decades),
        ("genres", figures.names(tables, c.GENRES, _GENRES), _draw_genres),
        ("languages", figures.names(tables, c.LANGUAGE, _LANGUAGES), _draw_languages),
    ):
        if counted.height:
            drawn[name] = draw(counted)
    return drawn


def _draw_genres(counted: Any) -> str:
    return plots.ranked(counted, title="films", colour="var(--c3)")


def _draw_languages(counted: Any) -> str:
    return plots.ranked(counted, title="films", colour="var(--c6)")


def _shape(tables: Tables) -> dict[str, Any]:
    """Return the middle user, and how much the most popular films have."""
    users, films = figures.per(tables, c.USER_ID), figures.per(tables, c.MOVIE_ID)
    return {
        "middle_user": int(users.median() or 0) if len(users) else 0,  # type: ignore[arg-type] # of whole numbers
        "top_tenth": figures.share_of_top(films, 0.1),
        "seen_once": int((films == 1).sum()) if len(films) else 0,
    }


def _with_colours(reasons: list[dict[str, Any]]) -> list[dict[str, Any]]:
    most = max((reason["count"] for reason in reasons), default=0) or 1
    place = {name: i for i, name in enumerate(dict.fromkeys(reason["reason"] for reason in reasons))}
    return [
        reason | {"colour": plots.reason_colour(place[reason["reason"]]), "share": reason["count"] / most}
        for reason in reasons
    ]


def _percent(share: float) -> str:
    """Return a share as people write it; what is not nothing never looks like nothing, nor part like all."""
    if 0 < share < 0.001:  # noqa: PLR2004 - a tenth of a percent
        return "<0.1%"
    if 0.999 < share < 1:  # noqa: PLR2004 - all but a tenth of a percent
        return ">99.9%"
    return f"{100 * share:.1f}%".replace(".0%", "%")


def _ago(age: timedelta) -> str:
    """Return an age in its largest unit."""
    seconds = age.total_seconds()
    for unit, size in (("year", 31_557_600), ("month", 2_629_800), ("day", 86_400), ("hour", 3_600), ("min", 60)):
        if seconds >= size:
            number = int(seconds // size)
            return f"{number} {unit}{'s' if number > 1 and unit != 'min' else ''} ago"
    return "just now"
