"""From a source into the lake.

A load goes through its file piece by piece. Each piece is checked, and its good rows are committed as the very next
version after the one that was read to find out which are new. So a piece is never half in, two loads at a time never
write a row twice, and after a kill at any moment the same call writes what is missing. Refused rows are kept many at a
time, all of them before the last piece, with which the cursor moves: a load that has ended has told them all.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from time import perf_counter
from typing import Final, NamedTuple, TypeVar

import polars as pl

from movie_mlops.core import clock
from movie_mlops.core import columns as c
from movie_mlops.core.digests import canonical_json
from movie_mlops.core.progress import SILENT, Progress
from movie_mlops.ingest.checking import Checked, check
from movie_mlops.ingest.commits import QUARANTINE_PLACE, again, append_once, typed
from movie_mlops.ingest.config import IngestConfig, Mode
from movie_mlops.ingest.contract import Facts
from movie_mlops.ingest.contracts import CONTRACTS
from movie_mlops.ingest.known import Known, hashed
from movie_mlops.ingest.leaving_out import without_others
from movie_mlops.ingest.merging import merge
from movie_mlops.ingest.people import check_names
from movie_mlops.ingest.pseudonymous import PseudonymousSource
from movie_mlops.ingest.raw import RawTable
from movie_mlops.ingest.refusals import as_duplicates
from movie_mlops.ingest.replay import mark_as_good, open_rows
from movie_mlops.ingest.rules import freeze_unfit
from movie_mlops.ingest.schema_changes import changes_of
from movie_mlops.ingest.sources import Source
from movie_mlops.ingest.tally import IngestReport, Tally
from movie_mlops.ingest.window import ALL, Window, cursor_of
from movie_mlops.lake import BATCHES, EXTRAS, INTERACTIONS, MOVIES, QUARANTINE, SCHEMAS, USERS, Lake, seal_plain
from movie_mlops.security.people import People

T = TypeVar("T")

# Refused rows that may wait in memory: a commit for those of each piece would cost more than to check them.
_MAY_WAIT: Final = 50_000

At = Callable[[str], None]
"""Called with the name of each point that a load passes; a test may raise there what a crash would be."""


def load(
    source: Source,
    lake: Lake,
    *,
    config: IngestConfig | None = None,
    window: Window = ALL,
    people: People | None = None,
    progress: Progress = SILENT,
    at: At = lambda _point: None,
) -> IngestReport:
    """Hold a source's rows against the contracts and write them: films, then interactions with what was refused.

    A table that gets nothing new gets no commit, so the same source twice changes nothing; each load leaves what it
    counted in the table ``batches``.

    Args:
        source: Where the rows come from.
        lake: Where they go.
        config: What the contracts accept.
        window: Which interactions are meant.
        people: By which names users are known, and whose rows stay out; these are counted among those that the load is
            not about.
        progress: Who listens.
        at: Called at each point that the load passes.

    Raises:
        SourceError: The data cannot be had, or knows its users otherwise than the lake.
        ContractError: Something changed that is frozen; nothing was written.
        ConflictError: Other writers were faster every time.
        LakeError: The lake cannot be written.
    """
    source.prepare(progress)
    if people is not None:
        check_names(lake, pseudonyms=people.pseudonyms is not None)
        if people.pseudonyms is not None:
            source = PseudonymousSource(source, people.pseudonyms)
    seal_plain(lake)
    return _Load(source, lake, config or IngestConfig(), window, at=at, people=people).run(progress)


def _ahead(pieces: Iterator[T], *, by: int = 1) -> Iterator[T]:
    """Yield the pieces, with so many of the next ones being made meanwhile."""
    with ThreadPoolExecutor(1) as maker:
        coming = deque(maker.submit(next, pieces, None) for _ in range(by))
        while (piece := coming.popleft().result()) is not None:
            coming.append(maker.submit(next, pieces, None))
            yield piece


def _with_last(pieces: Iterator[T]) -> Iterator[tuple[T, bool]]:
    """Yield each piece, and whether it is the last."""
    piece = next(pieces, None)
    while piece is not None:
        following = next(pieces, None)
        yield piece, following is None
        piece = following


class _Piece(NamedTuple):
    """A piece of a file that was checked.

    Attributes:
        raw: As the source gave it.
        checked: Held against the contract.
        meant: Those of the good rows that the load is about.
        keys: Their hashes, as :meth:`Known.remember` takes them.
    """

    raw: RawTable
    checked: Checked
    meant: pl.DataFrame
    keys: pl.DataFrame


class _Load:
    """One load, and what it counts."""

    def __init__(
        self, source: Source, lake: Lake, config: IngestConfig, window: Window, *, at: At, people: People | None
    ) -> None:
        self._whom = people
        self._source, self._lake, self._config, self._window, self._at = source, lake, config, window, at
        self._now = clock.now()
        self._dataset = source.dataset
        self._note = {"source": source.dataset, "fingerprint": source.fingerprint()}
        self._films, self._people, self._rows = Tally(), Tally(), Tally()
        self._waiting = pl.DataFrame()
        self._known = Known(lake, self._dataset, repeated=CONTRACTS[INTERACTIONS].repeated)
        self._ours: int | None = None
        self._newest: int | None = lake.cursor(INTERACTIONS, cursor_of(self._dataset))
        self._opened = pl.DataFrame()

    def run(self, progress: Progress) -> IngestReport:
        # Three at a time: while a piece is written, the next ones are checked, and one after them is read.
        pieces = _ahead(self._pieces())
        first = next(pieces, None)
        contract = CONTRACTS[INTERACTIONS]
        if first is not None:
            changes_of(first, contract, contract.modes(self._config))
        self._refuse_frozen()
        with progress.task(f"Ingesting {self._dataset}", None, "rows") as advance:
            self._bring(MOVIES, self._source.movies(unknown=self._keeps_new_columns(MOVIES)), self._films)
            self._at("films")
            people = self._source.users(unknown=self._keeps_new_columns(USERS))
            if people is not None:
                self._bring(USERS, people, self._people)
                self._at("users")
            facts = self._facts(first)
            if first is not None:
                self._opened = open_rows(self._lake, source=self._dataset, table=INTERACTIONS, file=first.file)
            every = pieces if first is None else chain([first], pieces)
            checked = _ahead(((self._check(raw, facts), last) for raw, last in _with_last(every)), by=2)
            with self._lake.recorder.beside():
                for piece, last in checked:
                    self._bring_rows(piece, last=last)
                    advance(piece.raw.rows)
            if first is None:
                self._quarantine(self._waiting)
        self._leave_counts()
        return self._report()

    def _check(self, raw: RawTable, facts: Facts) -> _Piece:
        checked = self._permitted(check(raw, CONTRACTS[INTERACTIONS], facts, dataset=self._dataset), INTERACTIONS)
        self._rows.look_at(checked, INTERACTIONS)
        meant = checked.good if self._window.is_all else checked.good.filter(self._window.has())
        return _Piece(raw, checked, meant, hashed(meant))

    def _permitted(self, checked: Checked, table: str) -> Checked:
        return checked if self._whom is None else without_others(checked, table, people=self._whom)

    def _pieces(self) -> Iterator[RawTable]:
        return self._source.batches(config=self._config, unknown=self._keeps_new_columns(INTERACTIONS))

    def _keeps_new_columns(self, table: str) -> bool:
        return CONTRACTS[table].modes(self._config).new_column is not Mode.DISCARD_VALUE

    def _facts(self, raw: RawTable | None) -> Facts:
        films = self._lake.scan(MOVIES).select(c.MOVIE_ID).collect()[c.MOVIE_ID]
        return Facts(self._config, self._now, films, raw.value_scale if raw else None)

    def _refuse_frozen(self) -> None:
        """Look at everything before anything is written, where a single value may refuse the whole."""
        contract = CONTRACTS[INTERACTIONS]
        modes = contract.modes(self._config)
        frozen = {modes.mode("unfit_value", column.name) for column in contract.columns if column.unfit}
        if Mode.FREEZE in frozen:
            for raw in self._pieces():
                facts = Facts(self._config, self._now, scale=raw.value_scale)
                freeze_unfit(check(raw, contract, facts, dataset=self._dataset).bad, contract, modes)

    def _bring(self, table: str, raw: RawTable, tally: Tally) -> None:
        """Bring in the films, or what is known of the users."""
        contract = CONTRACTS[table]
        checked = check(raw, contract, Facts(self._config, self._now), dataset=self._dataset)
        if table != MOVIES:
            checked = self._permitted(checked, table)
        freeze_unfit(checked.bad, contract, contract.modes(self._config))
        tally.look_at(checked, table)
        tally.add(raw, checked)
        tally.good = checked.good.height
        self._waiting = pl.concat([part for part in (self._waiting, checked.bad) if part.width])
        self._keep_extras(checked, table)
        rows = typed(checked.good, table)
        tally.new = merge(self._lake, table, rows, placeholder=raw.placeholder, note=self._note)

    def _bring_rows(self, piece: _Piece, *, last: bool) -> None:
        raw, checked, meant, keys = piece
        self._rows.add(raw, checked)
        self._rows.outside += checked.good.height - meant.height
        self._keep_extras(checked, INTERACTIONS)
        self._at("checked")
        newest = meant[c.EVENT_TIME].dt.epoch("us").max()
        if newest is not None and self._window.moves_cursor:
            self._newest = max(self._newest or int(str(newest)), int(str(newest)))
        new, repeated = again(lambda: self._commit(piece, last=last), attempts=self._config.attempts)
        self._rows.new += new
        self._rows.good += meant.height - repeated.height
        self._rows.refuse(repeated)
        self._known.remember(meant, users=checked.users, keys=keys)
        self._close_opened(raw, checked)

    def _commit(self, piece: _Piece, *, last: bool) -> tuple[int, pl.DataFrame]:
        """Commit what is new of a piece; return how many rows that is, and those that repeat others."""
        raw, checked, meant, _ = piece
        # Whether another writer came after our last commit, the next one finds out; there is no need to look before.
        ours = self._ours is not None
        version = self._ours if ours else self._lake.version(INTERACTIONS)
        self._known.at(version, ours=ours)
        found = self._known.sort(meant, users=checked.users)
        repeated = as_duplicates(found.repeated, raw, CONTRACTS[INTERACTIONS], checked.changes)
        refused = pl.concat([part for part in (self._waiting, checked.bad, repeated) if part.width])
        if last or refused.height > _MAY_WAIT:
            self._quarantine(refused)
            refused = refused.clear()
            self._at("quarantined")
        cursors = self._cursors() if last else {}
        if version is None or cursors or not found.new.is_empty():
            rows = found.new.with_columns(pl.lit(self._dataset).alias(c.SOURCE), pl.lit(self._now).alias(c.INGESTED_AT))
            self._ours = None
            self._ours = self._lake.append(
                INTERACTIONS, typed(rows, INTERACTIONS), note=self._note, after=version, cursors=cursors
            )
            self._at("committed")
        else:
            self._ours = version
        # Not before: a commit that another writer was faster with is tried again, with what waited for it.
        self._waiting = refused
        return found.new.height, repeated

    def _cursors(self) -> dict[str, int]:
        """Return the cursor where it moves."""
        name = cursor_of(self._dataset)
        moved = self._window.moves_cursor and self._newest is not None
        if not moved or self._lake.cursor(INTERACTIONS, name) == self._newest:
            return {}
        assert self._newest is not None
        return {name: self._newest}

    def _quarantine(self, bad: pl.DataFrame) -> None:
        rows = bad.with_columns(pl.lit(self._dataset).alias(c.SOURCE), pl.lit(self._now).alias(c.INGESTED_AT))
        attempts = self._config.attempts
        append_once(self._lake, QUARANTINE, rows, on=QUARANTINE_PLACE, note=self._note, attempts=attempts)

    def _keep_extras(self, checked: Checked, table: str) -> None:
        if checked.extras.is_empty():
            return
        told = {c.TABLE: table, c.SOURCE: self._dataset, c.INGESTED_AT: self._now}
        rows = checked.extras.with_columns(pl.lit(value).alias(name) for name, value in told.items())
        on, attempts = (c.SOURCE, c.TABLE, c.KEY, c.EXTRAS), self._config.attempts
        append_once(self._lake, EXTRAS, rows, on=on, note=self._note, attempts=attempts)

    def _close_opened(self, raw: RawTable, checked: Checked) -> None:
        """Mark rows that were refused by an earlier load of this file and are good now."""
        if self._opened.is_empty():
            return
        lines = checked.good.filter(pl.col(c.LINE).is_in(self._opened[c.LINE].implode()))
        if lines.is_empty():
            return
        told = lines.select(c.LINE, pl.lit(None, pl.String).alias(c.REASON), pl.lit(None, pl.String).alias(c.DETAIL))
        rows = as_duplicates(told, raw, CONTRACTS[INTERACTIONS], checked.changes).select(c.LINE, c.RAW)
        good = self._opened.join(rows, on=[c.LINE, c.RAW], how="semi")
        mark_as_good(self._lake, good.join(lines.select(c.LINE, c.EVENT_ID), on=c.LINE), self._now, self._config)

    def _leave_counts(self) -> None:
        brought = {MOVIES: self._films, USERS: self._people, INTERACTIONS: self._rows}
        rows = [self._counts(table, tally) for table, tally in brought.items() if table != USERS or tally.file]
        self._lake.append(BATCHES, pl.DataFrame(rows, schema=SCHEMAS[BATCHES]), note=self._note)
        self._at("counted")

    def _counts(self, table: str, tally: Tally) -> dict[str, object]:
        return {
            c.TABLE: table,
            c.SOURCE: self._dataset,
            c.FILE: tally.file,
            c.FINGERPRINT: self._note["fingerprint"],
            c.INGESTED_AT: self._now,
            c.SECONDS: round(perf_counter() - tally.started, 3),
            c.ROWS_READ: tally.read,
            c.ROWS_GOOD: tally.good,
            c.ROWS_NEW: tally.new,
            c.ROWS_QUARANTINED: tally.bad,
            c.ROWS_OUTSIDE: tally.outside,
            c.REASONS: canonical_json(tally.reasons).decode(),
            c.WARNINGS: canonical_json(tally.warnings).decode(),
            c.CHANGES: canonical_json(tally.changes).decode(),
            c.STATISTICS: canonical_json(tally.statistics.plain()).decode(),
        }

    def _report(self) -> IngestReport:
        films, people, rows = self._films, self._people, self._rows
        versions = {table: self._lake.version(table) for table in (MOVIES, USERS, INTERACTIONS, QUARANTINE)}
        return IngestReport(
            rows_read=rows.read,
            rows_good=rows.good,
            rows_new=rows.new,
            rows_quarantined=rows.bad,
            reasons=dict(sorted(rows.reasons.items())),
            movies=films.good,
            movies_read=films.read,
            movies_new=films.new,
            movies_quarantined=films.bad,
            movie_reasons=dict(sorted(films.reasons.items())),
            versions={table: version for table, version in versions.items() if version is not None},
            rows_outside=rows.outside,
            warnings=dict(Counter(films.warnings) + Counter(people.warnings) + Counter(rows.warnings)),
            changes=[
                f"{sentence}: {mode}" for sentence, mode in {**films.changes, **people.changes, **rows.changes}.items()
            ],
            users=people.good,
            users_new=people.new,
            users_quarantined=people.bad,
            user_reasons=dict(sorted(people.reasons.items())),
        )
