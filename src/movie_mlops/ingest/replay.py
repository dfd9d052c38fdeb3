"""The quarantine: what lies in it, and the way out of it.

A row never leaves the table ``quarantine``. When it has reached the lake after all, the table ``replays`` says so:
refused rows are the open ones and the replayed ones together, at any time.
"""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import polars as pl

from movie_mlops.core import clock
from movie_mlops.core import columns as c
from movie_mlops.core.digests import digest
from movie_mlops.core.nouns import Kind
from movie_mlops.ingest.checking import check, key_of
from movie_mlops.ingest.commits import QUARANTINE_PLACE, again, append_once, typed
from movie_mlops.ingest.config import IngestConfig
from movie_mlops.ingest.contract import Facts
from movie_mlops.ingest.contracts import CONTRACTS
from movie_mlops.ingest.errors import SourceError
from movie_mlops.ingest.known import Known
from movie_mlops.ingest.leaving_out import without_others
from movie_mlops.ingest.merging import merge
from movie_mlops.ingest.pseudonymous import disguised
from movie_mlops.ingest.raw import RawTable
from movie_mlops.ingest.refusals import SCALE
from movie_mlops.lake import INTERACTIONS, MOVIES, QUARANTINE, REPLAYS, USERS, Lake, seal_plain
from movie_mlops.security.people import People

REPLAYED: Final = "replayed"
"""Under which name a row of the quarantine says whether it has reached the lake since."""
_ID_LENGTH: Final = 16
_SHOWN: Final = (c.QUARANTINE_ID, c.TABLE, c.SOURCE, c.FILE, c.LINE, c.REASON, c.DETAIL)


@dataclass(frozen=True)
class ReplayReport:
    """What became of rows that were tried again.

    Attributes:
        tried: How many open rows were tried.
        replayed: Those that keep the contract now, and are in the lake.
        new: Those of them that the lake did not have.
        refused: Those that do not, by reason; they stay open.
        open: How many rows are open after it.
    """

    tried: int
    replayed: int
    new: int
    refused: dict[str, int]
    open: int


