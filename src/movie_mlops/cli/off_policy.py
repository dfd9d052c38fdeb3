"""``movie-mlops evaluate off-policy``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from movie_mlops.cli import options

if TYPE_CHECKING:
    from movie_mlops.evaluation import Estimate, LoggedLists

_REACHES = ("place", "prefix", "list")


def off_policy(
    log: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE",
            help="Parquet or CSV, a row for each place of each list: request_id, place, reward, propensity, "
            "target_propensity; and, where known, user_id, predicted, expected. Without one: the answers that were "
            "explored and kept here, and what their users liked of them.",
        ),
    ] = None,
    chance: Annotated[
        float,
        typer.Option("--chance", min=0, max=1, help="Without a file: the policy fills places by chance so often."),
    ] = 0.0,
    kept: Annotated[
        int | None, typer.Option("--kept", min=0, help="… below so many places (default: as it was logged).")
    ] = None,
    bundle: Annotated[
        str | None,
        typer.Option("--bundle", help="… and puts the logged candidates in the order of this bundle instead."),
    ] = None,
    hours: Annotated[float, typer.Option("--hours", min=0, help="… A like counts so long after the list.")] = 0.5,
    reach: Annotated[
        str,
        typer.Option(
            "--reach",
            help="What the reward of a place depends on: its film and place alone (place), the films above it too "
            "(prefix), or the whole list (list).",
        ),
    ] = "place",
    clip: Annotated[
        float | None, typer.Option("--clip", min=1, help="Cut weights above this: steadier, and too low if anything.")
    ] = None,
    level: Annotated[float, typer.Option("--level", min=0.5, max=0.999, help="Of the intervals.")] = 0.95,
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Say what another policy would have been worth, from a log of lists that were drawn by chance.

    Three estimates (ips, snips and, where the log has predictions, dr), each with its interval and the effective
    sample size. Nothing is said where the log holds too little of what the other policy would have shown.
    """
    from movie_mlops.cli import door, output
    from movie_mlops.core.errors import ConfigurationError
    from movie_mlops.evaluation import Method, OffPolicyConfig, Reach, estimate, read_lists

    if reach not in _REACHES:
        raise ConfigurationError(f"There is no reach {reach!r}.", next_step=f"Use one of {', '.join(_REACHES)}.")
    if log is not None:
        lists = read_lists(log)
    else:
        from movie_mlops.flows.off_policy import Target, explored_lists

        target = Target(chance=chance, kept=kept)
        with door.platform(home, dataset) as platform:
            chosen = None if bundle is None else door.bundle(platform.workspace, bundle)
            lists = explored_lists(platform, target, bundle_id=chosen, window_seconds=hours * 3600)
    config = OffPolicyConfig(reach=Reach(reach), clip=clip, level=level)
    methods = [method for method in Method if method is not Method.DR or lists.predicted is not None]
    found = [estimate(lists, method, config) for method in methods]
    if as_json:
        output.print_json({"requests": lists.requests, "estimates": [each.to_json() for each in found]})
        return
    _print(lists, found)


def _print(lists: "LoggedLists", found: "list[Estimate]") -> None:
    from movie_mlops.cli import output

    rows = [
        {
            "method": each.method.value,
            "value": each.value.estimate,
            "interval": f"{each.value.low:.4f} to {each.value.high:.4f}",
            "more than logged": f"{each.gain.estimate:+.4f} ({each.gain.low:+.4f} to {each.gain.high:+.4f})",
            "effective": f"{each.effective:,.0f} of {each.requests:,}",
            "mean weight": each.mean_weight.estimate,
            "heaviest list": f"{each.heaviest:.1%}",
        }
        for each in found
    ]
    output.print_rows(rows, as_json=False)
    typer.echo(f"Mean reward of the {lists.requests:,} lists as they were shown: {_logged(lists):.4f}.")
    for warning in dict.fromkeys(warning for each in found for warning in each.warnings):
        typer.echo(f"Note: {warning}")


def _logged(lists: "LoggedLists") -> float:
    rewards = lists.rewards if lists.filled is None else lists.rewards * lists.filled
    return float(rewards.sum(axis=1).mean())
