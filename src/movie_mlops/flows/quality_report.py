"""What surrounds online quality in the report of a week: freshness, drift, releases, incidents."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from movie_mlops.core import clock
from movie_mlops.flows.glances import waiting_events
from movie_mlops.flows.journal import flow_runs
from movie_mlops.flows.platform import Platform
from movie_mlops.flows.shelf import trouble
from movie_mlops.lake import INTERACTIONS
from movie_mlops.monitoring import newest_readings
from movie_mlops.monitoring.quality.report import Surroundings
from movie_mlops.release import Action
from movie_mlops.release.rollout import Rollouts, Step

_DRIFT: Final = "movie_mlops_drift_"
_FAILED: Final = "failed"


def surroundings(platform: Platform, since: datetime, *, command: str) -> Surroundings:
    """Return what happened since a time.

    Args:
        platform: The stores.
        since: From when on.
        command: The command line that asks.

    Raises:
        StateError: The database refuses.
        LakeError: The lake cannot be read.
    """
    history = platform.ledger.history()
    return Surroundings(
        dataset=platform.workspace.dataset,
        command=command,
        freshness=_freshness(platform),
        drift=_drift(platform),
        releases=[
            f"{clock.to_iso(each.at)[:10]}: release {each.release_id}, {each.action.value} of {each.bundle_id} by "
            f"{each.approved_by}: {each.reason}"
            for each in history
            if each.at >= since
        ],
        incidents=_incidents(platform, since),
    )


def _freshness(platform: Platform) -> Mapping[str, str]:
    tables = {table.name: table for table in platform.lake.tables()}
    champion = platform.ledger.champion()
    found = {
        "interactions came into the lake": clock.ago(tables[INTERACTIONS].modified) if INTERACTIONS in tables else "-",
        "events that the lake has not got": f"{waiting_events(platform):,}",
        "what serves was released": "-" if champion is None else clock.ago(champion.at),
    }
    runs = (run for run in flow_runs(platform.database) if not run.outcome.startswith(_FAILED))
    made = next((run for run in runs if "materialise" in run.flow or run.flow == "run features"), None)
    found["the online store was brought up to the lake"] = "-" if made is None else clock.ago(made.started_at)
    return found


def _drift(platform: Platform) -> Mapping[str, str]:
    found = {}
    for reading in newest_readings(platform.database):
        if reading.name.startswith(_DRIFT):
            labels = ", ".join(reading.labels.values())
            name = reading.name.removeprefix(_DRIFT) + (f" ({labels})" if labels else "")
            found[name] = f"{reading.value:g}, {clock.ago(reading.at)}"
    return found


def _incidents(platform: Platform, since: datetime) -> list[str]:
    told = [
        (each.at, f"Rolled back to {each.bundle_id}: {each.reason}")
        for each in platform.ledger.history()
        if each.at >= since and each.action is Action.ROLLBACK
    ]
    told += [
        (move.at, f"The roll-out {move.name} went back: {move.reason}")
        for move in Rollouts(platform.database).moves()
        if move.at >= since and move.action is Step.ROLLBACK
    ]
    told += [
        (run.started_at, f"'{run.flow}' {run.outcome}")
        for run in flow_runs(platform.database)
        if run.started_at >= since and run.outcome.startswith(_FAILED)
    ]
    champion = platform.ledger.champion()
    if champion is not None and (why := trouble(platform.workspace.models / champion.bundle_id, platform.keys.trust)):
        told.append((clock.now(), f"The bundle that serves would be refused: {why}"))
    return [f"{clock.to_iso(at)[:16]}: {sentence.rstrip('.')}." for at, sentence in sorted(told)]
