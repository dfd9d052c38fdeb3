"""Lines of text to columns of text: fast, and no line is lost or shifted."""

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal

import polars as pl

from movie_mlops.core import columns as c
from movie_mlops.core.packed import HEAD_BYTES, is_packed
from movie_mlops.ingest.errors import SourceError

Encoding = Literal["utf-8", "latin-1"]

BROKEN_ROW: Final = "broken-row"
BAD_ENCODING: Final = "bad-encoding"
_REPLACED: Final = "\ufffd"
_FIELDS: Final = "fields"


def read_lines(content: Path | bytes, *, file: str, encoding: Encoding = "utf-8", first: int = 1) -> pl.DataFrame:
    """Return one row per line that is not blank: ``line`` (from 1), ``raw``, ``reason``, ``detail``.

    A line that is not valid in ``encoding`` has its bad bytes written in hexadecimal and the reason ``bad-encoding``.

    Args:
        content: The file, or whole lines of it.
        file: Its name, for messages.
        encoding: How it is written.
        first: Which line of the file ``content`` begins with: a mark of byte order can only be in its first.

    Raises:
        SourceError: There is no line at all, or the file is packed.
    """
    if is_packed(_head(content)):
        raise SourceError(f"The file {file} is packed.", next_step="Unpack it, and name what was in it.")
    if encoding == "latin-1":
        data = content.read_bytes() if isinstance(content, Path) else content
        lines = _split_lines(data.decode("latin-1").encode())
    else:
        try:
            lines = _split_lines(content)
        except pl.exceptions.ComputeError:  # polars' word for "not UTF-8"
            data = content.read_bytes() if isinstance(content, Path) else content
            return _clean(_mark_undecodable(data), file, first)
    return _clean(lines.with_columns(_null(c.REASON), _null(c.DETAIL)), file, first)


def split(
    lines: pl.DataFrame, names: Sequence[str], separator: str, *, quoted: bool, keep: Sequence[str] | None = None
) -> pl.DataFrame:
    """Split ``raw`` into text columns.

    Args:
        lines: What :func:`read_lines` returned.
        names: The fields of a line, in order. A line with more or fewer gets the reason ``broken-row`` and null fields.
        separator: What stands between two fields.
        quoted: Whether a field may stand in double quotes, as in CSV. A quoted field cannot span lines.
        keep: The fields to return, all when ``None``.

    Returns:
        ``lines`` with a text column for each field of ``keep`` before it.
    """
    has_quote = pl.col(c.RAW).str.contains('"', literal=True)
    wanted = list(names if keep is None else keep)
    if not quoted or not lines.select(has_quote.any()).item():
        return _split_plain(lines, names, separator, wanted)
    plain = _split_plain(lines.filter(~has_quote), names, separator, wanted)
    return pl.concat([plain, _split_quoted(lines.filter(has_quote), names, separator, wanted)]).sort(c.LINE)


def header_of(lines: pl.DataFrame, separator: str) -> list[str]:
    """Return the fields of the first line, without spaces around them."""
    return [name.strip() for name in next(csv.reader([lines[c.RAW][0]], delimiter=separator))]


def sniff_separator(lines: pl.DataFrame) -> str:
    """Return the one of comma, semicolon, tab and bar that the first line has most of (comma when it has none)."""
    return max(",;\t|", key=lines[c.RAW][0].count)


def _head(content: Path | bytes) -> bytes:
    if isinstance(content, bytes):
        return content[:HEAD_BYTES]
    with content.open("rb") as file:
        return file.read(HEAD_BYTES)


def _split_lines(content: Path | bytes) -> pl.DataFrame:
    if not (content.stat().st_size if isinstance(content, Path) else content):
        return pl.DataFrame(schema={c.LINE: pl.Int64, c.RAW: pl.String})
    source = content if isinstance(content, Path) else io.BytesIO(content)
    lines = pl.read_lines(source, name=c.RAW, row_index_name=c.LINE, row_index_offset=1, glob=False)
    return lines.with_columns(pl.col(c.LINE).cast(pl.Int64), pl.col(c.RAW).str.strip_suffix("\r"))


