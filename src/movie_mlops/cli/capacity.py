"""``movie-mlops capacity``."""

import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from movie_mlops.cli import options

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def capacity(
    users: Annotated[str, typer.Option("--users", metavar="N", help="People with a history: 200M, 50k, 1e6.")],
    films: Annotated[str, typer.Option("--films", metavar="N", help="Films in the catalogue.")],
    rps: Annotated[str, typer.Option("--rps", metavar="N", help="Answers a second at the peak.")],
    events_per_day: Annotated[
        str | None,
        typer.Option(
            "--events-per-day", metavar="N", help="Events that people send (default: by config/capacity.yaml)."
        ),
    ] = None,
    retention: Annotated[
        str, typer.Option("--retention", metavar="TIME", help="How long events are kept: 90d, 2y.")
    ] = "365d",
    record: Annotated[
        Path | None,
        typer.Option("--record", metavar="FILE", help="What was measured (default: reports/benchmarks/scale.json)."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write the plan to this file as well, as Markdown.")
    ] = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Work out machines, memory, disk, network and cost of so many users, films and answers, from what was measured.

    Every line says on which coefficients it stands, as what it grows, and how far beyond the measured sizes it reaches.
    The coefficients are those of 'movie-mlops bench scale'; prices and habits stand in config/capacity.yaml.
    """
    from movie_mlops.bench.capacity import Demand, described, markdown, read_measurements
    from movie_mlops.cli import door, output
    from movie_mlops.cli.quantities import days, quantity
    from movie_mlops.core.errors import ConfigurationError
    from movie_mlops.settings import read_capacity

    settings = door.settings(home)
    config = read_capacity(settings.config / "capacity.yaml")
    people = quantity("--users", users)
    demand = Demand(
        people,
        quantity("--films", films),
        quantity("--rps", rps),
        people * config.events_per_user_day if events_per_day is None else quantity("--events-per-day", events_per_day),
        days("--retention", retention),
    )
    measured = read_measurements(record or settings.home / "reports" / "benchmarks" / "scale.json")
    found = described(demand, measured, config)
    if out is not None:
        if not out.parent.is_dir():
            raise ConfigurationError(f"There is no folder {out.parent}.", next_step="Make it, or name another place.")
        # Whoever writes it again does so from wherever the project is.
        out.write_text(markdown(found, "movie-mlops " + shlex.join(sys.argv[1:])), encoding="utf-8")
    if as_json:
        output.print_json(found)
        return
    _tell(found)
    if out is not None:
        typer.echo(f"\nIt is written to {out}.")


def _tell(found: dict[str, Any]) -> None:
    from movie_mlops.bench.capacity.document import amount, asked, driver, reach
    from movie_mlops.cli import output

    measured, currency = found["measured"], found["currency"]
    typer.echo(f"{asked(found)}\nMeasured on {measured['processor']} at {measured['at']} ({measured['file']}).\n")
    output.print_rows(
        [
            {
                "part": line["part"],
                "what": line["what"],
                "amount": amount(line),
                f"{currency} a month": "" if line["month"] is None else f"{line['month']:,.0f}",
                "how": line["how"],
                "grows": line["grows"],
                "from": ", ".join(line["from"]) or "config/capacity.yaml",
                "reaches": reach(line),
            }
            for line in found["lines"]
        ],
        as_json=False,
    )
    month = found["month"]
    parts = ", ".join(f"{part} {cost:,.0f}" for part, cost in month.items() if part != "all")
    typer.echo(
        f"\n{month['all']:,.0f} {currency} a month ({parts});"
        f" {found['month_by_million_answers']:,.2f} for a million answers."
    )
    typer.echo("\nWhat drives the cost:")
    for one in found["drivers"]:
        typer.echo(f"- {driver(one)}")
    off = [name for name, one in found["coefficients"].items() if one["predicted_well"] < one["predicted"]]
    if off:
        typer.echo(f"\nMeasured, but sizes were not predicted as well as they should be: {', '.join(off)}.")
    typer.echo("\nWhat this does not know:")
    for limit in found["limits"]:
        typer.echo(f"- {limit}")
