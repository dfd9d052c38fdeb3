"""Step 1: rows of the source and of the event log into the lake."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import islice

import polars as pl
from pydantic import TypeAdapter

from movie_mlops.core.digests import Plain
from movie_mlops.core.progress import Progress
from movie_mlops.core.tracing import TraceParent, Tracer, traced
from movie_mlops.events import StoredEvent
from movie_mlops.flows.platform import Platform
from movie_mlops.flows.steps import Result
from movie_mlops.ingest import IngestConfig, Severity, Source, load, load_events
from movie_mlops.lake import INTERACTIONS, MOVIES, QUARANTINE, USERS

_EVENTS_AT_ONCE = 10_000
_MOST_LINKS = 128
"""So many requests are named by the span of what they wrote; OpenTelemetry drops further ones."""


def ingest_inputs(platform: Platform, source: Source | None) -> Plain:
    """Return what the step depends on; the source, where there is one, is prepared."""
    if source is None:
        return {
            "source": None,
            "events": platform.events.last_offset(),
            "consents": platform.consents.fingerprint(),
        }
    contracts = TypeAdapter(IngestConfig).dump_python(platform.config.ingest, mode="json")
    for table in (contracts["interactions"], contracts["movies"]):
        # An error is what every check is unless a project says otherwise: to write it down changes nothing.
        table["severities"] = {reason: said for reason, said in table["severities"].items() if said != Severity.ERROR}
    return {
        "source": source.fingerprint(),
        "events": platform.events.last_offset(),
        "contracts": contracts,
        # Whoever permits something now has rows to come.
        "consents": platform.consents.fingerprint(),
    }


def ingest(platform: Platform, source: Source | None, *, progress: Progress) -> Result:
    """Load the source and the events that the lake does not have yet.

    Args:
        platform: The stores.
        source: Prepared or not; ``None`` where there are only the events.
        progress: Who listens.
    """
    if source is None:
        return _events_alone(platform)
    report = asdict(
        load(source, platform.lake, config=platform.config.ingest, people=platform.people, progress=progress)
    )
    drained = drain(platform)
    names = platform.lake.names()
    return {
        **report,
        "events_new": drained.new,
        "events_offset": drained.offset,
        "versions": {name: platform.lake.version(name) for name in report["versions"] if name in names},
    }


def _events_alone(platform: Platform) -> Result:
    """Bring in the events that the lake does not have yet; they were held against the contract when they came."""
    drained, lake = drain(platform), platform.lake
    films: int = lake.scan(MOVIES).select(pl.len()).collect().item() if lake.has_rows(MOVIES) else 0
    return {
        "rows_read": drained.new,
        "rows_good": drained.new,
        "rows_new": drained.new,
        "rows_quarantined": 0,
        "reasons": {},
        "rows_in_lake": lake.scan(INTERACTIONS).select(pl.len()).collect().item(),
        "movies": films,
        "events_new": drained.new,
        "events_offset": drained.offset,
        "versions": {
            name: version
            for name in (MOVIES, USERS, INTERACTIONS, QUARANTINE)
            if (version := lake.version(name)) is not None
        },
    }


@dataclass(frozen=True)
class Drained:
    """What was brought from the event log into the lake.

    Attributes:
        new: How many events the lake did not have.
        offset: The lake has every event up to this one.
    """

    new: int
    offset: int


def drain(platform: Platform, tracer: Tracer | None = None) -> Drained:
    """Bring the events that came since the last time into the lake.

    How far the lake has the log stands in the commit that brought it so far: a kill at any moment leaves both or
    neither, several may drain at once, and after a restoration of the table what went with it comes again.

    Args:
        platform: The stores.
        tracer: Where that is traced; each span names the requests that its events were recorded under.
    """
    lake, cursor, people = platform.lake, _cursor(platform), platform.people
    new, offset, last = 0, lake.cursor(INTERACTIONS, cursor) or 0, platform.events.last_offset()
    while page := platform.events.read(offset, _EVENTS_AT_ONCE):
        offset = page[-1].offset
        with traced(tracer, "events into the lake", kind="consumer", links=_requests(page)) as bringing:
            brought = load_events([event.interaction for event in page], lake, cursors={cursor: offset}, people=people)
            if bringing is not None:
                bringing.tell({"movie_mlops.events": len(page), "movie_mlops.new": brought})
        new += brought
    if offset < last and lake.version(INTERACTIONS) is not None:
        # The newest events were erased: there is nothing to bring, and nothing waits.
        load_events([], lake, cursors={cursor: last})
        offset = last
    return Drained(new, offset)


def _requests(page: Sequence[StoredEvent]) -> list[TraceParent]:
    """Return where events were recorded, as far as that was written down."""
    places = dict.fromkeys(event.traceparent for event in page if event.traceparent is not None)
    return list(islice((place for place in places if place.sampled), _MOST_LINKS))


def pending(platform: Platform) -> bool:
    """Return whether the event log has events that the lake may not have."""
    return platform.events.last_offset() > in_lake(platform)


def in_lake(platform: Platform) -> int:
    """Return up to which offset the lake has the event log."""
    return platform.lake.cursor(INTERACTIONS, _cursor(platform)) or 0


def _cursor(platform: Platform) -> str:
    return f"events:{platform.events.name}"
