"""Step 1: rows of the source and of the event log into the lake."""

from dataclasses import asdict

from pydantic import TypeAdapter

from movie_mlops.core.digests import Plain
from movie_mlops.core.progress import Progress
from movie_mlops.flows.platform import Platform
from movie_mlops.flows.steps import Result
from movie_mlops.ingest import IngestConfig, Severity, Source, load, load_events
from movie_mlops.lake import INTERACTIONS, was_put_back

_EVENTS_AT_ONCE = 10_000


def ingest_inputs(platform: Platform, source: Source) -> Plain:
    """Return what the step depends on; the source is prepared."""
    contracts = TypeAdapter(IngestConfig).dump_python(platform.config.ingest, mode="json")
    for table in (contracts["interactions"], contracts["movies"]):
        # An error is what every check is unless a project says otherwise: to write it down changes nothing.
        table["severities"] = {reason: said for reason, said in table["severities"].items() if said != Severity.ERROR}
    return {"source": source.fingerprint(), "events": platform.events.last_offset(), "contracts": contracts}


def drained(platform: Platform, before: Result | None) -> int:
    """Return up to which offset the lake has every event.

    Args:
        platform: The stores.
        before: What the step made when it last ended. What was taken out of the lake since counts as not there.
    """
    lake = platform.lake
    if before is None or lake.version(INTERACTIONS) is None:
        return 0
    if was_put_back(lake, INTERACTIONS, since=before["versions"][INTERACTIONS]):
        return 0
    offset: int = before["events_offset"]
    return offset


def ingest(platform: Platform, source: Source, *, drained: int, progress: Progress) -> Result:
    """Load the source and the events that the lake does not have yet.

    Args:
        platform: The stores.
        source: Prepared or not.
        drained: The lake has every event up to this offset.
        progress: Who listens.
    """
    report = asdict(load(source, platform.lake, config=platform.config.ingest, progress=progress))
    new_events, offset = 0, drained
    while page := platform.events.read(offset, _EVENTS_AT_ONCE):
        new_events += load_events([event.interaction for event in page], platform.lake)
        offset = page[-1].offset
    names = platform.lake.names()
    return {
        **report,
        "events_new": new_events,
        "events_offset": offset,
        "versions": {name: platform.lake.version(name) for name in report["versions"] if name in names},
    }
