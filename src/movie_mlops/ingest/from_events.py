"""From events into the lake."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import polars as pl

from movie_mlops.core import clock
from movie_mlops.core import columns as c
from movie_mlops.core.nouns import Interaction
from movie_mlops.ingest.commits import ATTEMPTS, again
from movie_mlops.lake import INTERACTIONS, SCHEMAS, Lake
from movie_mlops.security.people import People, Purpose


def load_events(
    interactions: Sequence[Interaction],
    lake: Lake,
    *,
    cursors: Mapping[str, int] | None = None,
    attempts: int = ATTEMPTS,
    people: People | None = None,
) -> int:
    """Append the interactions that the lake does not have yet (by ``event_id``) in one commit; return how many.

    Args:
        interactions: What happened.
        lake: The lake.
        cursors: Names and numbers that the lake gives from this commit on; where they move, there is a commit also for
            no new row.
        attempts: How often to try when other writers are faster.
        people: Whose events stay out.

    Raises:
        ConflictError: Other writers were faster every time.
        LakeError: The lake cannot be written.
    """
    now = clock.now()
    frame = _frame(interactions, now).unique(c.EVENT_ID, keep="first", maintain_order=True)

    def work() -> int:
        version, new = lake.version(INTERACTIONS), frame
        if people is not None and (gone := people.left_out(frame[c.USER_ID].unique(), Purpose.HISTORY).all):
            new = frame.filter(~pl.col(c.USER_ID).is_in(list(gone)))
        if version is not None:
            new = (
                new.lazy()
                .join(_known(lake, version, frame), on=c.EVENT_ID, how="anti", maintain_order="left")
                .collect()
            )
        moved = any(lake.cursor(INTERACTIONS, name) != number for name, number in (cursors or {}).items())
        if moved or not new.is_empty():
            lake.append(INTERACTIONS, new, note={"source": "events"}, after=version, cursors=cursors)
        return new.height

    return again(work, attempts=attempts)


def _frame(interactions: Sequence[Interaction], now: datetime) -> pl.DataFrame:
    """Return interactions as rows of the lake; column by column, in a part of the time that rows take."""
    columns = list(zip(*interactions, strict=True)) or [()] * len(Interaction._fields)
    event_ids, user_ids, movie_ids, kinds, values, moments, sources = columns
    told = {
        c.EVENT_ID: event_ids,
        c.USER_ID: user_ids,
        c.MOVIE_ID: movie_ids,
        c.KIND: list(map(str, kinds)),
        c.VALUE: values,
        # Polars takes ten times as long to read a time as a number.
        c.EVENT_TIME: [None if moment is None else clock.microseconds(moment) for moment in moments],
        c.SOURCE: sources,
    }
    schema = SCHEMAS[INTERACTIONS]
    frame = pl.DataFrame(told, schema_overrides={**{name: schema[name] for name in told}, c.EVENT_TIME: pl.Int64})
    return frame.select(pl.lit(now).alias(name) if name == c.INGESTED_AT else name for name in schema).cast(schema)


def _known(lake: Lake, version: int, events: pl.DataFrame) -> pl.LazyFrame:
    """Return the ids of the rows that may be these events.

    The same event has the same time, so that of a large lake only the files are read that have times such as theirs.
    """
    known, times = lake.scan(INTERACTIONS, version=version), events[c.EVENT_TIME]
    if not times.null_count():
        known = known.filter(pl.col(c.EVENT_TIME).is_between(times.min(), times.max()))
    return known.select(c.EVENT_ID)
