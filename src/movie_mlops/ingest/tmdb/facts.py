"""Facts from the journal into the lake's films: what is empty is filled, what others said stays."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from movie_mlops.core import clock
from movie_mlops.core import columns as c
from movie_mlops.ingest.commits import append_once
from movie_mlops.ingest.merging import merge
from movie_mlops.ingest.tmdb.films import Film, place_of
from movie_mlops.ingest.tmdb.journal import Told
from movie_mlops.ingest.tmdb.shapes import Refusal
from movie_mlops.lake import MOVIES, QUARANTINE, SCHEMAS, Lake

SOURCE: Final = "tmdb"
# Far above the identifiers of any MovieLens release, and exact in JavaScript.
OWN_IDS_FROM: Final = 1_000_000_000


@dataclass(frozen=True)
class Brought:
    """What became of answers in the lake.

    Attributes:
        films: Films that are new or have new facts.
        refused: Rows that are new in the quarantine.
    """

    films: int
    refused: int


def bring(lake: Lake, told: Sequence[Told]) -> Brought:
    """Write what the journal tells to the lake: one commit for films, one for the quarantine, none for nothing new.

    A fact of TMDB's fills an empty field, and takes the place of a fact that TMDB gave before. A fact that somebody
    else gave stays, and a fact that TMDB no longer knows stays too. Where the lake and TMDB name different films of
    IMDb, the link is wrong, and nothing is taken over.

    Args:
        lake: Where to.
        told: What the journal tells of each film.

    Raises:
        LakeError: The lake cannot be written.
    """
    held, taken = _held(lake, told)
    refusals = [film.waiting for film in told if isinstance(film.waiting, Refusal)]
    rows: list[dict[str, Any]] = []
    for film in told:
        facts = film.waiting if isinstance(film.waiting, Film) else film.given
        if facts is None:
            continue
        for row in held.get(facts.tmdb_id) or _own(facts, adds=film.adds):
            if wrong := _contradiction(row, facts, film.given, taken):
                refusals.append(wrong)
            # Most of what was told long ago is in the lake as it is.
            elif (completed := complete(row, facts, film.given)) != row or facts.tmdb_id not in held:
                rows.append(completed)
    if not rows:
        return Brought(0, quarantine(lake, refusals))
    films = merge(lake, MOVIES, pl.DataFrame(rows, schema=SCHEMAS[MOVIES]), note={"source": SOURCE})
    return Brought(films, quarantine(lake, refusals))


def complete(row: dict[str, Any], film: Film, given: Film | None) -> dict[str, Any]:
    """Return a film of the lake with the facts that TMDB may add or renew.

    Args:
        row: The film as the lake has it.
        film: What TMDB says now.
        given: What TMDB said before: what the lake still has of it is TMDB's to renew.
    """
    before = {} if given is None else given.facts()
    renewed = {
        name: value
        for name, value in film.facts().items()
        if value not in (None, []) and (row[name] in (None, []) or row[name] == before.get(name))
    }
    return row | renewed


def quarantine(lake: Lake, refusals: Sequence[Refusal]) -> int:
    """Append the refusals that the quarantine does not hold yet; return how many.

    Raises:
        ConflictError: Other writers were faster every time.
    """
    if not refusals:
        return 0
    place = (c.TABLE, c.FILE, c.LINE, c.REASON, c.DETAIL)
    told = [(MOVIES, one.place, one.line, one.reason, one.detail, one.raw) for one in refusals]
    rows = pl.DataFrame(told, schema=[*place, c.RAW], orient="row").unique(place, keep="first", maintain_order=True)
    rows = rows.with_columns(pl.lit(SOURCE).alias(c.SOURCE), pl.lit(clock.now()).alias(c.INGESTED_AT))
    return append_once(lake, QUARANTINE, rows, on=(c.SOURCE, *place), note={"source": SOURCE})


def _held(lake: Lake, told: Sequence[Told]) -> tuple[dict[int, list[dict[str, Any]]], set[int]]:
    """Return the lake's films by their TMDB identifier (several may share one), and the identifiers of the others."""
    if lake.version(MOVIES) is None:
        return {}, set()
    ids = {film.tmdb_id for film in told}
    films = lake.scan(MOVIES).collect()
    told_of = pl.col(c.TMDB_ID).is_in(ids).fill_null(value=False)
    held: dict[int, list[dict[str, Any]]] = {}
    for row in films.filter(told_of).iter_rows(named=True):
        held.setdefault(row[c.TMDB_ID], []).append(row)
    return held, set(films.filter(~told_of)[c.MOVIE_ID])


def _own(film: Film, *, adds: bool) -> Iterator[dict[str, Any]]:
    """Yield the film as one of its own, where it is to be added."""
    if adds:
        yield {c.MOVIE_ID: OWN_IDS_FROM + film.tmdb_id, c.TMDB_ID: film.tmdb_id, **film.facts()}


def _contradiction(row: dict[str, Any], film: Film, given: Film | None, taken: Collection[int]) -> Refusal | None:
    """Return why the facts are not this film's, if they are not."""
    place, raw = place_of(film.tmdb_id), film.to_json()
    if row[c.MOVIE_ID] in taken:
        return Refusal(place, 1, "id-taken", f"the lake has another film {row[c.MOVIE_ID]}", raw)
    ours, theirs = row[c.IMDB_ID], film.imdb_id
    if ours is None or theirs is None or ours == theirs or (given is not None and ours == given.imdb_id):
        return None
    detail = f"the lake's film {row[c.MOVIE_ID]} is {ours} at IMDb, TMDB's film {film.tmdb_id} is {theirs}"
    return Refusal(place, 1, "other-film", detail, raw)
