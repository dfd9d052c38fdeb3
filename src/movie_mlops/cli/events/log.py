"""``movie-mlops events tail``, ``stats`` and ``prune``."""

from typing import Annotated

import typer

from movie_mlops.cli import options
from movie_mlops.cli.audited import audited


def tail(
    count: Annotated[int, typer.Option("--count", min=1, max=100_000, help="How many of the newest.")] = 10,
    since: Annotated[
        int | None, typer.Option("--after", min=0, help="Those behind this offset instead, the oldest first.")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Go on with those that come, until Ctrl-C.")] = False,
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Show events; with --json each as an envelope of CloudEvents on a line of its own."""
    import json
    import time

    from movie_mlops.cli import door
    from movie_mlops.core.clock import to_iso
    from movie_mlops.events import envelope

    with door.platform(home, dataset) as platform:
        after = max(0, platform.events.last_offset() - count) if since is None else since
        while True:
            events = platform.events.read(after, count)
            for event in events:
                said = event.interaction
                value = "" if said.value is None else f" {said.value:g}"
                what = f"{said.user_id}  {said.kind}{value}  film {said.movie_id}"
                line = f"{event.offset:>10}  {to_iso(event.recorded_at)}  {what}"
                typer.echo(json.dumps(envelope(event), ensure_ascii=False) if as_json else line)
            if not follow:
                return
            after = events[-1].offset if events else after
            if not events:
                time.sleep(0.2)


def stats(dataset: options.Dataset = None, home: options.Home = None, as_json: options.AsJson = False) -> None:
    """Tell how many events there are, and how far lake, consumers and relays are with them."""
    from movie_mlops.cli import door, output
    from movie_mlops.flows.event_care import stats as stats_of

    with door.platform(home, dataset) as platform:
        told = stats_of(platform)
    if as_json:
        output.print_json(told)
        return
    typer.echo(
        f"{told['events']:,} events in the log {told['log']}, {told['erased']:,} erased; effects {told['effects']}."
    )
    for name, place in told["places"].items():
        typer.echo(f"{name}: up to {place['offset']:,}, {place['behind']:,} behind")
    typer.echo(f"{told['dead_letters']:,} dead letters.")


@audited("events.prune")
def prune(
    older_than: Annotated[
        float | None,
        typer.Option(
            "--older-than", min=0.0, metavar="DAYS", help="(default: events.keep_days of config/platform.yaml)."
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how many would go.")] = False,
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Remove old events from the log that the lake and every consumer have."""
    from dataclasses import asdict

    from movie_mlops.cli import door, output
    from movie_mlops.flows.event_care import prune as prune_log

    with door.platform(home, dataset) as platform:
        done = prune_log(platform, days=older_than, dry_run=dry_run)
    if as_json:
        output.print_json(asdict(done))
        return
    word = "would go" if dry_run else "went"
    typer.echo(f"{done.events:,} events {word}: recorded before {done.before}, and everybody has up to {done.upto:,}.")
