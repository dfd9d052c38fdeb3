"""Where secrets come from beside plain variables: a file, or a command such as that of a vault.

``MOVIE_MLOPS_<NAME>_FILE`` names a file, ``MOVIE_MLOPS_<NAME>_COMMAND`` a command whose first line of output is the
secret. A variable is seen by every process that this one starts; a file and a command are not.
"""

import shlex
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from movie_mlops.core.errors import ConfigurationError

_SECONDS: Final = 20.0
_PREFIX: Final = "MOVIE_MLOPS_"


def given_secrets(names: Iterable[str], environment: Mapping[str, str]) -> dict[str, str]:
    """Return the secrets that files and commands give.

    Args:
        names: Of the settings that are secrets.
        environment: The variables of this process.

    Raises:
        ConfigurationError: A secret is given twice, or its file or command gives none. What it gave is not shown.
    """
    found = {}
    for name in names:
        variable = _PREFIX + name.upper()
        ways = [way for way in (variable, f"{variable}_FILE", f"{variable}_COMMAND") if environment.get(way)]
        if len(ways) > 1:
            raise ConfigurationError(
                f"The secret {name} is given twice, by {ways[0]} and {ways[1]}.", next_step=f"Take {ways[1]} away."
            )
        if ways and ways[0] != variable:
            given = environment[ways[0]]
            text = _of_file(given, ways[0]) if ways[0].endswith("_FILE") else _of_command(given, ways[0])
            found[name] = text.partition("\n")[0].strip()
            if not found[name]:
                raise ConfigurationError(f"{ways[0]} gives an empty secret.", next_step="Correct what it names.")
    return found


def _of_file(given: str, variable: str) -> str:
    try:
        return Path(given).expanduser().read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"The file that {variable} names cannot be read.", next_step="Name a file that this process may read."
        ) from error


def _of_command(given: str, variable: str) -> str:
    """Run a command without a shell; what it says on its standard error goes where ours goes."""
    try:
        done = subprocess.run(  # noqa: S603 - whoever sets our variables may run what they like as us already
            shlex.split(given), stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=_SECONDS, check=True
        )
        return done.stdout.decode("utf-8")
    except (OSError, ValueError, subprocess.SubprocessError):
        # Without its cause, which may hold what the command said.
        raise ConfigurationError(
            f"The command of {variable} gives no secret within {_SECONDS:g} s.",
            next_step="Run it by hand and see; it is started without a shell.",
        ) from None
