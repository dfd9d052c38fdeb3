"""The source ``file:``: anybody's CSV or Parquet file."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Final

import polars as pl

from movie_mlops.core import columns as c
from movie_mlops.core.digests import digest
from movie_mlops.core.progress import SILENT, Progress
from movie_mlops.ingest.chunks import Chunk, Layout, chunks
from movie_mlops.ingest.config import IngestConfig, SourceOptions
from movie_mlops.ingest.contracts import LANES
from movie_mlops.ingest.errors import SourceError
from movie_mlops.ingest.layouts import raw_of, read_bar_users, read_dat_movies, read_dat_users, read_items
from movie_mlops.ingest.mapping import INTERACTION_NAMES, MOVIE_NAMES, USER_NAMES, map_columns
from movie_mlops.ingest.movielens import short_name, stamps
from movie_mlops.ingest.parsing import integer
from movie_mlops.ingest.raw import EXTRA, RawTable
from movie_mlops.ingest.text import header_of, read_lines, sniff_separator, split
from movie_mlops.lake import INTERACTIONS

# Goes up when the same file would be read differently.
_READER_VERSION: Final = 1
_PARQUET_MAGIC: Final = b"PAR1"
_ZIP_MAGIC: Final = b"PK\x03\x04"
# What half of all files of ratings are called: as a data set's name it tells nothing, and two of them would mix.
_GENERIC: Final = frozenset({"ratings", "interactions", "events", "feedback", "data", "train", "dataset"})
_ABOUT: Final = (c.LINE, c.RAW, c.REASON, c.DETAIL)
_HEADER_BYTES: Final = 1 << 20
# Files of releases that have no line of names.
_LAID_OUT: Final[Mapping[str, Callable[[pl.DataFrame], pl.DataFrame]]] = {
    "movies.dat": read_dat_movies,
    "u.item": read_items,
    "users.dat": read_dat_users,
    "u.user": read_bar_users,
}


class FileSource:
    """A CSV or Parquet file of interactions and, where there are any, a file of films and one of users.

    Args:
        path: The file of interactions. Without a column of ratings each row is a like; without a second file the films
            are called "Film <id>".
        options: Column names, the second file, the scale of the ratings.

    Raises:
        SourceError: A file does not exist, or the scale is not one.
    """

    def __init__(self, path: Path, *, options: SourceOptions) -> None:
        self._path = path.expanduser()
        self._movies = options.movies.expanduser() if options.movies else None
        self._users = options.users.expanduser() if options.users else None
        self._options = options
        files = ((self._path, "--source"), (self._movies, "--movies"), (self._users, "--users"))
        for file, where in files:
            if file is not None and not file.is_file():
                kind = "folder" if file.is_dir() else "missing"
                raise _no_file(file, where, kind)
        scale = options.value_scale
        if scale is not None and not scale[0] < scale[1]:
            raise SourceError(
                f"The scale of ratings {scale[0]:g} to {scale[1]:g} does not rise.",
                next_step="Write the lowest rating first, for example --scale 1,10",
            )
        self.dataset = short_name(Path(options.dataset)) if options.dataset else _name_of(self._path)

    def prepare(self, progress: Progress = SILENT) -> None:  # noqa: ARG002 - the protocol's; there is nothing to wait for
        """Check that the files can be read and have the columns that are needed.

        Raises:
            SourceError: A file is empty or damaged, or a column is missing.
        """
        self._columns(self._path, INTERACTION_NAMES)
        _refuse_empty(self._path)
        if self._movies is not None and self._movies.suffix == ".parquet":
            self._columns(self._movies, MOVIE_NAMES)
        if self._users is not None and self._users.name not in _LAID_OUT:
            self._columns(self._users, USER_NAMES)

    def fingerprint(self) -> str:
        """Return a digest of the files' names, sizes and times and of the options that change their reading."""
        files = [file for file in (self._path, self._movies, self._users) if file]
        options = self._options
        scale = list(options.value_scale) if options.value_scale else None
        columns = [dict(options.columns), dict(options.movie_columns)]
        columns += [dict(options.user_columns)] if self._users else []
        return digest(["file", _READER_VERSION, *stamps(files), *columns, scale])

    def interactions(self) -> RawTable:
        """Return the rows of the file, under our column names."""
        return self._interactions

    def batches(self, *, config: IngestConfig, unknown: bool = False) -> Iterator[RawTable]:
        """Yield the rows of the file piece by piece."""
        mapped = self._columns(self._path, INTERACTION_NAMES)
        others = self._unknown(self._path, mapped)
        scale, name = self._options.value_scale, self._path.name
        wanted = {**mapped, **{EXTRA + other: other for other in others if unknown}}
        if _is_parquet(self._path):
            for frame in _parquet_batches(self._path, wanted, config.chunk_rows):
                yield RawTable(frame, name, value_scale=scale, unknown=others)
            return
        _refuse_empty(self._path)
        for chunk in self._chunks(wanted, config.chunk_bytes):
            yield raw_of(chunk, name, scale=scale, unknown=others)

    def movies(self, *, unknown: bool = False) -> RawTable:
        """Return the films of the second file; without one, a film per id of the first, titled "Film <id>".

        Args:
            unknown: Whether to bring columns that the contract does not know.
        """
        if self._movies is not None:
            return self._described(self._movies, MOVIE_NAMES, unknown=unknown)
        titled = self._film_ids().with_columns(pl.format("Film {}", c.MOVIE_ID).alias(c.TITLE))
        return RawTable(titled, self._path.name, placeholder=True)

    def users(self, *, unknown: bool = False) -> RawTable | None:
        """Return the users of the third file; ``None`` without one.

        Args:
            unknown: Whether to bring columns that the contract does not know.
        """
        if self._users is None:
            return None
        return self._described(self._users, USER_NAMES, unknown=unknown)

    def _described(self, path: Path, names: Mapping[str, str], *, unknown: bool) -> RawTable:
        """Return the rows of the file of films or of that of users."""
        if path.name in _LAID_OUT:
            return RawTable(_LAID_OUT[path.name](read_lines(path, file=path.name, encoding="latin-1")), path.name)
        mapped = self._columns(path, names)
        others = self._unknown(path, mapped)
        return RawTable(
            self._read(path, {**mapped, **{EXTRA + name: name for name in others if unknown}}),
            path.name,
            unknown=others,
        )

    def _film_ids(self) -> pl.DataFrame:
        """Return the ids of the films that the file names, sorted, one column at a time in memory."""
        mapped = {c.MOVIE_ID: self._columns(self._path, INTERACTION_NAMES)[c.MOVIE_ID]}
        config = IngestConfig()
        if _is_parquet(self._path):
            frames = _parquet_batches(self._path, mapped, config.chunk_rows)
        else:
            read = (raw_of(chunk, "") for chunk in self._chunks(mapped, config.chunk_bytes))
            frames = (_both(raw) for raw in read)
        ids = [frame.select(integer(c.MOVIE_ID, frame.schema[c.MOVIE_ID])).unique() for frame in frames]
        found = pl.concat([*ids, pl.DataFrame(schema={c.MOVIE_ID: pl.Int64})]).unique().drop_nulls()
        return found.filter(pl.col(c.MOVIE_ID) >= 0).sort(c.MOVIE_ID)

    def _chunks(self, wanted: Mapping[str, str], size: int) -> Iterator[Chunk]:
        with self._path.open("rb") as file:
            header = read_lines(file.readline(_HEADER_BYTES), file=str(self._path))
            separator = sniff_separator(header)
            lanes = LANES[INTERACTIONS]
            layout = Layout(header_of(header, separator), separator, True, wanted, lanes)
            yield from chunks(file, layout, name=self._path.name, size=size, first=2)

    @cached_property
    def _interactions(self) -> RawTable:
        frame = self._read(self._path, self._columns(self._path, INTERACTION_NAMES))
        return RawTable(frame, self._path.name, value_scale=self._options.value_scale)

    def _read(self, path: Path, wanted: Mapping[str, str]) -> pl.DataFrame:
        if _is_parquet(path):
            try:
                frame = pl.read_parquet(path, columns=list(wanted.values()), glob=False)
            except (pl.exceptions.PolarsError, OSError) as error:
                raise _damaged(path, error) from error
            return frame.select(pl.col(theirs).alias(ours) for ours, theirs in wanted.items())
        lines = read_lines(path, file=path.name)
        separator = sniff_separator(lines)
        _refuse_empty(path)
        frame = split(lines.slice(1), header_of(lines, separator), separator, quoted=True, keep=list(wanted.values()))
        about = [name for name in _ABOUT if name in frame.columns]
        return frame.select(*about, *(pl.col(theirs).alias(ours) for ours, theirs in wanted.items()))

    def _unknown(self, path: Path, mapped: Mapping[str, str]) -> tuple[str, ...]:
        return tuple(name for name in _column_names(path) if name not in mapped.values())

    def _columns(self, path: Path, known: Mapping[str, str]) -> dict[str, str]:
        options = self._options
        required: tuple[str, ...] = (c.USER_ID, c.MOVIE_ID)
        given, option = options.columns, "--column"
        if known is MOVIE_NAMES:
            given, required, option = options.movie_columns, (c.MOVIE_ID, c.TITLE), "--movie-column"
        elif known is USER_NAMES:
            given, required, option = options.user_columns, (c.USER_ID,), "--user-column"
        return map_columns(_column_names(path), known, given=given, required=required, file=path.name, option=option)


