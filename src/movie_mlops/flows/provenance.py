"""What a bundle says of its origin: code, libraries, versions, the arithmetic of the machine."""

import hashlib
import platform
import subprocess
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

import movie_mlops
from movie_mlops.core.digests import digest
from movie_mlops.flows.errors import DirtyTreeError

_LIBRARIES = ("numpy", "polars", "scipy")
_MAY_BE_THERE = ("numba",)
"""Libraries that shape a model's numbers where they are installed."""
OPTIONAL = ("torch",)
"""Libraries that shape a model's numbers where one is trained by them."""
_MODEL_ROOMS = ("lake", "features", "evaluation", "recommenders")
_CHANGES = "+changes"
_MOST_FILES = 5


def code_commit() -> str | None:
    """Return the git commit of the running source, with ``+changes`` where files differ; ``None`` outside git."""
    folder = Path(movie_mlops.__file__).parent
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None or _git(folder, "ls-files", "--error-unmatch", "__init__.py") is None:
        return None
    return commit + (_CHANGES if _git(folder, "status", "--porcelain", "--", ".") else "")


def require_committed() -> None:
    """Do nothing where the running source is that of a commit, or of an installed package.

    Raises:
        DirtyTreeError: Files differ from the commit.
    """
    commit = code_commit()
    if commit is None or not commit.endswith(_CHANGES):
        return
    changed = (_git(Path(movie_mlops.__file__).parent, "status", "--porcelain", "--", ".") or "").splitlines()
    files = [line.split(maxsplit=1)[-1] for line in changed]
    more = f" and {len(files) - _MOST_FILES} more" if len(files) > _MOST_FILES else ""
    raise DirtyTreeError(
        f"A model for production is made from committed code, and {', '.join(files[:_MOST_FILES])}{more} differ from"
        f" commit {commit[:12]}.",
        next_step="Commit them (or 'git stash -u') and run again; without --production they may differ.",
    )


def code_digest(rooms: Sequence[str]) -> str:
    """Return the digest of the source of ``rooms`` (and of ``core``, which all of them use)."""
    package = Path(movie_mlops.__file__).parent
    files = sorted(path for room in {"core", *rooms} for path in (package / room).rglob("*") if path.is_file())
    sources = {
        path.relative_to(package).as_posix(): digest(path.read_bytes().hex())
        for path in files
        if path.suffix in {".py", ".csv"}
    }
    return digest(sources)


def arrays_sha256(arrays: Iterable[tuple[NDArray[Any], str]]) -> str:
    """Return the SHA-256 of arrays, each with the type in which it counts, such as ``<f4``."""
    sha256 = hashlib.sha256()
    for array, dtype in arrays:
        sha256.update(f"{dtype}{array.shape}".encode())
        sha256.update(np.ascontiguousarray(array, dtype=dtype).data)
    return sha256.hexdigest()


def matrix_parts(matrix: sparse.csr_matrix) -> tuple[tuple[NDArray[Any], str], ...]:
    """Return the arrays of a matrix as `arrays_sha256` takes them."""
    return (matrix.indptr, "<i8"), (matrix.indices, "<i4"), (matrix.data, "<f4")


def code_sha256() -> str:
    """Return the digest of the source that turns the lake into a model, whatever the commit."""
    return code_digest(_MODEL_ROOMS)


def package_versions(also: Iterable[str] = ()) -> dict[str, str]:
    """Return the versions of Python, of this package and of the libraries that shape a model's numbers.

    Args:
        also: Further libraries; one that is not installed is left out.
    """
    more = [name for name in (*_MAY_BE_THERE, *also) if find_spec(name) is not None]
    return {
        "python": platform.python_version(),
        "movie-mlops": movie_mlops.__version__,
        **{name: version(name) for name in (*_LIBRARIES, *more)},
    }


def machine() -> dict[str, str]:
    """Return what of this machine rounds a model's numbers: its processor, and which code BLAS picked for it."""
    import scipy.linalg  # noqa: PLC0415 - only so that its BLAS is loaded
    from threadpoolctl import threadpool_info  # noqa: PLC0415 - beside the above

    names = {Path(module.__file__ or "").parent.name for module in (np, scipy)}
    loaded = [library for library in threadpool_info() if library["user_api"] == "blas"]
    # Other libraries may bring a BLAS of their own; those of NumPy and SciPy are the ones that are used.
    own = [library for library in loaded if Path(library["filepath"]).parent.name.partition(".")[0] in names]
    found = {
        f"{library['internal_api']} {library['version']} {library.get('architecture') or ''}".strip()
        for library in own or loaded
    }
    return {"processor": platform.machine(), "blas": ", ".join(sorted(found)) or "none"}


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603, S607 - fixed words, the user's git
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
