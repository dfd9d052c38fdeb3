"""``movie-mlops monitor quality``."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from movie_mlops.cli import options

if TYPE_CHECKING:
    from movie_mlops.monitoring.quality import Figure, Quality

Days = Annotated[
    float | None,
    typer.Option("--days", help="So many days of final answers (default: as config/monitoring.yaml says)."),
]
Horizon = Annotated[
    float | None, typer.Option("--horizon", metavar="DAYS", help="What somebody does so long after an answer counts.")
]

_SHOWN = ("everything", "release", "arm", "users", "source", "genre")


def quality(
    days: Days = None,
    horizon: Horizon = None,
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Say what the answers were worth, by what their users did afterwards; exit code 1 where that is not as promised.

    Quality by release, arm and kind of user with intervals over users, beside what the evaluation promised; bounds of
    what must hold beside it; and the skew between the features that are served and what the lake says.
    """
    from movie_mlops.cli import door, output, progress
    from movie_mlops.flows.online_quality import online_quality, with_window
    from movie_mlops.monitoring.quality import State

    config = with_window(door.quality(door.settings(home)), days, horizon)
    with (
        door.platform(home, dataset) as platform,
        door.journaled("monitor quality", platform.workspace, platform.lake),
    ):
        found = online_quality(platform, config, progress=progress.listener())
    if as_json:
        output.print_json(found.to_json())
    else:
        _print(found)
    raise typer.Exit(1 if found.state is State.BELOW else 0)


def _print(found: "Quality") -> None:
    from movie_mlops.cli import output

    final = f"{found.final:,} of {found.answers:,} answers to {found.users:,} users are final"
    typer.echo(f"{final} (older than {found.config.horizon_days:g} days).")
    left = [f"{count:,} {reason}" for reason, count in found.left_out.items() if count]
    if left:
        who = f", such as {', '.join(found.programs)}" if found.programs else ""
        typer.echo(f"Left out: {', '.join(left)}{who}.")
    if found.final:
        output.print_rows(list(_rows(found)), as_json=False)
    if found.early is not None and found.final < found.answers:
        early = f"{found.early.hit_ratio:.1%} of all answers had or will have a success"
        typer.echo(f"With the young ones: {early}; {found.early.complete:.0%} of it is in.")
    output.print_rows(
        [{"check": one.name, "": one.state.value, "found": one.sentence} for one in found.checks], as_json=False
    )
    typer.echo(found.sentence)


def _rows(found: "Quality") -> "list[dict[str, Any]]":
    rows = []
    for group in _SHOWN:
        for member in found.figures.get(group, {}):
            if (group, member) == ("arm", "none"):
                continue
            names = ("ndcg", "hit_rate", "hit_ratio", "unanswered", "displeased")
            measured = {name: found.figure(name, group, member) for name in names}
            users = max((figure.users for figure in measured.values() if figure is not None), default=0)
            rows.append(
                {"of": member if group == member else f"{group} {member}", "users": users}
                | {name.replace("_", " "): _interval(figure) for name, figure in measured.items()}
            )
    return rows


def _interval(figure: "Figure | None") -> str | None:
    return None if figure is None else f"{figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f})"
