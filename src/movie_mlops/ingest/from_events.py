"""From events into the lake."""

from collections.abc import Sequence

import polars as pl

from movie_mlops.core import clock
from movie_mlops.core import columns as c
from movie_mlops.core.nouns import Interaction
from movie_mlops.ingest.commits import ATTEMPTS, again
from movie_mlops.lake import INTERACTIONS, SCHEMAS, Lake


def load_events(interactions: Sequence[Interaction], lake: Lake, *, attempts: int = ATTEMPTS) -> int:
    """Append the interactions that the lake does not have yet (by ``event_id``) in one commit; return how many.

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
        if version is not None:
            known = lake.scan(INTERACTIONS, version=version).select(c.EVENT_ID)
            new = frame.lazy().join(known, on=c.EVENT_ID, how="anti", maintain_order="left").collect()
        if not new.is_empty():
            lake.append(INTERACTIONS, new, note={"source": "events"}, after=version)
        return new.height

    return again(work, attempts=attempts)
