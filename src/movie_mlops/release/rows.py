"""The rows of the ledger: releases, and the seals that chain them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Integer,
    Row,
    Table,
    Text,
)

from movie_mlops.core import clock
from movie_mlops.core.digests import canonical_json
from movie_mlops.release.errors import ReleaseError
from movie_mlops.state import FIRST, METADATA, append_only

RELEASES: Final = Table(
    "releases",
    METADATA,
    Column("release_id", Integer, primary_key=True, autoincrement=True),
    Column("bundle_id", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("action", Text, CheckConstraint("action IN ('promote', 'rollback')"), nullable=False),
    # Microseconds since 1970 UTC: exact, and in order on every database.
    Column("at", BigInteger, nullable=False, index=True),
    Column("reason", Text, nullable=False),
    Column("gate", JSON, nullable=False),
    Column("approved_by", Text, nullable=False),
    # Unique: a release has one successor, so the ledger is a chain whatever the isolation of the database.
    Column("previous_release_id", Integer, nullable=False, unique=True),
    sqlite_autoincrement=True,
)

SEALS: Final = Table(
    # A table of its own: who takes a release away leaves its seal, and a ledger from before the seals needs no change.
    "release_seals",
    METADATA,
    Column("release_id", Integer, primary_key=True, autoincrement=False),
    Column("before", Text, nullable=False),
    Column("sha256", Text, nullable=False, unique=True),
    # Whether the release is older than the seals and was sealed by the next one.
    Column("taken_in", Boolean, nullable=False),
)

append_only(RELEASES)
append_only(SEALS)


class Action(StrEnum):
    """How a bundle became champion."""

    PROMOTE = "promote"
    ROLLBACK = "rollback"


@dataclass(frozen=True)
class Release:
    """A row of the ledger.

    Attributes:
        release_id: Ascending; never used twice.
        bundle_id: What serves.
        model: Name of its recommender.
        action: How it became champion.
        at: Since when (aware UTC).
        until: When the next release followed; ``None`` for the champion.
        reason: Why, in words.
        gate: The report of the gate that let it pass; a roll-back carries the report of the release that it restores.
        approved_by: Who let it: a person, or the name of what acted for one.
        previous_release_id: The row before; ``None`` for the first.
    """

    release_id: int
    bundle_id: str
    model: str
    action: Action
    at: datetime
    until: datetime | None
    reason: str
    gate: Mapping[str, Any]
    approved_by: str
    previous_release_id: int | None

    @classmethod
    def of(cls, row: Row[Any], until: int | None = None) -> "Release":
        """Return what a row says.

        Args:
            row: Of :data:`RELEASES`.
            until: When the next release followed, in microseconds since 1970.
        """
        return cls(
            release_id=row.release_id,
            bundle_id=row.bundle_id,
            model=row.model,
            action=Action(row.action),
            at=clock.from_microseconds(row.at),
            until=None if until is None else clock.from_microseconds(until),
            reason=row.reason,
            gate=row.gate,
            approved_by=row.approved_by,
            previous_release_id=None if row.previous_release_id == FIRST else row.previous_release_id,
        )

    def with_bundle(self, bundle_id: str) -> "Release":
        """Return what answered while this release was in force: another bundle, in an arm of a roll-out."""
        return replace(self, bundle_id=bundle_id, model=bundle_id.rpartition("-")[0])

    def to_json(self) -> dict[str, Any]:
        """Return the row as plain data; times are RFC 3339."""
        return {
            "release_id": self.release_id,
            "bundle_id": self.bundle_id,
            "model": self.model,
            "action": self.action.value,
            "at": clock.to_iso(self.at),
            "until": None if self.until is None else clock.to_iso(self.until),
            "reason": self.reason,
            "gate": dict(self.gate),
            "approved_by": self.approved_by,
            "previous_release_id": self.previous_release_id,
        }


def as_kept(document: Mapping[str, Any], *, what: str) -> dict[str, Any]:
    """Return plain data as every database gives it back, so that what is sealed is what will be read.

    Args:
        document: The data.
        what: What it is, at the beginning of a sentence.

    Raises:
        ReleaseError: It is not plain.
    """
    try:
        plain: dict[str, Any] = json.loads(canonical_json(dict(document)))
    except (TypeError, ValueError) as error:
        raise ReleaseError(
            f"{what} cannot be kept ({error}).",
            next_step="Use text, finite numbers, booleans, lists and mappings with text keys only.",
        ) from error
    return plain
