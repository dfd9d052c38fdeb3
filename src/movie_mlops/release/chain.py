"""The chain of the ledger: each release is sealed with the SHA-256 of what it says and of the seal before it.

Who changes, removes or inserts a row breaks the chain there, and every later seal says so. Somebody who may write the
whole database could seal everything anew; who keeps the newest seal elsewhere (``release verify`` prints it) finds that
out as well.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import CompoundSelect, Connection, Row, Select, Text, cast, insert, null, select, union_all

from movie_mlops.release.errors import LedgerAlteredError
from movie_mlops.release.rows import RELEASES, SEALS
from movie_mlops.state import NOTHING, Break, Link, first_break, seal_of

# As text: a row that somebody spoilt must be found, not stumbled over.
_SAID: Final = tuple(
    cast(column, Text).label(column.name) if column is RELEASES.c.gate else column for column in RELEASES.c
)
_SEAL: Final = (SEALS.c.release_id.label("sealed"), SEALS.c.before, SEALS.c.sha256, SEALS.c.taken_in)
_ROWS: Final[Select[Any]] = select(*_SAID, *_SEAL).select_from(
    RELEASES.outerjoin(SEALS, SEALS.c.release_id == RELEASES.c.release_id)
)
_LEFT: Final = select(*(null().label(column.name) for column in RELEASES.c), *_SEAL).where(
    SEALS.c.release_id.not_in(select(RELEASES.c.release_id))
)
# One statement, so that it sees one moment: a release that is committed meanwhile comes with its seal, or not at all.
_LEDGER: Final[CompoundSelect[Any]] = union_all(_ROWS, _LEFT)


@dataclass(frozen=True)
class Chain:
    """What the seals say of the ledger.

    Attributes:
        releases: How many there are.
        sealed: How many of them have a seal; none in a ledger from before the seals, which the next release takes in.
        taken_in: How many were sealed later than they were written, because they are older than the seals.
        head: The newest seal; ``None`` where there is none.
        seals: Every seal, oldest first.
        broken: Where it is broken first; ``None`` where it is whole.
    """

    releases: int
    sealed: int
    taken_in: int
    head: str | None
    seals: tuple[str, ...]
    broken: Break | None

    def to_json(self) -> dict[str, Any]:
        """Return everything but the list of seals as plain data."""
        broken = self.broken
        return {
            "whole": broken is None,
            "releases": self.releases,
            "sealed": self.sealed,
            "taken_in": self.taken_in,
            "head": self.head,
            "broken": broken and {"release_id": broken.number, "what": broken.what, "sentence": broken.sentence},
        }


def read_chain(connection: Connection) -> Chain:
    """Hold every release against its seal."""
    entries: list[Row[Any]] = list(connection.execute(_LEDGER))
    rows = sorted((row for row in entries if row.release_id is not None), key=lambda row: row.release_id)
    seals = {row.sealed: row for row in sorted((row for row in entries if row.sealed is not None), key=_sealed)}
    return Chain(
        releases=len(rows),
        sealed=len(seals),
        taken_in=sum(bool(seal.taken_in) for seal in seals.values()),
        head=seals[max(seals)].sha256 if seals else None,
        seals=tuple(seal.sha256 for seal in seals.values()),
        broken=_first_break(rows, seals),
    )


def seal(connection: Connection, release_id: int, chain: Chain) -> None:
    """Seal a release that was just written; releases from before the seals are taken in with it.

    Args:
        connection: The transaction that wrote it.
        release_id: The release.
        chain: The ledger before it; whole.
    """
    before = chain.head or NOTHING
    unsealed = _ROWS.where(SEALS.c.release_id.is_(None)).order_by(RELEASES.c.release_id)
    for row in connection.execute(unsealed).all():
        sha256 = _seal_of(row, before)
        values = {"release_id": row.release_id, "before": before, "sha256": sha256}
        connection.execute(insert(SEALS).values(**values, taken_in=row.release_id != release_id))
        before = sha256


def require_whole(chain: Chain) -> None:
    """Do nothing where the chain is whole.

    Raises:
        LedgerAlteredError: It is broken.
    """
    if chain.broken is not None:
        raise LedgerAlteredError(
            f"The ledger is not what was written, so nothing is added to it. {chain.broken.sentence}",
            next_step="What serves goes on serving. Put the state database back from a back-up, and look at it with:"
            " movie-mlops release verify",
        )


def _first_break(rows: Sequence[Row[Any]], seals: Mapping[int, Row[Any]]) -> Break | None:
    return first_break("release", (_link(row, seals.get(row.release_id)) for row in rows), seals)


def _link(row: Row[Any], seal: Row[Any] | None) -> Link:
    before, sha256 = (None, None) if seal is None else (seal.before, seal.sha256)
    now = "" if seal is None else _seal_of(row, seal.before)
    return Link(row.release_id, row.previous_release_id, before, sha256, now)


def _seal_of(row: Row[Any], before: str) -> str:
    """Return the seal of a row; what cannot even be read has one that no row had."""
    said = {column.name: getattr(row, column.name) for column in RELEASES.c}
    try:
        said["gate"] = json.loads(row.gate)
    except (TypeError, ValueError):
        # Bytes are in no document, so that this has no seal.
        said["gate"] = b""
    return seal_of("release", said, before)


def _sealed(row: Row[Any]) -> int:
    return int(row.sealed)
