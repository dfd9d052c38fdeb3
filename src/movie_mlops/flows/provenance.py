"""What a bundle says of its origin: code, libraries, versions."""

import subprocess
from importlib.metadata import version
from pathlib import Path

import movie_mlops

_LIBRARIES = ("implicit", "numpy", "polars", "scipy")


def code_commit() -> str | None:
    """Return the git commit of the running source, with ``+changes`` where files differ; ``None`` outside git."""
    folder = Path(movie_mlops.__file__).parent
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None or _git(folder, "ls-files", "--error-unmatch", "__init__.py") is None:
        return None
    return commit + ("+changes" if _git(folder, "status", "--porcelain", "--", ".") else "")


def package_versions() -> dict[str, str]:
    """Return the versions of this package and of the libraries that shape a model's numbers."""
    return {"movie-mlops": movie_mlops.__version__, **{name: version(name) for name in _LIBRARIES}}


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603, S607 - fixed words, the user's git
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
