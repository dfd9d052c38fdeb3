"""Every stage but serving at a glance: is it fresh, is it healthy, what does it need of somebody?"""

import math
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from movie_mlops.core import clock
from movie_mlops.core.errors import MovieMlopsError
from movie_mlops.events.triggers import LoopRuns
from movie_mlops.events.triggers.runs import CAME_TO_NOTHING
from movie_mlops.features import VIEWS, last_parity
from movie_mlops.flows.catalogue import fresh
from movie_mlops.flows.ingest import in_lake
from movie_mlops.flows.journal import flow_runs
from movie_mlops.flows.platform import Platform
from movie_mlops.flows.shelf import trouble
from movie_mlops.flows.steps import previous
from movie_mlops.flows.verdicts import known_verdict
from movie_mlops.lake import INTERACTIONS
from movie_mlops.monitoring import FreshnessConfig, newest_readings
from movie_mlops.monitoring.declared import DRIFT_VERDICT, ONLINE_BELOW, ONLINE_GUARDRAIL
from movie_mlops.release import Verdict, list_bundles
from movie_mlops.serving.console import Glance, Need, state_of
from movie_mlops.serving.noted import noted

_MANY_WAITING: Final = 10_000
_MANY_FAILED: Final = 0.01
_SILENT: Final = timedelta(minutes=15)
"""Servers note how they do once a minute."""
_DRIFT: Final = "Features have drifted: movie-mlops monitor drift"
_QUALITY: Final = "The lists are worth less to users than was promised, or than before: movie-mlops monitor quality"
_GUARDRAILS: Final = "What must hold beside the quality of the lists does not: movie-mlops monitor quality"
_LOOKS: Final = (
    ("drift", DRIFT_VERDICT.name, Need(_DRIFT)),
    ("quality", ONLINE_BELOW.name, Need(_QUALITY, urgent=True)),
)
"""What is looked at now and then: its name, the reading that is 1 where it is amiss, and what that needs."""
_COUNT: Final = "SELECT count(*), max(recorded_at) FROM events WHERE recorded_at >= ?"


def glances(platform: Platform, *, since: datetime, freshness: FreshnessConfig) -> list[Glance]:
    """Return the stages in order; one that cannot be read says why.

    Args:
        platform: The stores.
        since: Since when somebody should have noted how the servers do.
        freshness: How old things may be.
    """
    stages: tuple[tuple[int, str, str, Callable[[Platform], Glance]], ...] = (
        (1, "Data", "data", _data),
        (2, "Features", "features", _features),
        (3, "Versions", "models", _versions),
        (4, "Gates", "gates", _gates),
        (6, "Monitoring", "monitoring", partial(_monitoring, since=since, freshness=freshness)),
        (9, "Events", "events", _events),
    )
    found = []
    for number, title, section, look in stages:
        try:
            found.append(look(platform))
        except MovieMlopsError as error:
            need = Need(str(error), urgent=True)
            found.append(Glance(number, title, section, "bad", "It cannot be read", needs=(need,)))
    return found


def waiting_events(platform: Platform) -> int:
    """Return how many events the lake has not got yet, at most: offsets may have gaps."""
    return max(0, platform.events.last_offset() - in_lake(platform))


def _data(platform: Platform) -> Glance:
    tables = {table.name: table for table in platform.lake.tables()}
    said = tables.get(INTERACTIONS)
    if said is None:
        need = Need("Bring data in: movie-mlops run", urgent=True)
        return Glance(1, "Data", "data", "empty", "No data yet", needs=(need,))
    ingested = previous(platform.database, "ingest") or {}
    read, good = ingested.get("rows_read", 0), ingested.get("rows_good", 0)
    refused = 1 - good / read if read else 0.0
    needs, allowed = [], platform.config.gate.data.max_refused
    if refused > allowed:
        needs.append(
            Need(f"{refused:.0%} of the last load was refused, more than {allowed:.0%}: movie-mlops ingest quarantine")
        )
    facts = {
        "rows": f"{said.rows:,}",
        "version": str(said.version),
        "written": clock.ago(said.modified),
        "refused": f"{refused:.1%} of the last load" if read else "-",
    }
    return Glance(1, "Data", "data", state_of(needs), f"{said.rows:,} interactions", facts, tuple(needs))


def _features(platform: Platform) -> Glance:
    served = [fresh(platform, view) for view in VIEWS if len(view.entity.keys) == 1]
    rows, stale = sum(one.rows for one in served), sum(one.stale for one in served)
    newest = max((one.newest for one in served if one.newest is not None), default=None)
    if not rows:
        need = Need("No feature is served: movie-mlops features materialise")
        return Glance(2, "Features", "features", "empty", "Nothing is served", needs=(need,))
    parity, needs = last_parity(platform.database), []
    if stale:
        needs.append(Need(f"{stale:,} of {rows:,} rows are too old to be served: movie-mlops features materialise"))
    if parity is not None and not parity.passed:
        needs.append(Need(parity.sentence, urgent=True))
    facts = {
        "served rows": f"{rows:,}",
        "too old": f"{stale:,}",
        "newest": clock.ago(newest) if newest else "-",
        "parity": "not looked at" if parity is None or not parity.compared else f"{1 - parity.rate:.3%}",
    }
    return Glance(
        2,
        "Features",
        "features",
        state_of(needs),
        f"{sum(len(view.features) for view in VIEWS)} features",
        facts,
        tuple(needs),
    )


