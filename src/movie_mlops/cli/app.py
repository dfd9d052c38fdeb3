"""The command groups, each loaded only when it is called, so that ``--help`` stays quick."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

GROUPS: Final[Mapping[str, str]] = {
    "run": "The main job: from a source of ratings to a released model, and to the page with --serve.",
    "lake": "Look at the tables: list, history, rows, SQL.",
    "ingest": "Bring data into the lake, through the contract.",
    "features": "See what features there are, and build training sets.",
    "evaluate": "Judge models on a split of the data, or on given folds.",
    "models": "List, show and verify the bundles.",
    "release": "What serves since when and why; roll back.",
    "serve": "Answer requests: the API and the page.",
    "bench": "Measure how fast the platform answers on this machine.",
}


class LazyGroups(TyperGroup):
    """Shows every group's line of help from the table above, and imports a group when it is called."""

    def __init__(self, **settings: Any) -> None:
        stubs = {name: TyperCommand(name=name, help=text, callback=None) for name, text in GROUPS.items()}
        super().__init__(**{**settings, "commands": stubs})

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Return the real command behind a stub."""
        name, _, rest = super().resolve_command(ctx, args)
        assert name is not None
        return name, typer.main.get_command(import_module(f"movie_mlops.cli.{name}").app), rest


def command() -> Any:
    """Return the whole command line."""
    app = typer.Typer(cls=LazyGroups, no_args_is_help=True, add_completion=False, rich_markup_mode=None)
    app.callback(help="Movie recommendations from raw ratings to a page, with everything between them on record.")(
        _version
    )
    return typer.main.get_command(app)


def _show_version(wanted: bool) -> None:
    if wanted:
        from movie_mlops import __version__

        typer.echo(f"movie-mlops {__version__}")
        raise typer.Exit


def _version(
    version: bool = typer.Option(
        False, "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
    ),
) -> None:
    pass