def _mark_undecodable(data: bytes) -> pl.DataFrame:
    # Decoded twice, line for line the same: once to find the bad lines, once to keep their bytes readable.
    found = _split_lines(data.decode("utf-8", "replace").encode())[c.RAW].str.contains(_REPLACED, literal=True)
    lines = _split_lines(data.decode("utf-8", "backslashreplace").encode())
    return lines.with_columns(
        pl.when(found).then(pl.lit(BAD_ENCODING)).alias(c.REASON),
        pl.when(found).then(pl.lit("the line is not valid UTF-8")).alias(c.DETAIL),
    )


def _clean(lines: pl.DataFrame, file: str, first: int) -> pl.DataFrame:
    lines = lines.with_columns(
        pl.when((pl.col(c.LINE) == 1) & (first == 1))
        .then(pl.col(c.RAW).str.strip_prefix("\ufeff"))
        .otherwise(c.RAW)
        .alias(c.RAW),
    ).filter(pl.col(c.RAW).str.strip_chars() != "")
    if lines.is_empty():
        raise SourceError(f"The file {file} is empty.", next_step="Check the file, or fetch it again.")
    return lines


def _split_plain(lines: pl.DataFrame, names: Sequence[str], separator: str, keep: Sequence[str]) -> pl.DataFrame:
    count = pl.col(c.RAW).str.count_matches(separator, literal=True).cast(pl.Int64) + 1
    parts = pl.col(c.RAW).str.split_exact(separator, len(names) - 1).struct
    fields = [
        pl.when(pl.col(_FIELDS) == len(names)).then(parts.field(f"field_{names.index(name)}")).alias(name)
        for name in keep
    ]
    return _with_fields(lines.with_columns(count.alias(_FIELDS)), fields, len(names))


def _split_quoted(lines: pl.DataFrame, names: Sequence[str], separator: str, keep: Sequence[str]) -> pl.DataFrame:
    mark = re.escape(separator)
    line = pl.concat_str(pl.lit(separator), c.RAW)
    parts = line.str.extract_all(f'{mark}(?:"(?:[^"]|"")*"|[^{mark}"]*)')
    whole = parts.list.join("") == line
    count = pl.when(whole).then(parts.list.len().cast(pl.Int64)).otherwise(-1)
    lines = lines.with_columns(count.alias(_FIELDS), parts.alias("parts"))
    fields = []
    for name in keep:
        part = pl.col("parts").list.get(names.index(name), null_on_oob=True).str.strip_prefix(separator)
        inner = part.str.strip_prefix('"').str.strip_suffix('"').str.replace_all('""', '"', literal=True)
        fields.append(pl.when(pl.col(_FIELDS) == len(names)).then(inner).alias(name))
    return _with_fields(lines, fields, len(names)).drop("parts")


def _with_fields(lines: pl.DataFrame, fields: Sequence[pl.Expr], expected: int) -> pl.DataFrame:
    broken = pl.col(_FIELDS) != expected
    detail = (
        pl.when(pl.col(_FIELDS) < 0)
        .then(pl.lit("the quotes do not pair up"))
        .otherwise(pl.format("{} fields instead of {}", _FIELDS, pl.lit(expected)))
    )
    lines = lines.with_columns(
        *fields,
        pl.coalesce(c.REASON, pl.when(broken).then(pl.lit(BROKEN_ROW))).alias(c.REASON),
    )
    unexplained = pl.col(c.REASON).is_not_null() & pl.col(c.DETAIL).is_null()
    if lines.select(unexplained.any()).item():
        lines = lines.with_columns(pl.coalesce(c.DETAIL, pl.when(unexplained).then(detail)).alias(c.DETAIL))
    return lines.drop(_FIELDS)


def _null(name: str) -> pl.Expr:
    return pl.lit(None, pl.String).alias(name)