def with_ids(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows of the quarantine with a short id each: a digest of where they stand and what they say."""
    places = rows.select(QUARANTINE_PLACE).iter_rows()
    ids = [digest(list(place))[:_ID_LENGTH] for place in places]
    return rows.with_columns(pl.Series(c.QUARANTINE_ID, ids, pl.String))


def open_rows(
    lake: Lake,
    *,
    source: str | None = None,
    table: str | None = None,
    file: str | None = None,
    reason: str | None = None,
    replayed: bool = False,
) -> pl.DataFrame:
    """Return the refused rows that have not been replayed, with their ids, in order of file and line.

    Args:
        lake: The lake.
        source: Only of this data set.
        table: Only of this table.
        file: Only of this file.
        reason: Only those that were refused for this.
        replayed: Also those that have been replayed.
    """
    if lake.version(QUARANTINE) is None:
        return with_ids(typed(pl.DataFrame(), QUARANTINE).clear())
    wanted = {c.SOURCE: source, c.TABLE: table, c.FILE: file, c.REASON: reason}
    rows = lake.scan(QUARANTINE)
    for name, value in wanted.items():
        rows = rows if value is None else rows.filter(pl.col(name) == value)
    found = with_ids(rows.sort(c.FILE, c.LINE).collect())
    if replayed or lake.version(REPLAYS) is None:
        return found
    done = lake.scan(REPLAYS).select(c.QUARANTINE_ID).collect()
    return found.join(done, on=c.QUARANTINE_ID, how="anti", maintain_order="left")


def with_outcome(lake: Lake) -> pl.LazyFrame:
    """Return the quarantine with a column ``replayed``: whether the row has reached the lake since."""
    if lake.version(QUARANTINE) is None:
        return typed(pl.DataFrame(), QUARANTINE).clear().lazy().with_columns(pl.lit(value=False).alias(REPLAYED))
    rows = lake.scan(QUARANTINE)
    if lake.version(REPLAYS) is None:
        return rows.with_columns(pl.lit(value=False).alias(REPLAYED))
    done = lake.scan(REPLAYS).select(c.SOURCE, c.TABLE, c.QUARANTINE_ID).collect()
    # Ids are made one by one: only where one of them can have been replayed.
    places = rows.join(done.lazy(), on=[c.SOURCE, c.TABLE], how="semi").select(QUARANTINE_PLACE).unique().collect()
    places = with_ids(places).join(done, on=[c.SOURCE, c.QUARANTINE_ID], how="semi")
    marked = places.select(*QUARANTINE_PLACE, pl.lit(value=True).alias(REPLAYED)).lazy()
    found = rows.join(marked, on=QUARANTINE_PLACE, how="left", nulls_equal=True)
    return found.with_columns(pl.col(REPLAYED).fill_null(value=False))


def mark_as_good(lake: Lake, rows: pl.DataFrame, now: datetime, config: IngestConfig) -> int:
    """Write down that refused rows (``quarantine_id``, ``table``, ``source`` and the key) are in the lake now."""
    if rows.is_empty():
        return 0
    key = pl.col(c.EVENT_ID) if c.EVENT_ID in rows.columns else pl.col(c.KEY)
    told = rows.with_columns(key.alias(c.KEY), pl.lit(now).alias(c.REPLAYED_AT))
    on = (c.SOURCE, c.QUARANTINE_ID)
    return append_once(lake, REPLAYS, told, on=on, note={"why": "replay"}, attempts=config.attempts)


def export(rows: pl.DataFrame, path: Path) -> None:
    """Write open rows to a CSV file that a person can correct: what was refused, and each of the table's columns.

    Raises:
        SourceError: There is nothing to write, or rows of two tables.
    """
    tables = rows[c.TABLE].unique().to_list()
    if len(tables) != 1:
        told = "nothing is open" if not tables else f"there are rows of {' and '.join(sorted(tables))}"
        raise SourceError(
            f"One table at a time can be corrected; {told}.",
            next_step="Choose with --table, for example: --table movies",
        )
    names = [column.name for column in CONTRACTS[tables[0]].columns]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*_SHOWN, c.RAW, *names])
        for row in rows.iter_rows(named=True):
            fields = _fields(row)
            writer.writerow([*(row[name] for name in _SHOWN), row[c.RAW], *(_text(fields.get(name)) for name in names)])


def read_corrected(path: Path) -> dict[str, dict[str, str | None]]:
    """Return what a corrected CSV file says, by id.

    Raises:
        SourceError: It cannot be read, or lacks the column of ids.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SourceError(f"{path} cannot be read ({error}).", next_step="Export the rows again.") from error
    if rows and c.QUARANTINE_ID not in rows[0]:
        raise SourceError(
            f"{path} has no column {c.QUARANTINE_ID}.",
            next_step="Export with: movie-mlops ingest quarantine fix --export FILE",
        )
    about = {*_SHOWN, c.RAW}
    return {
        row[c.QUARANTINE_ID]: {name: value or None for name, value in row.items() if name and name not in about}
        for row in rows
    }


def replay(
    lake: Lake,
    *,
    config: IngestConfig,
    rows: pl.DataFrame | None = None,
    corrected: Mapping[str, Mapping[str, str | None]] | None = None,
    columns: Mapping[str, str] | None = None,
    people: People | None = None,
) -> ReplayReport:
    """Hold open rows against the contracts once more, and bring those that keep them now into the lake.

    Each row reaches the lake once, however often and by however many it is replayed: its key decides. It is marked
    after it is in, so a crash between the two is made good by the next replay.

    Args:
        lake: The lake.
        config: What the contracts accept now.
        rows: Which open rows; all of them when ``None``.
        corrected: Id to what the columns hold now; rows without an entry are tried as they are.
        columns: Our column to the one, by our name, whose values it takes: where columns were mapped wrongly.
        people: By which names users are known, and whose rows do not come in, however they were corrected.

    Raises:
        SourceError: A corrected row is not open.
        LakeError: The lake cannot be written.
    """
    seal_plain(lake)
    opened = open_rows(lake) if rows is None else rows
    if corrected is not None:
        unknown = sorted(set(corrected) - set(opened[c.QUARANTINE_ID]))
        if unknown:
            raise SourceError(
                f"{len(unknown)} corrected rows are not open ({unknown[0]} …): they were replayed, or never refused.",
                next_step="List what is open with: movie-mlops ingest quarantine list",
            )
        opened = opened.filter(pl.col(c.QUARANTINE_ID).is_in(list(corrected)))
    tried = replayed = new = 0
    refused: dict[str, int] = {}
    for part in _alike(opened):
        contract = CONTRACTS[part[c.TABLE][0]]
        names = [column.name for column in contract.columns]
        moved = columns if columns and {*columns, *columns.values()} <= set(names) else {}
        told = _told(part, names, corrected or {}, moved)
        one = _replay_part(
            lake, part, RawTable(told, "quarantine", value_scale=_scale(part.row(0, named=True))), config, people
        )
        tried, replayed, new = tried + part.height, replayed + one.replayed, new + one.new
        refused = {reason: refused.get(reason, 0) + one.refused.get(reason, 0) for reason in {**refused, **one.refused}}
    return ReplayReport(tried, replayed, new, dict(sorted(refused.items())), open_rows(lake).height)


def _alike(rows: pl.DataFrame) -> list[pl.DataFrame]:
    """Return the rows in parts of one table, one source and one scale of ratings each."""
    scales = [str(_scale(row)) for row in rows.iter_rows(named=True)]
    marked = rows.with_columns(pl.Series("scale", scales, pl.String))
    # Films first: ratings may have been refused because theirs was.
    films_first = marked.sort(pl.col(c.TABLE) != MOVIES, maintain_order=True)
    return [part.drop("scale") for part in films_first.partition_by(c.TABLE, c.SOURCE, "scale", maintain_order=True)]


def _replay_part(
    lake: Lake, part: pl.DataFrame, raw: RawTable, config: IngestConfig, people: People | None
) -> ReplayReport:
    """Replay rows of one table, source and scale; ``raw`` has them with a running number for the line."""
    table, source, now = part[c.TABLE][0], part[c.SOURCE][0], clock.now()
    films = lake.scan(MOVIES).select(c.MOVIE_ID).collect()[c.MOVIE_ID]
    if people is not None and people.pseudonyms is not None:
        raw = disguised(raw, people.pseudonyms)
    checked = check(raw, CONTRACTS[table], Facts(config, now, films, raw.value_scale), dataset=source)
    if people is not None and table != MOVIES:
        checked = without_others(checked, table, people=people)
    reasons = dict(checked.bad[c.REASON].value_counts().iter_rows())
    note = {"source": source, "why": "replay"}
    if table in {MOVIES, USERS}:
        new = merge(lake, table, typed(checked.good, table), note=note)
        good = checked.good.select(c.LINE, pl.col(key_of(CONTRACTS[table])).cast(pl.String).alias(c.KEY))
    else:
        new, good = again(lambda: _append_new(lake, checked.good, source, now, note), attempts=config.attempts)
        differing = checked.good.height - good.height
        reasons |= {"duplicate": reasons.get("duplicate", 0) + differing} if differing else {}
    numbered = part.with_columns(pl.int_range(1, part.height + 1, dtype=pl.Int64).alias(c.LINE))
    mark_as_good(lake, numbered.join(good, on=c.LINE), now, config)
    return ReplayReport(part.height, good.height, new, reasons, 0)


def _append_new(
    lake: Lake, good: pl.DataFrame, source: str, now: datetime, note: Mapping[str, str]
) -> tuple[int, pl.DataFrame]:
    """Append what the lake does not have; return how many rows that is, and line and key of all that it has now."""
    version = lake.version(INTERACTIONS)
    known = Known(lake, source, repeated=CONTRACTS[INTERACTIONS].repeated)
    known.at(version)
    found = known.sort(good)
    if not found.new.is_empty():
        rows = found.new.with_columns(pl.lit(source).alias(c.SOURCE), pl.lit(now).alias(c.INGESTED_AT))
        lake.append(INTERACTIONS, typed(rows, INTERACTIONS), note=note, after=version)
    held = good.join(found.repeated, on=c.LINE, how="anti")
    return found.new.height, held.select(c.LINE, pl.col(c.EVENT_ID).alias(c.KEY))


def _told(
    rows: pl.DataFrame,
    names: Sequence[str],
    corrected: Mapping[str, Mapping[str, str | None]],
    columns: Mapping[str, str],
) -> pl.DataFrame:
    """Return the rows as a source would give them, all as text, numbered from 1."""

    def told() -> Iterator[list[str | None]]:
        for row in rows.iter_rows(named=True):
            fields = _fields(row)
            now = corrected.get(row[c.QUARANTINE_ID]) or fields
            moved: dict[str, Any] = {**now, **{ours: now.get(theirs) for ours, theirs in columns.items()}}
            if c.KIND in names and not moved.get(c.KIND) and c.KIND not in fields:
                # A file without kinds is one of ratings where it has a column for them: also where this row has none.
                rated = c.VALUE in fields or moved.get(c.VALUE) is not None
                moved[c.KIND] = str(Kind.RATING if rated else Kind.LIKE)
            yield [_text(moved.get(name)) for name in names]

    frame = pl.DataFrame(list(told()), schema=dict.fromkeys(names, pl.String), orient="row")
    return frame.with_columns(pl.int_range(1, rows.height + 1, dtype=pl.Int64).alias(c.LINE), rows[c.RAW])


def _scale(row: Mapping[str, Any]) -> tuple[float, float] | None:
    """Return the scale of ratings of the file that a refused row stood in."""
    scale = _fields(row).get(SCALE)
    return None if scale is None else (float(scale[0]), float(scale[1]))


def _fields(row: Mapping[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(row[c.FIELDS]) if row[c.FIELDS] else {}
    return fields


def _text(value: Any) -> str | None:
    if isinstance(value, list):
        return "|".join(str(each) for each in value)
    return None if value is None else str(value)
