"""``movie-mlops monitor readings``."""

import typer

from movie_mlops.cli import options


def readings(
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Show the newest reading of each thing that is measured now and then."""
    from movie_mlops.cli import door, output
    from movie_mlops.core import clock
    from movie_mlops.monitoring import newest_readings

    with door.platform(home, dataset) as platform:
        found = newest_readings(platform.database)
    if as_json:
        output.print_json([{**vars(one), "at": clock.to_iso(one.at)} for one in found])
        return
    for one in found:
        labels = ", ".join(f"{key}={value}" for key, value in one.labels.items())
        typer.echo(f"{clock.to_iso(one.at)}  {one.name}{f' ({labels})' if labels else ''}  {one.value:g}")
    if not found:
        typer.echo("Nothing was read yet.")
