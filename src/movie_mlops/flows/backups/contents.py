"""What a back-up holds, and whose each row is."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import polars as pl
from sqlalchemy import Table, select

from movie_mlops.core import columns as c
from movie_mlops.events.stored import EVENTS, LOGS
from movie_mlops.events.triggers import LOOP_RUNS
from movie_mlops.features.parity import PARITY
from movie_mlops.flows.journal import FLOWS
from movie_mlops.ingest import without_bounds
from movie_mlops.lake import BATCHES, EXTRAS, INTERACTIONS, MOVIES, USERS, Lake
from movie_mlops.release.aliases import MOVES as ALIAS_MOVES
from movie_mlops.release.registry import ACTS, BUNDLES
from movie_mlops.release.rollout.moves import MOVES as ROLLOUT_MOVES
from movie_mlops.release.rows import RELEASES, SEALS
from movie_mlops.security.audit.entries import ENTRIES
from movie_mlops.security.audit.entries import SEALS as AUDIT_SEALS
from movie_mlops.security.envelope import GENERAL
from movie_mlops.security.erasure import ERASED
from movie_mlops.security.people import CONSENTS
from movie_mlops.serving.exposures import EXPOSURES
from movie_mlops.serving.history import SAMPLES
from movie_mlops.serving.impressions import IMPRESSIONS
from movie_mlops.serving.served import SERVED
from movie_mlops.state import Database

PERSONAL_TABLES: Final[Mapping[Table, str]] = {
    EVENTS: "subject",
    IMPRESSIONS: "user_id",
    EXPOSURES: "user_id",
    SERVED: "user_id",
    CONSENTS: "user_id",
}
"""Tables of the state whose rows belong to a person, with the column that says to whom.

A row that names nobody there (an answer to a group, whose request names its members, or to somebody without an account)
is in no back-up.
"""

GENERAL_TABLES: Final = (
    LOGS,
    RELEASES,
    SEALS,
    BUNDLES,
    ACTS,
    ALIAS_MOVES,
    ROLLOUT_MOVES,
    FLOWS,
    PARITY,
    SAMPLES,
    ENTRIES,
    AUDIT_SEALS,
    ERASED,
    LOOP_RUNS,
)
"""Tables of the state in which nobody is named."""

DERIVED: Final = (
    "answer_joins",
    "answer_outcomes",
    "dead_letters",
    "event_consumers",
    "api_keys",
    "console_accounts",
    "fold_states",
    "online_origins",
    "online_rows",
    "online_trust",
    "readings",
    "rollout_counts",
    "steps",
    "tmdb_films",
    "tmdb_pages",
    "tmdb_runs",
    "trigger_states",
    "workers",
    "data_keys",
    "backup_places",
)
"""Tables that are in no back-up: made again from others, of use only while something runs, or keys."""

Columns = dict[str, list[Any]]


@dataclass
class Section:
    """What is one owner's.

    Attributes:
        lake: Table to column to values.
        state: Table to rows, each with its columns' names.
    """

    lake: dict[str, Columns] = field(default_factory=dict)
    state: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))


def collect(lake: Lake, database: Database) -> tuple[dict[str, Section], dict[str, int]]:
    """Return what each owner has, and the versions of the lake's tables that were read."""
    sections: dict[str, Section] = defaultdict(Section)
    versions: dict[str, int] = {}
    for name, frame in _lake_tables(lake, versions):
        for whose, columns in _by_owner(frame):
            sections[whose].lake[name] = columns
    # One snapshot of the whole state.
    with database.read() as connection:
        for table in (*GENERAL_TABLES, *PERSONAL_TABLES):
            column = PERSONAL_TABLES.get(table)
            for row in connection.execute(select(table).order_by(*table.primary_key)).mappings():
                owner = GENERAL if column is None else row[column]
                if owner is not None:
                    sections[owner].state[str(table.name)].append({str(key): value for key, value in row.items()})
    return dict(sections), versions


def _lake_tables(lake: Lake, versions: dict[str, int]) -> Iterator[tuple[str, pl.DataFrame]]:
    """Yield each table with the column ``owner`` beside its own."""
    there = set(lake.names())

    def read(table: str) -> pl.DataFrame:
        version = lake.version(table)
        assert version is not None
        versions[table] = version
        return lake.scan(table, version=version).collect()

    events = pl.DataFrame(schema={c.EVENT_ID: pl.String(), c.USER_ID: pl.String()})
    for table in (INTERACTIONS, USERS):
        if table in there:
            frame = read(table)
            events = frame.select(c.EVENT_ID, c.USER_ID) if table == INTERACTIONS else events
            yield table, frame.with_columns(owner=c.USER_ID)
    for table in (MOVIES, BATCHES):
        if table in there:
            # The smallest and largest id of a load are somebody's, and the rest nobody's.
            frame = read(table).with_columns(without_bounds()) if table == BATCHES else read(table)
            yield table, frame.with_columns(owner=pl.lit(GENERAL))
    if EXTRAS in there:
        extras = read(EXTRAS).join(events, left_on=c.KEY, right_on=c.EVENT_ID, how="left", maintain_order="left")
        whose = (
            pl.when(pl.col(c.TABLE) == INTERACTIONS)
            .then(c.USER_ID)
            .when(pl.col(c.TABLE) == USERS)
            .then(c.KEY)
            .otherwise(pl.lit(GENERAL))
        )
        # What belongs to an interaction that is not there is nobody's whom one could name: it stays out.
        yield EXTRAS, extras.with_columns(owner=whose).drop(c.USER_ID).drop_nulls("owner")


def _by_owner(frame: pl.DataFrame) -> Iterator[tuple[str, Columns]]:
    """Yield each owner's rows, by column; times are microseconds."""
    plain = frame.with_columns(pl.col(pl.Datetime).cast(pl.Int64))
    names = [name for name in plain.columns if name != "owner"]
    grouped = plain.group_by("owner", maintain_order=True).agg(pl.all())
    for row in grouped.iter_rows(named=True):
        yield row["owner"], {name: row[name] for name in names}
