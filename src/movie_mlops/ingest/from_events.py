"""From events into the lake."""

from collections.abc import Mapping, Sequence

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
    rows = [
        (i.event_id, i.user_id, i.movie_id, str(i.kind), i.value, i.event_time, now, i.source) for i in interactions
    ]
    frame = pl.DataFrame(rows, schema=SCHEMAS[INTERACTIONS], orient="row")
    frame = frame.unique(c.EVENT_ID, keep="first", maintain_order=True)

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


def _known(lake: Lake, version: int, events: pl.DataFrame) -> pl.LazyFrame:
    """Return the ids of the rows that may be these events.

    The same event has the same time, so that of a large lake only the files are read that have times such as theirs.
    """
    known, times = lake.scan(INTERACTIONS, version=version), events[c.EVENT_TIME]
    if not times.null_count():
        known = known.filter(pl.col(c.EVENT_TIME).is_between(times.min(), times.max()))
    return known.select(c.EVENT_ID)
