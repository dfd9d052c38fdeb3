"""What the console's sections show of the stages that serving does not know: plain data, read when it is asked for."""

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import polars as pl

from movie_mlops.core import clock
from movie_mlops.core import columns as c
from movie_mlops.events.triggers import LoopRuns
from movie_mlops.features import VIEWS, last_parity
from movie_mlops.flows.catalogue import fresh
from movie_mlops.flows.glances import glances, waiting_events
from movie_mlops.flows.journal import flow_runs
from movie_mlops.flows.lineage import Lineage
from movie_mlops.flows.platform import Platform
from movie_mlops.flows.shelf import on_the_shelf
from movie_mlops.flows.steps import previous
from movie_mlops.flows.verdicts import known_verdict
from movie_mlops.lake import BATCHES, INTERACTIONS
from movie_mlops.monitoring import FreshnessConfig
from movie_mlops.release import Graph, Verdict
from movie_mlops.serving.console import Glance
from movie_mlops.serving.console.monitored import monitored

_REPORT: Final = re.compile(r"[a-z][a-z0-9-]*(?:-[A-Za-z0-9._-]+)?")
_LONGEST_NAME: Final = 200
_REPORTS: Final = {"data": "ingest", "features": "features", "models": "evaluation", "gates": "gate"}
_MOST_ROWS: Final = 20
_MONTHS: Final = 36
_HOURS: Final = 48
_EVENTS: Final = """
SELECT substr(recorded_at, 1, 13), type, count(*) FROM events WHERE recorded_at >= ? GROUP BY 1, 2
"""
_LATEST: Final = """
SELECT recorded_at, type, subject, data FROM events WHERE type <> 'movie_mlops.erased' ORDER BY "offset" DESC LIMIT ?
"""


class PlatformOperations:
    """Answers for one data set.

    Args:
        platform: Its stores.
        freshness: How old things may be.
    """

    def __init__(self, platform: Platform, freshness: FreshnessConfig | None = None) -> None:
        self._platform = platform
        self._freshness = freshness or FreshnessConfig()
        self._since = clock.now()
        self._sections: dict[str, Callable[[], dict[str, Any]]] = {
            "data": self._data,
            "features": self._features,
            "models": self._models,
            "gates": self._gates,
            "monitoring": self._monitoring,
            "events": self._events,
        }

    def glances(self) -> Sequence[Glance]:
        """Return every stage but serving, in order, at a glance."""
        return glances(self._platform, since=self._since, freshness=self._freshness)

    def sections(self) -> Sequence[str]:
        """Return the names of the sections that there are."""
        return tuple(self._sections)

    def section(self, name: str, /) -> Mapping[str, Any]:
        """Return what a section shows."""
        report = _REPORTS.get(name)
        there = report is not None and self.report(report) is not None
        return {**self._sections[name](), "report": report if there else None}

    def graph_of(self, thing: str, /) -> Graph:
        """Return what is behind a thing, and what came of it."""
        return Lineage(self._platform).of(thing)

    def report(self, name: str, /) -> Path | None:
        """Return a report that lies on disk; ``None`` where there is none of this name."""
        if len(name) > _LONGEST_NAME or not _REPORT.fullmatch(name):
            return None
        path = self._platform.workspace.reports / f"{name}.html"
        # A link could lead anywhere.
        return path if path.is_file() and not path.is_symlink() else None

    def _data(self) -> dict[str, Any]:
        lake = self._platform.lake
        loads: list[dict[str, Any]] = []
        if BATCHES in lake.names():
            rows = lake.scan(BATCHES).sort(c.INGESTED_AT, descending=True).head(_MOST_ROWS).collect().to_dicts()
            loads = [{**row, c.REASONS: json.loads(row[c.REASONS] or "{}")} for row in rows]
        return {
            "tables": lake.tables(),
            "loads": loads,
            "waiting": waiting_events(self._platform),
            "months": self._by_month() if lake.has_rows(INTERACTIONS) else [],
        }

    def _by_month(self) -> list[tuple[str, dict[str, int]]]:
        """Return how many interactions happened in each of the last months that have any."""
        month = pl.col(c.EVENT_TIME).dt.strftime("%Y-%m").alias("month")
        said = self._platform.lake.scan(INTERACTIONS).filter(pl.col(c.EVENT_TIME).is_not_null())
        counted = said.group_by(month).len().sort("month").tail(_MONTHS).collect()
        return [(name, {"interactions": count}) for name, count in counted.iter_rows()]

    def _features(self) -> dict[str, Any]:
        lake = self._platform.lake
        views = []
        for view in VIEWS:
            version = lake.version(view.name)
            views.append({"view": view, "version": version, "fresh": fresh(self._platform, view)})
        return {"views": views, "parity": last_parity(self._platform.database)}

    def _models(self) -> dict[str, Any]:
        platform = self._platform
        metric = platform.config.gate.metric
        evaluated = previous(platform.database, "evaluate") or {}
        shelf = on_the_shelf(platform, metric=metric)
        for row in shelf:
            row["card"] = f"card-{row['bundle']}" if self.report(f"card-{row['bundle']}") else None
        return {
            "metric": metric,
            "shelf": shelf,
            "evaluated": evaluated,
            "baselines": list(platform.config.baselines),
        }

    def _gates(self) -> dict[str, Any]:
        document = known_verdict(self._platform, None)
        return {
            "verdict": None if document is None else Verdict.from_json(document),
            "note": None if document is None else document.get("note"),
            "runs": flow_runs(self._platform.database)[:_MOST_ROWS],
        }

    def _monitoring(self) -> dict[str, Any]:
        return monitored(self._platform.database, clock.now())

    def _events(self) -> dict[str, Any]:
        platform, this = self._platform, clock.now().replace(minute=0, second=0, microsecond=0)
        hours = [clock.to_iso(this - timedelta(hours=back))[:13] for back in range(_HOURS - 1, -1, -1)]
        counted: dict[str, dict[str, int]] = {hour: {} for hour in hours}
        kinds: Counter[str] = Counter()
        for hour, kind, count in platform.database.fetch(_EVENTS, (hours[0],)):
            name = kind.rpartition(".")[2]
            counted.setdefault(hour, {})[name] = count
            kinds[name] += count
        return {
            "total": platform.events.count(),
            "offset": platform.events.last_offset(),
            "waiting": waiting_events(platform),
            "columns": [(f"{hour[11:]}:00", counted[hour]) for hour in hours],
            "kinds": [name for name, _ in kinds.most_common()],
            "runs": LoopRuns(platform.database).newest(_MOST_ROWS),
            "latest": [
                {"at": at, "kind": kind.rpartition(".")[2], "user": user, "data": json.loads(data)}
                for at, kind, user, data in platform.database.fetch(_LATEST, (_MOST_ROWS,))
            ],
        }
