"""Files of the project that are generated from the code: written, or held against what would be written."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

Check = Annotated[
    bool, typer.Option("--check", help="Write nothing; exit code 1 where a file is not what would be written.")
]


def keep(files: Mapping[Path, str], *, check: bool, as_json: bool, again: str) -> None:
    """Write each file that is not what it should be, or refuse.

    Args:
        files: What each should hold.
        check: Whether nothing is written.
        as_json: Whether the outcome is printed for a program.
        again: The command that writes them.

    Raises:
        ConfigurationError: With ``check``, a file is not what it should be; else, its folder is not there.
    """
    from movie_mlops.cli import output
    from movie_mlops.core.errors import ConfigurationError

    stale = [path for path, text in files.items() if not path.is_file() or path.read_text("utf-8") != text]
    if check and stale:
        raise ConfigurationError(
            f"{', '.join(map(str, stale))} is not what would be written.", next_step=f"Write it again: {again}"
        )
    for path in stale:
        if not path.parent.is_dir():
            raise ConfigurationError(
                f"There is no folder {path.parent}.", next_step="Go to the root of the project, or name another place."
            )
        path.write_text(files[path], "utf-8")
    if as_json:
        output.print_json({"written": [str(path) for path in stale], "files": [str(path) for path in files]})
        return
    for path in files:
        typer.echo(f"{path} {'was written' if path in stale else 'is up to date'}.")