def _versions(platform: Platform) -> Glance:
    bundles = list_bundles(platform.workspace.models)
    chain = platform.ledger.verify()
    needs = [] if chain.broken is None else [Need(chain.broken.sentence, urgent=True)]
    champion = platform.ledger.champion()
    if champion is not None and (why := trouble(platform.workspace.models / champion.bundle_id, platform.keys.trust)):
        needs.append(Need(f"The bundle that serves would be refused: {why}", urgent=True))
    facts = {
        "bundles": f"{len(bundles)}",
        "releases": f"{chain.releases}",
        "sealed": f"{chain.sealed} of {chain.releases}",
    }
    state = state_of(needs, "good" if bundles else "empty")
    return Glance(
        3,
        "Versions",
        "models",
        state,
        f"{len(bundles)} {'model' if len(bundles) == 1 else 'models'} kept",
        facts,
        tuple(needs),
    )


def _gates(platform: Platform) -> Glance:
    document, runs = known_verdict(platform, None), flow_runs(platform.database)
    facts = {"last run": f"{runs[0].flow}, {clock.ago(runs[0].started_at)}"} if runs else {}
    failing = next((run for run in runs[:1] if run.outcome.startswith("failed")), None)
    needs = [Need(f"'{failing.flow}' {failing.outcome}.")] if failing else []
    if document is None:
        return Glance(4, "Gates", "gates", state_of(needs, "empty"), "Nothing was judged yet", facts, tuple(needs))
    verdict = Verdict.from_json(document)
    facts = {
        "candidate": verdict.candidate,
        "checks": f"{sum(check.holds for check in verdict.checks)} of {len(verdict.checks)} hold",
        "waived": f"{len(verdict.waived)}",
        **facts,
    }
    needs += [Need(f"{check.name}: {check.sentence}") for check in verdict.failed]
    said = "The candidate passed" if verdict.passed else "The candidate was refused"
    return Glance(4, "Gates", "gates", state_of(needs), said, facts, tuple(needs))


def _monitoring(platform: Platform, *, since: datetime, freshness: FreshnessConfig) -> Glance:
    now, said = clock.now(), noted(platform.database)
    needs = []
    if now - max(said.at or since, since) > _SILENT:
        last = "" if said.at is None else f" since {clock.ago(said.at)}"
        needs.append(Need(f"No server has noted how it does{last}: look at the log of the API."))
    if said.missing:
        needs.append(Need(f"What cannot be read to be watched: {', '.join(said.missing)}. The API's log says why."))
    if said.failed is not None and said.failed > _MANY_FAILED:
        needs.append(Need(f"{said.failed:.1%} of the last hour's requests failed.", urgent=True))
    facts = {
        "servers": f"{said.servers}",
        "last noted": "-" if said.at is None else clock.ago(said.at),
        "failed, last hour": "-" if said.failed is None else f"{said.failed:.1%}",
    }
    oldest = freshness.bounds(platform.workspace.dataset).get("readings", math.inf)
    readings = newest_readings(platform.database)
    if any(reading.value for reading in readings if reading.name == ONLINE_GUARDRAIL.name):
        needs.append(Need(_GUARDRAILS))
    newest = {reading.name: reading for reading in readings}
    for name, series, need in _LOOKS:
        reading = newest.get(series)
        if reading is None:
            facts[name] = "not looked at"
            continue
        facts[name] = f"{'amiss' if reading.value else 'well'}, {clock.ago(reading.at)}"
        if reading.value:
            needs.append(need)
        elif (now - reading.at).total_seconds() > oldest:
            needs.append(Need(f"The {name} was last looked at {clock.ago(reading.at)}: movie-mlops monitor {name}"))
    state = state_of(needs, "empty" if said.at is None else "good")
    headline = "Nothing is noted yet" if said.at is None else "Nothing is amiss" if not needs else "Something is amiss"
    return Glance(6, "Monitoring", "monitoring", state, headline, facts, tuple(needs))


def _events(platform: Platform) -> Glance:
    total, waiting = platform.events.count(), waiting_events(platform)
    since = clock.to_iso(clock.now() - timedelta(days=1))
    lately, last = platform.database.fetch(_COUNT, (since,))[0]
    needs = []
    if waiting > _MANY_WAITING:
        needs.append(Need(f"{waiting:,} events wait to come into the lake: movie-mlops worker"))
    run = next(iter(LoopRuns(platform.database).newest(1)), None)
    if run is not None and run.stage in CAME_TO_NOTHING:
        why = f"The loop's last run, by {run.trigger}, came to nothing ({run.stage})"
        needs.append(Need(f"{why}: movie-mlops triggers runs"))
    facts = {
        "last day": f"{lately:,}",
        "the last": "-" if last is None else clock.ago(datetime.fromisoformat(last)),
        "not in the lake yet": f"{waiting:,}",
        "the loop": "-" if run is None else f"{run.stage}, {clock.ago(run.steps[-1].at)}",
    }
    state = state_of(needs, "good" if total else "empty")
    return Glance(9, "Events", "events", state, f"{total:,} events recorded", facts, tuple(needs))
