"""The entry point: finds the command, turns errors into one sentence, and nothing else."""

import errno
import json
import sys
from typing import cast


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit code: 0 done, 1 an error that was explained, 2 wrong usage."""
    given = sys.argv[1:] if arguments is None else arguments
    try:
        import typer
    except ModuleNotFoundError:
        sys.stderr.write("error: This command needs the platform. Install it: pip install 'movie-mlops[platform]'\n")
        return 1
    from movie_mlops.cli.app import command
    from movie_mlops.core.errors import MovieMlopsError

    # Typer has no name of its own for what all wrong usage derives from.
    usage_error = cast("type[typer.BadParameter]", typer.BadParameter.__mro__[1])
    try:
        code = command().main(args=given, prog_name="movie-mlops", standalone_mode=False)
    except MovieMlopsError as error:
        _tell_program(given, **error.to_json())
        sys.stderr.write(f"error: {error}\n")
        return 1
    except usage_error as error:
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


_CHECK = "Check that the path exists and that you may read and write it; --home names another folder for all state."
_NEXT_STEPS = {errno.ENOSPC: "Free space on the disk and run the same command again; what was finished is kept."}


def _refusal(error: OSError) -> str:
    where = f" {error.filename}" if error.filename else " a file"
    return f"The system refused{where} ({error.strerror})"


def _tell_program(given: list[str], code: str, problem: str, next_step: str) -> None:
    if "--json" in given:
        document = {"code": code, "problem": problem, "next_step": next_step}
        sys.stdout.write(json.dumps({"error": document}, ensure_ascii=False) + "\n")
