"""Retention: what is older than it may be goes, from every version and every file."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import polars as pl
from sqlalchemy import ColumnElement, Table, delete, func, select

from movie_mlops.core import clock
from movie_mlops.core import columns as c
from movie_mlops.events.stored import EVENTS
from movie_mlops.flows.event_care import prune
from movie_mlops.flows.journal import FlowJournal
from movie_mlops.flows.materialise import materialise
from movie_mlops.flows.outcomes import OUTCOMES
from movie_mlops.flows.platform import Platform
from movie_mlops.flows.steps import one_at_a_time
from movie_mlops.lake import EXTRAS, INTERACTIONS, MOVIES, QUARANTINE, erase_rows
from movie_mlops.security.config import RetentionConfig
from movie_mlops.serving import IMPRESSIONS
from movie_mlops.serving.exposures import EXPOSURES
from movie_mlops.serving.served import SERVED

_AGE: Final = pl.coalesce(c.EVENT_TIME, c.INGESTED_AT)
"""An interaction that nobody dated is as old as its load."""


@dataclass(frozen=True)
class Outdated:
    """What of a table is older than it may be.

    Attributes:
        table: The table.
        days: How old a row may be.
        rows: How many are older.
    """

    table: str
    days: float
    rows: int


def outdated(platform: Platform, config: RetentionConfig) -> list[Outdated]:
    """Return what would go; nothing is changed.

    Args:
        platform: The stores.
        config: How old what may be.
    """
    now = clock.now()
    found = [
        Outdated(table, days, platform.lake.scan(table).filter(old).select(pl.len()).collect().item())
        for table, days, old in _of_lake(platform, config, now)
    ]
    with platform.database.read() as connection:
        for kept, days, rows in _of_state(config, now):
            count = connection.execute(select(func.count()).select_from(kept).where(rows)).scalar_one()
            found.append(Outdated(str(kept.name), days, count))
    return [*found, *_of_log(platform, dry_run=True)]


def retain(platform: Platform, config: RetentionConfig) -> list[Outdated]:
    """Take out what is older than it may be, and return it; killed at any moment, the next call goes on.

    Versions of the lake whose files held such rows are given up. Where interactions went, histories and features are
    made anew; models that learned from them serve until another does.

    Raises:
        BusyError: A flow is at work on the data set.
        LakeError: The lake cannot be written.
        ConflictError: Other writers were faster every time.
    """
    with one_at_a_time(platform.workspace.lock), FlowJournal(platform.database, platform.lake).flow("retention"):
        now, found = clock.now(), []
        for table, days, old in list(_of_lake(platform, config, now)):
            # Also where the newest version has none: an earlier one, or a killed call, may have left files of them.
            report = erase_rows(platform.lake, table, old, note={"why": "retention"})
            found.append(Outdated(table, days, report.rows))
            if table == INTERACTIONS and report.rows:
                materialise(platform, whole=True)
        with platform.database.write() as connection:
            for kept, days, rows in _of_state(config, now):
                found.append(Outdated(str(kept.name), days, connection.execute(delete(kept).where(rows)).rowcount))
        found += _of_log(platform, dry_run=False)
    return found


def _of_log(platform: Platform, *, dry_run: bool) -> Iterator[Outdated]:
    """Take old events out of the log where the project says how old they may be; what nobody has yet stays."""
    if days := platform.config.events.keep_days:
        yield Outdated(str(EVENTS.name), days, prune(platform, dry_run=dry_run).events)


def _of_lake(platform: Platform, config: RetentionConfig, now: datetime) -> Iterator[tuple[str, float, pl.Expr]]:
    """Yield tables of the lake, how old their rows may be, and which are older."""
    of_people = pl.col(c.TABLE) != MOVIES
    for table, days, age, whose in (
        (INTERACTIONS, config.interactions, _AGE, pl.lit(value=True)),
        # As old as the interactions beside which they came.
        (EXTRAS, config.interactions, pl.col(c.INGESTED_AT), of_people),
        (QUARANTINE, config.quarantine, pl.col(c.INGESTED_AT), of_people),
    ):
        if days is not None and platform.lake.version(table) is not None:
            yield table, days, whose & (age < now - timedelta(days=days))


def _of_state(config: RetentionConfig, now: datetime) -> Iterator[tuple[Table, float, ColumnElement[bool]]]:
    """Yield tables of the state, how old their rows may be, and which are older."""
    if config.answers is None:
        return
    before = now - timedelta(days=config.answers)
    yield IMPRESSIONS, config.answers, IMPRESSIONS.c.at < clock.to_iso(before)
    yield OUTCOMES, config.answers, OUTCOMES.c.at < clock.to_iso(before)
    yield SERVED, config.answers, SERVED.c.at < clock.to_iso(before)
    yield EXPOSURES, config.answers, EXPOSURES.c.at < int(before.timestamp() * 1_000_000)
