"""``movie-mlops standard``: parse, call, print; the standard library alone, and each sub-command loaded when called."""

import sys
from argparse import ArgumentParser, HelpFormatter
from collections.abc import Mapping
from importlib import import_module
from typing import Final

COMMANDS: Final[Mapping[str, str]] = {
    "check": "Hold a project against the standard.",
    "explain": "Say what the standard says of a path: where it should live, what must exist beside it.",
    "migrate": "Move what is there to its right place, references included: plan, apply, verify, rollback.",
    "branch": "Say whether the name of a branch is right.",
    "new": "Make the files of a new substage and declare it.",
    "init": "Start a new project that follows the standard.",
    "render": "Write the standard as documents, and what each substage's tests promise.",
}
"""Each is a module of this package with ``configure(parser)`` and ``run(options) -> exit code``."""

_CODES: Final = "Exit codes: 0 clean, 1 findings, 2 wrong usage or a wrong declaration, 3 could not run."


def main(arguments: list[str]) -> int:
    """Run ``movie-mlops standard …`` and return the exit code: 0 clean, 1 findings, 2 usage, 3 could not run."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    if not arguments or arguments[0] in {"-h", "--help"}:
        sys.stdout.write(_help())
        return 0
    name, rest = arguments[0], arguments[1:]
    if name not in COMMANDS:
        from movie_mlops.standard.schema import hint

        sys.stderr.write(f"error: 'standard {name}' is not a command. {hint(name, list(COMMANDS))}\n")
        return 2
    return _run(name, rest)


def _run(name: str, rest: list[str]) -> int:
    from movie_mlops.standard.errors import StandardError

    module = import_module(f"movie_mlops.cli.standard.{name.replace('-', '_')}")
    parser = ArgumentParser(
        prog=f"movie-mlops standard {name}", description=COMMANDS[name], epilog=_CODES, formatter_class=_Help
    )
    module.configure(parser)
    try:
        code: int = module.run(parser.parse_args(rest))
        sys.stdout.flush()
    except StandardError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    except BrokenPipeError:
        # Whoever read the output has seen enough; nothing is left to flush at exit.
        sys.stdout = None
        return 0
    except OSError as error:
        sys.stderr.write(f"error: {error.filename or 'A file'} cannot be used: {error.strerror}.\n")
        return 3
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 2
    except KeyboardInterrupt:
        return 130
    return code


class _Help(HelpFormatter):
    """Help of one width; asking the terminal for its own would import compression libraries on every run."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=110)


def _help() -> str:
    lines = ["usage: movie-mlops standard COMMAND …", "", "The project standard as a program.", ""]
    lines += [f"  {name:<10} {text}" for name, text in COMMANDS.items()]
    return "\n".join([*lines, "", _CODES, "More: movie-mlops standard COMMAND --help", ""])
