"""The entry point: finds the command, turns errors into one sentence, and nothing else."""

import os
import sys


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
        from movie_mlops.cli.app import command
    except ModuleNotFoundError as error:
        if error.name != "typer":
            raise
        sys.stderr.write("error: This command needs the platform. Install it: pip install 'movie-mlops[platform]'\n")
        return 1
    from movie_mlops.core.errors import MovieMlopsError

    try:
        command().main(args=given, prog_name="movie-mlops", standalone_mode=True)
    except MovieMlopsError as error:
        if "--json" in given:
            import json

            document = {"code": error.code, "problem": error.problem, "next_step": error.next_step}
            sys.stdout.write(json.dumps({"error": document}, ensure_ascii=False) + "\n")
        sys.stderr.write(f"error: {error}\n")
        return 1
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0
