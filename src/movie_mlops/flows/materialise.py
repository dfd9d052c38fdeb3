"""The online store made from the lake: everything, or what changed since the last time."""

from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from movie_mlops.core import clock
from movie_mlops.core.columns import INGESTED_AT, MOVIE_ID, USER_ID
from movie_mlops.features import Cut
from movie_mlops.flows.errors import FlowError
from movie_mlops.flows.platform import Platform
from movie_mlops.lake import INTERACTIONS, MOVIES

_TRIES: Final = 3
_PAGE: Final = 10_000


@dataclass(frozen=True)
class Materialised:
    """What was made.

    Attributes:
        whole: Whether it was everything.
        users: Users that were touched; of everything, all that have a history.
        films: Films that were touched; ``None`` of everything.
        histories: Users that have a history now.
    """

    whole: bool
    users: int
    films: int | None
    histories: int


def materialise(platform: Platform, *, whole: bool = False) -> Materialised:
    """Bring the online store up to the lake's newest version.

    Args:
        platform: The stores.
        whole: Make everything anew. Otherwise only users and films with something new in the lake or the event log
            are; what is gone from the lake is forgotten only by making everything anew.

    Returns:
        What was made.

    Raises:
        FlowError: The lake is empty.
    """
    lake = platform.lake
    versions = {table: lake.version(table) for table in (INTERACTIONS, MOVIES)}
    known = {table: version for table, version in versions.items() if version is not None}
    if len(known) < len(versions):
        raise FlowError("The lake has no interactions and films yet.", next_step="Run 'movie-mlops run' first.")
    origin = None if whole else platform.features.origin()
    cut = Cut(
        lake.scan(INTERACTIONS, version=known[INTERACTIONS]),
        lake.scan(MOVIES, version=known[MOVIES]),
        known,
        0 if origin is None else origin["position"],
    )
    # Events that arrive while a part is computed may be about what it leaves alone: then it is computed again.
    for _ in range(_TRIES if origin is not None else 0):
        last = platform.events.last_offset()
        touched = _touched(platform, cut, origin or {})
        prepared = platform.features.prepare(cut, touched=touched)
        if prepared is not None and (users := platform.events.write(prepared, last=last)) is not None:
            return Materialised(whole=False, users=len(touched[0]), films=len(touched[1]), histories=users)
    prepared = platform.features.prepare(cut)
    if prepared is None:
        raise FlowError("The lake has no interactions yet.", next_step="Run 'movie-mlops run' first.")
    users = platform.events.write(prepared) or 0
    return Materialised(whole=True, users=users, films=None, histories=users)


def _touched(platform: Platform, cut: Cut, origin: dict[str, Any]) -> tuple[set[str], set[int]]:
    """Return the users and films with something new in the lake, or with an event that the lake had not got."""
    new = cut.interactions.filter(pl.col(INGESTED_AT) > clock.from_microseconds(origin["arrived"]))
    rows = new.select(USER_ID, MOVIE_ID).collect()
    users, films = set(rows[USER_ID].to_list()), set(rows[MOVIE_ID].to_list())
    after = cut.position
    while page := platform.events.read(after, _PAGE):
        users.update(event.interaction.user_id for event in page)
        films.update(event.interaction.movie_id for event in page)
        after = page[-1].offset
    return users, films
