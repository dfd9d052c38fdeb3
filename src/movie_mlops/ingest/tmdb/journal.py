"""What was asked and answered, on disk before anything is made of it: a run that is cut off asks nothing twice.

The journal is also the way into the lake: an answer waits in it until it is there. Where the lake was written and the
journal did not hear of it, the same answer is brought again and changes nothing.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Integer,
    Row,
    String,
    Table,
    Text,
    delete,
    insert,
    select,
    update,
)

from movie_mlops.core import clock
from movie_mlops.core.digests import Plain, canonical_json
from movie_mlops.ingest.tmdb.films import Film
from movie_mlops.ingest.tmdb.shapes import Refusal
from movie_mlops.state import METADATA, Database

Outcome = Literal["facts", "refused", "gone"]

RUNS: Final = Table(
    "tmdb_runs",
    METADATA,
    Column("run_id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("question", Text, nullable=False),
    Column("started_at", String(40), nullable=False),
    Column("finished_at", String(40)),
)
PAGES: Final = Table(
    "tmdb_pages",
    METADATA,
    Column("run_id", ForeignKey(RUNS.c.run_id), primary_key=True),
    Column("list", String(64), primary_key=True),
    Column("pass", Integer, primary_key=True),
    Column("page", Integer, primary_key=True),
    Column("content", Text, nullable=False),
)
FILMS: Final = Table(
    "tmdb_films",
    METADATA,
    Column("tmdb_id", BigInteger, primary_key=True, autoincrement=False),
    Column("outcome", String(16), nullable=False),
    Column("asked_at", String(40), nullable=False),
    # Whether a film that the lake does not have is to be added.
    Column("adds", Boolean, nullable=False),
    # An answer that is not in the lake yet.
    Column("waiting", Text),
    # The facts that the lake was last given: they tell TMDB's own facts from those of others.
    Column("given", Text),
)


@dataclass(frozen=True)
class Run:
    """One question, from its first request to its last film; perhaps over several calls.

    Attributes:
        run_id: Its number.
        started_at: When it was first asked (aware UTC).
    """

    run_id: int
    started_at: datetime


@dataclass(frozen=True)
class Page:
    """A page of a list, as the journal keeps it.

    Attributes:
        ids: The films on it.
        refused: How many rows of it could not be read.
        total_pages: How many pages the list has.
        total_results: How many films it has.
    """

    ids: tuple[int, ...]
    refused: int
    total_pages: int
    total_results: int


@dataclass(frozen=True)
class Told:
    """What the journal knows of a film.

    Attributes:
        tmdb_id: Which film.
        adds: Whether it is to be added where the lake does not have it.
        waiting: The answer that is not in the lake yet, if any.
        given: What the lake was given before, if anything.
    """

    tmdb_id: int
    adds: bool
    waiting: Film | Refusal | None
    given: Film | None


class Journal:
    """The journal of one data set, in its state database.

    Args:
        database: The state database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, question: Mapping[str, Plain], *, resume_within: timedelta) -> Run:
        """Return the run that asks ``question``: the one that was cut off lately, or a new one."""
        words, now = canonical_json(question).decode(), clock.now()
        with self._database.write() as connection:
            open_ones = select(RUNS).where(RUNS.c.question == words, RUNS.c.finished_at.is_(None))
            last = connection.execute(open_ones.order_by(RUNS.c.run_id.desc()).limit(1)).one_or_none()
            if last is not None and now - datetime.fromisoformat(last.started_at) <= resume_within:
                return Run(last.run_id, datetime.fromisoformat(last.started_at))
            row = {"question": words, "started_at": clock.to_iso(now), "finished_at": None}
            made = connection.execute(insert(RUNS).values(row).returning(RUNS.c.run_id)).scalar_one()
            return Run(made, now)

    def finish(self, run: Run) -> None:
        """Note that the run is done; its pages are forgotten."""
        with self._database.write() as connection:
            connection.execute(delete(PAGES).where(PAGES.c.run_id == run.run_id))
            done = update(RUNS).where(RUNS.c.run_id == run.run_id)
            connection.execute(done.values(finished_at=clock.to_iso(clock.now())))

    def page(self, run: Run, listing: str, turn: int, number: int) -> Page | None:
        """Return a page that this run has read already."""
        place = (PAGES.c.run_id == run.run_id, PAGES.c.list == listing, PAGES.c["pass"] == turn, PAGES.c.page == number)
        with self._database.read() as connection:
            content = connection.execute(select(PAGES.c.content).where(*place)).scalar_one_or_none()
        if content is None:
            return None
        kept = json.loads(content)
        return Page(tuple(kept.pop("ids")), **kept)

    def keep_page(self, run: Run, listing: str, turn: int, number: int, page: Page) -> None:
        """Note a page that was read."""
        content = {"ids": list(page.ids), "refused": page.refused}
        totals = {"total_pages": page.total_pages, "total_results": page.total_results}
        row = {"run_id": run.run_id, "list": listing, "pass": turn, "page": number}
        with self._database.write() as connection:
            connection.execute(insert(PAGES).values({**row, "content": json.dumps({**content, **totals})}))

    def due(self, run: Run, ids: Iterable[int], *, changed: Collection[int]) -> list[int]:
        """Return those of ``ids`` that are to be asked, in their order.

        These are the films that were never asked; and of those asked before this run began the ones that could not be
        believed, and the ones in ``changed``.
        """
        with self._database.read() as connection:
            rows = connection.execute(select(FILMS.c.tmdb_id, FILMS.c.outcome, FILMS.c.asked_at)).all()
        settled = {
            row.tmdb_id
            for row in rows
            if (row.outcome != "refused" and row.tmdb_id not in changed)
            or datetime.fromisoformat(row.asked_at) >= run.started_at
        }
        return [tmdb_id for tmdb_id in ids if tmdb_id not in settled]

    def keep(self, tmdb_id: int, answer: Film | Refusal | None, *, adds: bool) -> None:
        """Note the answer about a film (``None``: it is gone); when this returns, it is on disk."""
        outcome: Outcome = "gone" if answer is None else "facts" if isinstance(answer, Film) else "refused"
        row: dict[str, Any] = {"outcome": outcome, "asked_at": clock.to_iso(clock.now())}
        row["waiting"] = None if answer is None else answer.to_json()
        with self._database.write() as connection:
            again = row | {"adds": True} if adds else row
            done = connection.execute(update(FILMS).where(FILMS.c.tmdb_id == tmdb_id).values(again))
            if not done.rowcount:
                connection.execute(insert(FILMS).values({**row, "tmdb_id": tmdb_id, "adds": adds, "given": None}))

    def told(self, *, waiting_only: bool) -> list[Told]:
        """Return what there is to bring to the lake: answers that wait, or everything that TMDB ever told."""
        waits = FILMS.c.waiting.is_not(None)
        films = select(FILMS).where(waits if waiting_only else waits | FILMS.c.given.is_not(None))
        with self._database.read() as connection:
            rows = connection.execute(films.order_by(FILMS.c.tmdb_id)).all()
        return [_told(row) for row in rows]

    def settle(self, told: Iterable[Told]) -> None:
        """Note that these answers are in the lake."""
        with self._database.write() as connection:
            for film in told:
                values: dict[str, str | None] = {"waiting": None}
                if isinstance(film.waiting, Film):
                    values["given"] = film.waiting.to_json()
                connection.execute(update(FILMS).where(FILMS.c.tmdb_id == film.tmdb_id).values(values))


def _told(row: Row[Any]) -> Told:
    waiting: Film | Refusal | None = None
    if row.waiting is not None:
        waiting = Refusal.from_json(row.waiting) if row.outcome == "refused" else Film.from_json(row.waiting)
    return Told(row.tmdb_id, row.adds, waiting, None if row.given is None else Film.from_json(row.given))
