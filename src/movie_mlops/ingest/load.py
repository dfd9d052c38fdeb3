"""From a source, or from events, into the lake."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from movie_mlops.core import clock
from movie_mlops.core import columns as c
from movie_mlops.core.nouns import Interaction
from movie_mlops.core.progress import SILENT, Progress
from movie_mlops.ingest.config import IngestConfig
from movie_mlops.ingest.contract import Checked, check_interactions, check_movies
from movie_mlops.ingest.films import merge_films
from movie_mlops.ingest.sources import Source
from movie_mlops.lake import INTERACTIONS, MOVIES, QUARANTINE, SCHEMAS, Lake


@dataclass(frozen=True)
class IngestReport:
    """What became of the rows of a source. The first five count interactions.

    Attributes:
        rows_read: Rows of the file, blank lines aside; the good ones and the quarantined ones together.
        rows_good: Rows that keep the contract, whether the lake had them already or not.
        rows_new: Good rows that the lake did not have.
        rows_quarantined: Rows that break the contract.
        reasons: Why, and how many times each.
        movies: Films that keep the contract.
        movies_read: Rows of the file of films.
        movies_new: Films that the lake did not have, or had differently.
        movies_quarantined: Films that break the contract.
        movie_reasons: Why, and how many times each.
        versions: The version of each table after the load.
    """

    rows_read: int
    rows_good: int
    rows_new: int
    rows_quarantined: int
    reasons: dict[str, int]
    movies: int
    movies_read: int
    movies_new: int
    movies_quarantined: int
    movie_reasons: dict[str, int]
    versions: dict[str, int]

    @property
    def rows_known(self) -> int:
        """Good rows that the lake had already."""
        return self.rows_good - self.rows_new


def load(
    source: Source, lake: Lake, *, config: IngestConfig | None = None, progress: Progress = SILENT
) -> IngestReport:
    """Hold a source's rows against the contract and write them: films, interactions, quarantine; one commit each.

    A table that gets nothing new gets no commit, so the same source twice changes nothing. Each commit stands by
    itself: after a crash between two of them, the same call writes the rest.

    Raises:
        SourceError: The data cannot be had.
        LakeError: The lake cannot be written.
    """
    config = config or IngestConfig()
    source.prepare(progress)
    now = clock.now()
    note = {"source": source.dataset, "fingerprint": source.fingerprint()}
    with progress.task(f"Ingesting {source.dataset}", 4, "steps") as advance:
        raw_films = source.movies()
        films = check_movies(raw_films, now=now)
        changed = merge_films(lake, films.good, placeholder=raw_films.placeholder, note=note)
        advance(1)
        rows = check_interactions(
            source.interactions(),
            dataset=source.dataset,
            films=lake.scan(MOVIES).select(c.MOVIE_ID).collect()[c.MOVIE_ID],
            known=_known(lake, source.dataset),
            config=config,
            now=now,
        )
        advance(1)
        _append(lake, INTERACTIONS, rows.good, {c.INGESTED_AT: now}, note)
        advance(1)
        _quarantine(lake, pl.concat([films.bad, rows.bad]), source.dataset, now, note)
        advance(1)
    return _report(films, changed, rows, lake)


def load_events(interactions: Sequence[Interaction], lake: Lake) -> int:
    """Append the interactions that the lake does not have yet (by ``event_id``) in one commit; return how many.

    Raises:
        LakeError: The lake cannot be written.
    """
    now = clock.now()
    rows = [
        (i.event_id, i.user_id, i.movie_id, str(i.kind), i.value, i.event_time, now, i.source) for i in interactions
    ]
    frame = pl.DataFrame(rows, schema=SCHEMAS[INTERACTIONS], orient="row")
    frame = frame.unique(c.EVENT_ID, keep="first", maintain_order=True)
    if lake.version(INTERACTIONS) is not None:
        known = lake.scan(INTERACTIONS).select(c.EVENT_ID)
        frame = frame.lazy().join(known, on=c.EVENT_ID, how="anti", maintain_order="left").collect()
    if not frame.is_empty():
        lake.append(INTERACTIONS, frame, note={"source": "events"})
    return frame.height


def _known(lake: Lake, dataset: str) -> pl.DataFrame:
    """Return ``event_id`` and ``value`` of the rows that the lake has of this data set."""
    if lake.version(INTERACTIONS) is None:
        return pl.DataFrame(schema={c.EVENT_ID: pl.String, c.VALUE: pl.Float32})
    return lake.scan(INTERACTIONS).filter(pl.col(c.SOURCE) == dataset).select(c.EVENT_ID, c.VALUE).collect()


def _append(
    lake: Lake, table: str, rows: pl.DataFrame, constants: Mapping[str, str | datetime], note: Mapping[str, str]
) -> None:
    """Complete the rows and append them; none at all only make the table where it does not exist yet."""
    if rows.is_empty() and lake.version(table) is not None:
        return
    complete = rows.with_columns(pl.lit(value).alias(name) for name, value in constants.items())
    lake.append(table, complete.select(pl.col(name).cast(dtype) for name, dtype in SCHEMAS[table].items()), note=note)


def _quarantine(lake: Lake, bad: pl.DataFrame, dataset: str, now: datetime, note: Mapping[str, str]) -> None:
    """Append the refused rows that the quarantine does not hold yet."""
    if lake.version(QUARANTINE) is not None:
        place = [c.TABLE, c.FILE, c.LINE, c.REASON, c.RAW]
        held = lake.scan(QUARANTINE).filter(pl.col(c.SOURCE) == dataset).select(place).collect()
        bad = bad.join(held, on=place, how="anti", nulls_equal=True, maintain_order="left")
    _append(lake, QUARANTINE, bad, {c.SOURCE: dataset, c.INGESTED_AT: now}, note)


def _report(films: Checked, films_changed: int, rows: Checked, lake: Lake) -> IngestReport:
    versions = {table: lake.version(table) for table in (MOVIES, INTERACTIONS, QUARANTINE)}
    return IngestReport(
        rows_read=rows.read,
        rows_good=rows.good.height + rows.known,
        rows_new=rows.good.height,
        rows_quarantined=rows.bad.height,
        reasons=_count(rows.bad),
        movies=films.good.height,
        movies_read=films.read,
        movies_new=films_changed,
        movies_quarantined=films.bad.height,
        movie_reasons=_count(films.bad),
        versions={table: version for table, version in versions.items() if version is not None},
    )


def _count(bad: pl.DataFrame) -> dict[str, int]:
    return dict(bad[c.REASON].value_counts().sort(c.REASON).iter_rows())
