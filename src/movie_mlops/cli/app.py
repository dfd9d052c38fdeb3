"""The platform's commands, each loaded only when it is called so that ``--help`` stays quick; what errors become."""

import errno
import json
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final, cast

import typer
from typer.core import TyperCommand, TyperGroup

from movie_mlops.core.errors import MovieMlopsError

GROUPS: Final[Mapping[str, str]] = {
    "run": "The main job: from a source of ratings to a released model, and to the page with --serve.",
    "lake": "Look at the tables and take care of them: list, history, rows, SQL, compact, vacuum, verify.",
    "ingest": "Bring data into the lake, through the contract.",
    "features": "See what features there are, build training sets, export to Feast.",
    "evaluate": "Judge models on a split of the data, or on given folds.",
    "tune": "Search for a model's best settings, inside the training part alone.",
    "lineage": "What is behind a recommendation, release, bundle or table, and what came of it; as text, JSON or SVG.",
    "models": "The registry of bundles: list, show, compare, verify, name, sign, export, import, clear away.",
    "release": "What serves since when and why; promote, roll back, verify the ledger.",
    "score": "Put the best films of every user into the lake, by the model that serves.",
    "flow": "See the flows that are run again and again, and their tasks.",
    "reproduce": "Make a bundle again in a clean process, from the inputs that it names, and compare every byte.",
    "simulate": "Let made-up people with known tastes live with a recommender, generation after generation.",
    "standard": "Hold a project against the project standard: check, explain, branch.",
    "serve": "Answer requests: the API and the page.",
    "worker": "Work behind the API: events into the lake, the online store up to it.",
    "events": "What users said happened: tail, stats, prune, dead letters, schemas, reference, replay.",
    "triggers": "When a new model is made without anybody asking: list, check, fire, turn, runs.",
    "monitor": "Watch what runs, and tell somebody: watch, drift, quality, report, readings, reference, dashboards.",
    "security": "Who may do what, and what is kept safe: keys, audit, scan, erase, export, back-ups.",
    "capacity": "Work out what so many users, films and answers would take, from what was measured.",
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


# Typer has no name of its own for what all wrong usage derives from.
_UsageError: Final = cast("type[typer.BadParameter]", typer.BadParameter.__mro__[1])
_CHECK: Final = (
    "Check that the path exists and that you may read and write it; --home names another folder for all state."
)
_NEXT_STEPS: Final = {errno.ENOSPC: "Free space on the disk and run the same command again; what was finished is kept."}


def run(given: list[str]) -> int:
    """Run a command and return the exit code; every error becomes one sentence and the next step."""
    try:
        code = command().main(args=given, prog_name="movie-mlops", standalone_mode=False)
    except MovieMlopsError as error:
        _tell_program(given, **error.to_json())
        sys.stderr.write(f"error: {error}\n")
        return 1
    except _UsageError as error:
        error.show()
        _tell_program(given, "usage", error.format_message(), "Add --help to see what the command takes.")
        return 2
    except typer.Abort:
        sys.stderr.write("Stopped.\n")
        return 1
    except OSError as error:
        # Typer sees to a pipe that was closed at the other end; all else that the system refuses ends up here.
        problem = f"{_refusal(error)}." if error.strerror else f"The system refused: {str(error).splitlines()[0]}."
        next_step = _NEXT_STEPS.get(error.errno or 0, _CHECK)
        _tell_program(given, "system", problem, next_step)
        sys.stderr.write(f"error: {problem} {next_step}\n")
        return 1
    return code if isinstance(code, int) else 0


def _refusal(error: OSError) -> str:
    where = f" {error.filename}" if error.filename else " a file"
    return f"The system refused{where} ({error.strerror})"


def _tell_program(given: list[str], code: str, problem: str, next_step: str) -> None:
    if "--json" in given:
        document = {"code": code, "problem": problem, "next_step": next_step}
        sys.stdout.write(json.dumps({"error": document}, ensure_ascii=False) + "\n")