def _both(raw: RawTable) -> pl.DataFrame:
    """Return the rows of a piece, also those that only a close look can read."""
    if raw.lane is None:
        return raw.frame
    unsure = raw.lane.frame.filter(pl.any_horizontal(pl.all().is_null()))[c.LINE]
    if unsure.is_empty():
        return raw.lane.frame
    looked = raw.lane.text(unsure)
    looked = looked.select(integer(c.MOVIE_ID, looked.schema[c.MOVIE_ID]))
    return pl.concat([raw.lane.frame.select(c.MOVIE_ID), looked])


def _parquet_batches(path: Path, wanted: Mapping[str, str], rows: int) -> Iterator[pl.DataFrame]:
    """Yield the rows of a Parquet file, ``rows`` at a time, numbered from 1."""
    columns = [pl.col(theirs).alias(ours) for ours, theirs in wanted.items()]
    try:
        height = pl.scan_parquet(path, glob=False).select(pl.len()).collect().item()
        for start in range(0, max(height, 1), rows):
            piece = pl.scan_parquet(path, glob=False).slice(start, rows).select(columns).collect()
            yield piece.with_row_index(c.LINE, offset=start + 1)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _damaged(path, error) from error


def _name_of(path: Path) -> str:
    """Return the data set's name: the file's, or its folder's where the file is only called what it holds."""
    name, folder = short_name(path), path.absolute().parent.name
    return short_name(Path(folder)) if name in _GENERIC and folder else name


