"""The entry point: the standard's own command needs nothing but Python; every other one is the platform's."""

import gc
import os
import sys
from types import ModuleType
from typing import cast

from movie_mlops.core.memory import keep_freed_memory


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit code: 0 done, 1 an error that was explained, 2 wrong usage."""
    given = sys.argv[1:] if arguments is None else arguments
    if given[:1] == ["standard"]:
        from movie_mlops.cli.standard import main as standard

        code = standard(given[1:])
        if arguments is None:
            # The process ends here and now: to free every name of a large tree takes longer than to judge it.
            if sys.stdout is not None:
                sys.stdout.flush()
            os._exit(code)
        return code
    try:
        import typer  # noqa: F401 - whether the platform is installed
    except ModuleNotFoundError:
        sys.stderr.write("error: This command needs the platform. Install it: pip install 'movie-mlops[platform]'\n")
        return 1
    from movie_mlops.cli.app import run

    if arguments is None:
        # Before anything is imported that would otherwise be told too late.
        keep_freed_memory()
        # Where it is installed, Altair's checks of JSON build a parser for each kind of web address with it, for a
        # second or more and for nothing: no plot holds an address.
        sys.modules.setdefault("rfc3987_syntax", cast("ModuleType", None))
    code = run(given)
    # The process ends here: to search all that was imported for what nobody needs any more takes up to a second. DuckDB
    # looks for itself, and tells at length of whatever is left.
    if arguments is None and "duckdb" not in sys.modules:
        gc.freeze()
    return code
