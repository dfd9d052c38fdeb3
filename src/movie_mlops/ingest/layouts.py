"""The layouts of the MovieLens releases."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from movie_mlops.core import columns as c
from movie_mlops.ingest import chunks
from movie_mlops.ingest.archive import Archive
from movie_mlops.ingest.contracts import LANES
from movie_mlops.ingest.errors import SourceError
from movie_mlops.ingest.raw import RawTable
from movie_mlops.ingest.text import Encoding, header_of, read_lines, split
from movie_mlops.lake import INTERACTIONS

_HEADER_BYTES: Final = 1 << 20
_RATING: Final = [c.USER_ID, c.MOVIE_ID, c.VALUE, c.EVENT_TIME]
_MOVIE: Final = [c.MOVIE_ID, c.TITLE, c.GENRES]
_USER: Final = [c.USER_ID, c.GENDER, c.AGE, c.OCCUPATION, c.POSTCODE]
# The numbers of occupations in users.dat, in order.
_OCCUPATIONS: Final = (
    "other",
    "educator",
    "artist",
    "clerical",
    "student",
    "customer service",
    "doctor",
    "executive",
    "farmer",
    "homemaker",
    "K-12 student",
    "lawyer",
    "programmer",
    "retired",
    "sales",
    "scientist",
    "self-employed",
    "technician",
    "tradesman",
    "unemployed",
    "writer",
)
# The flags of u.item, in order; the first says that the genre is not known.
_FLAGS: Final = [
    "unknown",
    "Action",
    "Adventure",
    "Animation",
    "Children's",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
]
_ITEM: Final = [c.MOVIE_ID, c.TITLE, "release date", "video release date", "IMDb URL", *_FLAGS]


@dataclass(frozen=True)
class Layout:
    """How a family of releases is laid out.

    Attributes:
        ratings: The file of ratings.
        movies: The file of films.
        separator: What stands between two fields.
        users: The file of users, in the releases that have one.
        header: The first line's fields, where there is one.
    """

    ratings: str
    movies: str
    separator: str
    users: str | None = None
    header: tuple[Sequence[str], Sequence[str]] | None = None


_100K: Final = Layout("u.data", "u.item", "\t", "u.user")
_DAT: Final = Layout("ratings.dat", "movies.dat", "::", "users.dat")
_CSV: Final = Layout(
    "ratings.csv",
    "movies.csv",
    ",",
    header=(("userId", "movieId", "rating", "timestamp"), ("movieId", "title", "genres")),
)
_LAYOUTS: Final = (_CSV, _DAT, _100K)
_LINKS: Final = "links.csv"


def find_layout(archive: Archive) -> Layout:
    """Return the layout that ``archive`` has.

    Raises:
        SourceError: It has none; the message says what was expected, what was found, and what fits that.
    """
    found = archive.names()
    for layout in _LAYOUTS:
        if layout.ratings in found and layout.movies in found:
            return layout
    expected = ", or ".join(f"{layout.ratings} with {layout.movies}" for layout in _LAYOUTS)
    listed = ", ".join(found[:8]) + (" …" if len(found) > 8 else "") if found else "no file"  # noqa: PLR2004 - a taste
    raise SourceError(
        f"{archive.path} is not laid out as MovieLens: expected {expected}; found {listed}.",
        next_step=_instead(archive, found),
    )


def read_ratings(archive: Archive, layout: Layout) -> RawTable:
    """Return the ratings of ``archive``, as text."""
    lines = read_lines(
        archive.read(layout.ratings), file=archive.label(layout.ratings), encoding=_encoding(archive, layout)
    )
    if layout.header is not None:
        lines = _without_header(lines, layout.header[0], archive.label(layout.ratings))
    frame = split(lines, _RATING, layout.separator, quoted=layout is _CSV)
    return RawTable(frame, archive.label(layout.ratings))


def rating_chunks(archive: Archive, layout: Layout, *, size: int) -> Iterator[RawTable]:
    """Yield the ratings of ``archive`` in pieces of about ``size`` bytes."""
    label, encoding = archive.label(layout.ratings), _encoding(archive, layout)
    if layout.header is not None:
        with archive.open(layout.ratings) as file:
            _check_header(read_lines(file.readline(_HEADER_BYTES), file=label), layout.header[0], label)
    lines = chunks.Layout(
        _RATING, layout.separator, layout is _CSV, {name: name for name in _RATING}, LANES[INTERACTIONS], encoding
    )
    empty = True
    with archive.open(layout.ratings) as file:
        skip = 0 if layout.header is None else 1
        for chunk in chunks.chunks(file, lines, name=label, size=size, skip=skip):
            empty = False
            yield raw_of(chunk, label)
    if empty:
        raise SourceError(f"The file {label} is empty but for its first line.", next_step="Fetch it again.")


def raw_of(
    chunk: chunks.Chunk, label: str, *, scale: tuple[float, float] | None = None, unknown: tuple[str, ...] = ()
) -> RawTable:
    """Return a chunk as rows: through the lane where it is clean, as text where it is not."""
    lane = chunk.lane()
    frame = chunk.rows() if lane is None else pl.DataFrame()
    return RawTable(frame, label, value_scale=scale, unknown=unknown, lane=lane)


def read_movies(archive: Archive, layout: Layout) -> RawTable:
    """Return the films of ``archive``, as text, with their links where there are any."""
    content, label = archive.read(layout.movies), archive.label(layout.movies)
    if layout is _100K:
        return RawTable(read_items(read_lines(content, file=label, encoding="latin-1")), label)
    lines = read_lines(content, file=label, encoding=_encoding(archive, layout))
    if layout.header is not None:
        lines = _without_header(lines, layout.header[1], label)
    frame = split(lines, _MOVIE, layout.separator, quoted=layout is _CSV)
    if layout is _CSV and _LINKS in archive.names():
        frame = frame.join(_read_links(archive), on=c.MOVIE_ID, how="left", maintain_order="left")
    return RawTable(frame, label)


def read_users(archive: Archive, layout: Layout) -> RawTable | None:
    """Return what is known of the users of ``archive``, as text; ``None`` where there is no such file."""
    if layout.users is None or layout.users not in archive.names():
        return None
    label = archive.label(layout.users)
    lines = read_lines(archive.read(layout.users), file=label, encoding="latin-1")
    return RawTable(read_bar_users(lines) if layout is _100K else read_dat_users(lines), label)


def read_bar_users(lines: pl.DataFrame) -> pl.DataFrame:
    """Return the users of ``u.user``."""
    return split(lines, [c.USER_ID, c.AGE, c.GENDER, c.OCCUPATION, c.POSTCODE], "|", quoted=False)


def read_dat_users(lines: pl.DataFrame) -> pl.DataFrame:
    """Return the users of ``users.dat``, with the words for their occupations."""
    words = {str(number): word for number, word in enumerate(_OCCUPATIONS)}
    return split(lines, _USER, "::", quoted=False).with_columns(pl.col(c.OCCUPATION).replace(words))


def read_items(lines: pl.DataFrame) -> pl.DataFrame:
    """Return the films of ``u.item``: title, and the names of the genres that are flagged."""
    frame = split(lines, _ITEM, "|", quoted=False)
    flagged = [pl.when(pl.col(name) == "1").then(pl.lit(name)) for name in _FLAGS[1:]]
    return frame.with_columns(pl.concat_list(flagged).list.drop_nulls().alias(c.GENRES)).drop(_ITEM[2:])


def read_dat_movies(lines: pl.DataFrame) -> pl.DataFrame:
    """Return the films of ``movies.dat``."""
    return split(lines, _MOVIE, "::", quoted=False)


def _read_links(archive: Archive) -> pl.DataFrame:
    """Return one row per film that has links; a broken line of links costs its film only the links."""
    lines = read_lines(archive.read(_LINKS), file=archive.label(_LINKS))
    lines = _without_header(lines, ("movieId", "imdbId", "tmdbId"), archive.label(_LINKS))
    links = split(lines, [c.MOVIE_ID, c.IMDB_ID, c.TMDB_ID], ",", quoted=True)
    return links.select(c.MOVIE_ID, c.IMDB_ID, c.TMDB_ID).drop_nulls(c.MOVIE_ID).unique(c.MOVIE_ID, keep="first")


def _check_header(lines: pl.DataFrame, expected: Sequence[str], label: str) -> None:
    found = header_of(lines, ",")
    if found != list(expected):
        raise SourceError(
            f"The first line of {label} should be {','.join(expected)}; it is {','.join(found)}.",
            next_step="Restore the line, or read the file with its own column names: --source file:<path>",
        )


def _without_header(lines: pl.DataFrame, expected: Sequence[str], label: str) -> pl.DataFrame:
    _check_header(lines, expected, label)
    rest = lines.slice(1)
    if rest.is_empty():
        raise SourceError(f"The file {label} is empty but for its first line.", next_step="Fetch it again.")
    return rest


def _encoding(archive: Archive, layout: Layout) -> Encoding:
    # Of the two releases with "::", ml-10m is UTF-8 and has tags.dat; ml-1m is Latin-1 and has none.
    return "latin-1" if layout is _DAT and "tags.dat" not in archive.names() else "utf-8"


def _instead(archive: Archive, found: list[str]) -> str:
    if archive.path.is_dir():
        tables = [name for name in found if name.endswith((".parquet", ".csv"))]
        for name in sorted(tables, key=lambda name: (not name.startswith("ratings"), name)):
            return f"To read {name} as a table of its own: --source file:{archive.path / name}"
    return "Name the folder or the zip of one release, as it was published."