def _column_names(path: Path) -> Sequence[str]:
    if _is_parquet(path):
        try:
            return list(pl.read_parquet_schema(path))
        except (pl.exceptions.PolarsError, OSError) as error:
            raise _damaged(path, error) from error
    with path.open("rb") as file:
        first = read_lines(file.readline(1 << 20), file=str(path))
    return header_of(first, sniff_separator(first))


def _refuse_empty(path: Path) -> None:
    """Refuse a text file that has nothing but its first line."""
    if _is_parquet(path):
        return
    with path.open("rb") as file:
        file.readline()
        if any(line.strip() for line in file):
            return
    raise SourceError(f"The file {path} is empty but for its first line.", next_step="Check the file.")


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as file:
        magic = file.read(4)
    if magic == _ZIP_MAGIC:
        raise SourceError(
            f"The file {path} is a zip.", next_step=f"Unpack it, or, for MovieLens, use --source movielens:{path}"
        )
    return magic == _PARQUET_MAGIC or path.suffix.lower() in {".parquet", ".pq"}


def _no_file(path: Path, where: str, kind: str) -> SourceError:
    if kind == "folder":
        return SourceError(
            f"{path} is a folder, not a file.",
            next_step=f"Name one CSV or Parquet file, or, for MovieLens, use --source movielens:{path}",
        )
    return SourceError(f"There is no file {path}.", next_step=f"Check the path in {where}.")


def _damaged(path: Path, error: Exception) -> SourceError:
    return SourceError(
        f"The file {path} is not a whole Parquet file ({str(error).splitlines()[0]}).", next_step="Fetch it again."
    )
