"""``movie-mlops security shilling``."""

import typer

from movie_mlops.cli import options


def shilling(dataset: options.Dataset = None, home: options.Home = None, as_json: options.AsJson = False) -> None:
    """Look in the lake for users who seem made up to push a film; nothing is changed."""
    from movie_mlops.cli import door, output
    from movie_mlops.flows.invented import find_invented

    with door.platform(home, dataset) as platform:
        found = find_invented(platform)
    if as_json:
        output.print_json({"looked_at": found.looked_at, "pushed": list(found.rows)})
        return
    if not found.rows:
        typer.echo(f"No film seems to be pushed by the likes of {found.looked_at:,} users.")
        return
    for row in found.rows:
        typer.echo(
            f"Film {row['movie_id']} seems to be pushed by {len(row['users']):,} users: {row['liked_by_suspects']:.1%}"
            f" of those whose likes hang together least like it, and {row['liked_by_others']:.1%} of everybody else."
        )
    typer.echo("Who they are: add --json. Look at them before you do anything: people of unusual taste exist.")
