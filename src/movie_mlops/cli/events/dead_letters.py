"""``movie-mlops events dead-letter``."""

from typing import Annotated

import typer

from movie_mlops.cli import options
from movie_mlops.cli.audited import audited

app = typer.Typer(
    help="Events whose effect could not be made.", rich_markup_mode=None, no_args_is_help=True, add_completion=False
)
Number = Annotated[int, typer.Argument(min=1, help="Its number in the list.")]


@app.command("list")
def show(dataset: options.Dataset = None, home: options.Home = None, as_json: options.AsJson = False) -> None:
    """List the dead letters, each with its reason."""
    from movie_mlops.cli import door, output
    from movie_mlops.flows.carrying import dead_letters

    with door.platform(home, dataset) as platform:
        output.print_rows([letter.document() for letter in dead_letters(platform).all()], as_json=as_json)


@app.command()
@audited("events.dead-letter.retry", on="number")
def retry(
    number: Number, dataset: options.Dataset = None, home: options.Home = None, as_json: options.AsJson = False
) -> None:
    """Make the effect of a letter's event after all; the letter is gone when that is done."""
    from movie_mlops.cli import door, output
    from movie_mlops.flows.carrying import dead_letters

    with door.platform(home, dataset, as_served=True) as platform:
        made = dead_letters(platform).retry(number)
    if as_json:
        output.print_json({"id": number, "made": made})
        return
    typer.echo("Its effect is made." if made else "The event is not in the log any more; the letter is gone.")


@app.command()
@audited("events.dead-letter.drop", on="number")
def drop(
    number: Number, dataset: options.Dataset = None, home: options.Home = None, as_json: options.AsJson = False
) -> None:
    """Take a letter away; the event stays in the log without its effect."""
    from movie_mlops.cli import door, output
    from movie_mlops.flows.carrying import dead_letters

    with door.platform(home, dataset) as platform:
        letter = dead_letters(platform).drop(number)
    if as_json:
        output.print_json(letter.document())
        return
    typer.echo(f"The letter {number} is gone ({letter.reason}).")
