"""Where data comes from: one protocol, and the words that name a source."""

from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Final, Protocol

from movie_mlops.core.progress import Progress
from movie_mlops.ingest.config import IngestConfig, SourceOptions
from movie_mlops.ingest.errors import SourceError
from movie_mlops.ingest.file import FileSource
from movie_mlops.ingest.movielens import MovieLensSource
from movie_mlops.ingest.raw import RawTable
from movie_mlops.ingest.releases import RELEASES

_FORMS: Final = "sample, movielens:<release, folder or zip> and file:<CSV or Parquet>"


class Source(Protocol):
    """Films and interactions from somewhere, not yet checked."""

    @property
    def dataset(self) -> str:
        """A short name that is safe in paths (``sample``, ``ml-1m``)."""
        ...

    def prepare(self, progress: Progress) -> None:
        """Download, locate and check; does nothing the second time.

        Raises:
            SourceError: The data cannot be had.
        """
        ...

    def fingerprint(self) -> str:
        """Return a word that changes when the data or its reading changes; only after :meth:`prepare`."""
        ...

    def movies(self, *, unknown: bool = False) -> RawTable:
        """Return the films, with columns that the contract does not know where asked; only after :meth:`prepare`."""
        ...

    def users(self, *, unknown: bool = False) -> RawTable | None:
        """Return what is known of the users, as :meth:`movies` does; ``None`` where the source tells nothing."""
        ...

    def interactions(self) -> RawTable:
        """Return the interactions, all at once; only after :meth:`prepare`."""
        ...

    def batches(self, *, config: IngestConfig, unknown: bool = False) -> Iterator[RawTable]:
        """Yield the interactions in pieces that fit into memory, in the order of the file; only after :meth:`prepare`.

        Args:
            config: How large the pieces are.
            unknown: Whether to bring columns that the contract does not know.
        """
        ...


def open_source(spec: str, *, downloads: Path, options: SourceOptions | None = None) -> Source:
    """Return the source that ``spec`` names; nothing is downloaded yet.

    Args:
        spec: ``sample``, ``movielens:<release, folder or zip>`` or ``file:<path>``.
        downloads: Where downloads are kept.
        options: How to read it.

    Raises:
        SourceError: ``spec`` names nothing that exists.
    """
    options = options or SourceOptions()
    word, _, rest = spec.partition(":")
    if spec == "sample":
        from movie_mlops.ingest.sample import SampleSource  # noqa: PLC0415 - the simulator only where it is asked for

        return SampleSource()
    if word == "movielens" and rest:
        return MovieLensSource(rest, downloads=downloads, options=options)
    if word == "file" and rest:
        return FileSource(Path(rest), options=options)
    raise _unknown(spec, word)


def _unknown(spec: str, word: str) -> SourceError:
    forms = f"A source is one of {_FORMS}"
    if spec in RELEASES:
        return SourceError(f"{spec!r} is a release of MovieLens.", next_step=f"Write --source movielens:{spec}")
    if spec and Path(spec).exists():
        kind = "movielens" if Path(spec).is_dir() or spec.endswith(".zip") else "file"
        return SourceError(f"{forms}; {spec!r} is a path.", next_step=f"Write --source {kind}:{spec}")
    [nearest] = get_close_matches(word, ("sample", "movielens", "file"), n=1, cutoff=0.0)
    example = {"sample": "sample", "movielens": "movielens:ml-latest-small", "file": "file:ratings.csv"}[nearest]
    return SourceError(f"{forms}; {spec!r} is none.", next_step=f"Write for example --source {example}")
