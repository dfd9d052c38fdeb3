"""The source ``movielens:``: an official release, downloaded or already here."""

import re
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from movie_mlops.core.digests import digest
from movie_mlops.core.progress import SILENT, Progress
from movie_mlops.ingest.archive import Archive
from movie_mlops.ingest.config import IngestConfig, SourceOptions
from movie_mlops.ingest.download import download_zip
from movie_mlops.ingest.errors import SourceError
from movie_mlops.ingest.layouts import Layout, find_layout, rating_chunks, read_movies, read_ratings, read_users
from movie_mlops.ingest.raw import RawTable
from movie_mlops.ingest.releases import RELEASES

# Goes up when the same files would be read differently.
_READER_VERSION: Final = 2


class MovieLensSource:
    """A MovieLens release in its official layout.

    Args:
        what: A release's name (``ml-latest-small``), or the path of its folder or zip (``./ml-1m``,
            ``data/ml-20m.zip``).
        downloads: Where downloaded zips are kept.
        options: Where the downloads are.

    Raises:
        SourceError: ``what`` is neither a release nor something that exists.
    """

    def __init__(self, what: str, *, downloads: Path, options: SourceOptions) -> None:
        self._release = what if what in RELEASES else None
        self._url = f"{options.movielens_url.rstrip('/')}/{what}.zip"
        self._path = downloads / f"{what}.zip" if self._release else Path(what).expanduser()
        if not self._release and not self._path.exists():
            raise _nothing_there(what)
        self.dataset = short_name(self._path.resolve())
        self._opened: tuple[Archive, Layout] | None = None

    def prepare(self, progress: Progress = SILENT) -> None:
        """Download the release where it is not here yet, and find its layout.

        Raises:
            DownloadError: The download failed.
            SourceError: The files are damaged, or not laid out as a release.
        """
        if self._release and not self._path.exists():
            download_zip(self._url, self._path, checks=RELEASES[self._release], progress=progress)
        self._open()

    def fingerprint(self) -> str:
        """Return a digest of the names, sizes and times of the files."""
        archive, _ = self._open()
        files = [archive.path / name for name in archive.names()] if archive.path.is_dir() else [archive.path]
        return digest(["movielens", _READER_VERSION, *stamps(files)])

    def movies(self, *, unknown: bool = False) -> RawTable:  # noqa: ARG002 - there is nothing unknown in them
        """Return the films."""
        return read_movies(*self._open())

    def users(self, *, unknown: bool = False) -> RawTable | None:  # noqa: ARG002 - there is nothing unknown in them
        """Return gender, age, occupation and postcode of the users, where the release tells them."""
        return read_users(*self._open())

    def interactions(self) -> RawTable:
        """Return the ratings."""
        return read_ratings(*self._open())

    def batches(self, *, config: IngestConfig, unknown: bool = False) -> Iterator[RawTable]:  # noqa: ARG002 - a release has exactly its columns
        """Yield the ratings piece by piece."""
        return rating_chunks(*self._open(), size=config.chunk_bytes)

    def _open(self) -> tuple[Archive, Layout]:
        if self._opened is None:
            archive = Archive(self._path)
            self._opened = (archive, find_layout(archive))
        return self._opened


def short_name(path: Path) -> str:
    """Return the file's or folder's name as a data set's: lower case, without the ending, safe in paths and ids."""
    stem = path.stem if path.suffix.lower() in {".zip", ".csv", ".tsv", ".txt", ".parquet", ".pq"} else path.name
    return re.sub(r"[^\w.-]+", "-", stem.lower()).strip("-.") or "data"


def stamps(files: list[Path]) -> list[list[str | int]]:
    """Return name, size and time of change of each file: cheap, and different whenever a file was written again."""
    found = [(file.name, file.stat()) for file in files]
    return [[name, status.st_size, status.st_mtime_ns] for name, status in found]


def _nothing_there(what: str) -> SourceError:
    if "/" in what or "\\" in what or what.endswith(".zip"):
        return SourceError(
            f"There is no file or folder {what}.", next_step="Check the path after movielens: in --source."
        )
    [nearest] = get_close_matches(what.lower(), RELEASES, n=1, cutoff=0.0)
    return SourceError(
        f"MovieLens has no release {what!r} (it has: {', '.join(RELEASES)}), and there is no such file or folder.",
        next_step=f"Did you mean --source movielens:{nearest}?",
    )
