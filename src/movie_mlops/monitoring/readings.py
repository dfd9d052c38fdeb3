"""The newest reading of each thing that a job measures now and then, such as drift; the API exposes them."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import BigInteger, Column, Float, String, Table, delete, func, insert, select

from movie_mlops.core import clock
from movie_mlops.monitoring.config import MonitoringConfig
from movie_mlops.monitoring.errors import MonitoringError
from movie_mlops.state import METADATA, Database

READINGS: Final = Table(
    "readings",
    METADATA,
    Column("name", String(128), primary_key=True),
    Column("labels", String(512), primary_key=True),
    Column("value", Float, nullable=False),
    Column("at", BigInteger, nullable=False),
)


@dataclass(frozen=True)
class Reading:
    """A number that was read at a time.

    Attributes:
        name: The metric's, such as ``movie_mlops_drift_features``.
        labels: Its labels.
        value: The number, in the unit that the name ends with.
        at: When it was read.
    """

    name: str
    labels: Mapping[str, str]
    value: float
    at: datetime


def note(
    database: Database,
    name: str,
    value: float,
    labels: Mapping[str, str] | None = None,
    *,
    config: MonitoringConfig | None = None,
) -> None:
    """Keep a reading in place of the one before it of the same name and labels.

    Raises:
        MonitoringError: The number is none, or there are too many label sets of that name.
        StateError: The database refuses.
    """
    if not math.isfinite(value):
        raise MonitoringError(
            f"{name} was read as {value}, which is no number.", next_step="Look at what it was computed from."
        )
    written = json.dumps(dict(labels or {}), sort_keys=True)
    same = (READINGS.c.name == name) & (READINGS.c.labels == written)
    most = (config or MonitoringConfig()).most_labels
    with database.write() as connection:
        connection.execute(delete(READINGS).where(same))
        many = connection.execute(select(func.count()).where(READINGS.c.name == name)).scalar_one()
        if many >= most:
            raise MonitoringError(
                f"{name} has {many:,} label sets already, the most that are kept.",
                next_step="Choose labels with few values: no ids of users, films or requests.",
            )
        at = clock.microseconds(clock.now())
        connection.execute(insert(READINGS).values(name=name, labels=written, value=value, at=at))


def forget(database: Database, name: str, *, but: Sequence[Mapping[str, str]] = ()) -> None:
    """Drop the readings of a name, for labels such as a release's come and go.

    Args:
        database: Where they are kept.
        name: The metric's.
        but: The label sets that stay.

    Raises:
        StateError: The database refuses.
    """
    kept = [json.dumps(dict(labels), sort_keys=True) for labels in but]
    with database.write() as connection:
        connection.execute(delete(READINGS).where(READINGS.c.name == name, READINGS.c.labels.not_in(kept)))


def newest_readings(database: Database) -> list[Reading]:
    """Return the newest reading of each name and label set, by name.

    Raises:
        StateError: The database refuses.
    """
    asked = select(READINGS.c.name, READINGS.c.labels, READINGS.c.value, READINGS.c.at)
    with database.read() as connection:
        rows = connection.execute(asked.order_by(READINGS.c.name, READINGS.c.labels)).all()
    return [Reading(name, json.loads(labels), value, clock.from_unix(at / 1e6)) for name, labels, value, at in rows]
