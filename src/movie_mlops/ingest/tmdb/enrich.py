"""The whole way: which films to ask for, asking them, and bringing what they say to the lake."""

from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta

import polars as pl

from movie_mlops.core import clock
from movie_mlops.core import columns as c
from movie_mlops.core.digests import Plain
from movie_mlops.core.errors import ConfigurationError
from movie_mlops.core.progress import SILENT, Advance, Progress
from movie_mlops.ingest.tmdb import listings
from movie_mlops.ingest.tmdb.client import TmdbClient
from movie_mlops.ingest.tmdb.config import TmdbConfig, TmdbRequest
from movie_mlops.ingest.tmdb.errors import GoneError, MalformedAnswerError, TmdbError, TmdbUnavailableError
from movie_mlops.ingest.tmdb.facts import bring, quarantine
from movie_mlops.ingest.tmdb.films import Film, place_of, read_film
from movie_mlops.ingest.tmdb.journal import Journal, Run
from movie_mlops.ingest.tmdb.shapes import Refusal
from movie_mlops.lake import INTERACTIONS, MOVIES, Lake

_Answered = Film | Refusal | TmdbUnavailableError | None


@dataclass(frozen=True)
class TmdbReport:
    """What a run did.

    Attributes:
        films: How many films were meant.
        known: Those of them that were asked before, and are not asked again.
        left: Those that ``limit`` left for another run.
        fetched: Films that TMDB told of.
        gone: Films that TMDB does not have (any more).
        refused: Answers that are not what they should be; they are in the quarantine.
        failed: Films that TMDB could not be asked for now; the same command asks them again.
        changed: Films of the lake that are new or have new facts.
        quarantined: Rows that are new in the quarantine.
    """

    films: int = 0
    known: int = 0
    left: int = 0
    fetched: int = 0
    gone: int = 0
    refused: int = 0
    failed: int = 0
    changed: int = 0
    quarantined: int = 0

    def __add__(self, other: "TmdbReport") -> "TmdbReport":
        """Return both together."""
        return TmdbReport(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))


def enrich(
    request: TmdbRequest,
    lake: Lake,
    journal: Journal,
    client: TmdbClient,
    *,
    config: TmdbConfig | None = None,
    progress: Progress = SILENT,
) -> TmdbReport:
    """Ask TMDB for films and bring what it says to the lake; asked again, it goes on where it stopped.

    Each answer is on disk in the journal before the next step, and goes to the lake with its batch, one commit each.

    Args:
        request: Which films.
        lake: The films, and where their facts go.
        journal: What was asked before.
        client: Asks; it is stopped when this ends by an error.
        config: How large batches are, and how long the cast.
        progress: Who listens.

    Raises:
        ConfigurationError: The request makes no sense.
        TmdbError: The service cannot be asked; what it answered until then is kept.
        LakeError: The lake cannot be written.
    """
    _check(request, lake)
    config = config or TmdbConfig()
    work = _Work(request, lake, journal, client, config, progress)
    # What an earlier run left in the journal, and films that came to the lake since.
    report = work.bring(waiting_only=False)
    run = journal.begin(_question(request), resume_within=config.resume_within)
    try:
        meant, due = work.films(run)
        wanted = due[: request.limit]
        report += TmdbReport(films=len(meant), known=len(meant) - len(due), left=len(due) - len(wanted))
        with progress.task("Asking TMDB for films", len(wanted), "films") as advance:
            for start in range(0, len(wanted), config.batch):
                report += work.ask(wanted[start : start + config.batch], advance)
                report += work.bring(waiting_only=True)
    except TmdbError:
        client.stop()
        work.bring(waiting_only=True)
        raise
    except BaseException:
        client.stop()
        raise
    if not report.failed and not report.left:
        journal.finish(run)
    return report


@dataclass(frozen=True)
class _Work:
    """The parts of :func:`enrich`, over the same stores."""

    request: TmdbRequest
    lake: Lake
    journal: Journal
    client: TmdbClient
    config: TmdbConfig
    progress: Progress

    def films(self, run: Run) -> tuple[list[int], list[int]]:
        """Return the films that are meant, and those of them that are to be asked."""

        def refuse(refusals: list[Refusal]) -> None:
            quarantine(self.lake, refusals)

        reader = listings.Reader(self.journal, run, refuse=refuse, progress=self.progress)
        changed: set[int] = set()
        if self.request.films == "linked":
            meant = linked(self.lake)
            if self.request.since is not None:
                for listing in listings.changes(self.client, self.request.since, run.started_at.date()):
                    changed.update(reader.films(listing))
        elif self.request.films == "popular":
            meant = reader.films(listings.popular(self.client), limit=self.request.limit)
        else:
            meant = reader.films(listings.discover(self.client, self.request), limit=self.request.limit)
        return meant, self.journal.due(run, meant, changed=changed)

    def ask(self, tmdb_ids: Sequence[int], advance: Advance) -> TmdbReport:
        """Ask for films side by side, and keep each answer in the journal as it comes."""
        report, in_a_row = TmdbReport(), 0
        with closing(self._answers(tmdb_ids)) as answers:
            for tmdb_id, told in answers:
                advance(1)
                if isinstance(told, TmdbUnavailableError):
                    in_a_row += 1
                    if in_a_row >= self.config.give_up_after:
                        raise told
                    report += TmdbReport(failed=1)
                    continue
                in_a_row = 0
                self.journal.keep(tmdb_id, told, adds=self.request.films != "linked")
                report += TmdbReport(
                    fetched=isinstance(told, Film), refused=isinstance(told, Refusal), gone=told is None
                )
        return report

    def bring(self, *, waiting_only: bool) -> TmdbReport:
        """Bring what the journal tells to the lake."""
        told = self.journal.told(waiting_only=waiting_only)
        if not told:
            return TmdbReport()
        brought = bring(self.lake, told)
        self.journal.settle(film for film in told if film.waiting is not None)
        return TmdbReport(changed=brought.films, quarantined=brought.refused)

    def _answers(self, tmdb_ids: Sequence[int]) -> Generator[tuple[int, _Answered]]:
        with ThreadPoolExecutor(self.config.workers, thread_name_prefix="tmdb") as pool:
            asked = {pool.submit(self._film, tmdb_id): tmdb_id for tmdb_id in tmdb_ids}
            try:
                for future in as_completed(asked):
                    yield asked[future], future.result()
            except BaseException:
                # The pool waits for its threads: they must not sleep, nor begin anything new.
                self.client.stop()
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _film(self, tmdb_id: int) -> _Answered:
        try:
            answer = self.client.details(tmdb_id)
        except GoneError:
            return None
        except MalformedAnswerError as error:
            return Refusal(place_of(tmdb_id), 1, "malformed", "the answer is not JSON", error.text)
        except TmdbUnavailableError as error:
            return error
        return read_film(tmdb_id, answer, cast_size=self.config.cast_size, now=clock.now())


def linked(lake: Lake) -> list[int]:
    """Return the TMDB identifiers of the lake's films, those of the most rated films first."""
    films = lake.scan(MOVIES).filter(pl.col(c.TMDB_ID) > 0).select(c.MOVIE_ID, c.TMDB_ID)
    count = pl.lit(0).alias("count")
    if lake.version(INTERACTIONS) is not None:
        counts = lake.scan(INTERACTIONS).group_by(c.MOVIE_ID).agg(pl.len().alias("count"))
        films, count = films.join(counts, on=c.MOVIE_ID, how="left"), pl.col("count").fill_null(0)
    ordered = films.with_columns(count).sort(["count", c.MOVIE_ID], descending=[True, False])
    return ordered.collect()[c.TMDB_ID].unique(maintain_order=True).to_list()


def _check(request: TmdbRequest, lake: Lake) -> None:
    if request.films == "linked" and lake.version(MOVIES) is None:
        raise ConfigurationError(
            "The lake has no films yet that could be looked up at TMDB.",
            next_step="Load some that have links, such as: movie-mlops ingest load --source movielens:ml-latest-small",
        )
    if request.since is not None and request.films != "linked":
        raise ConfigurationError(
            f"--since asks again for films of the lake; --films {request.films} is about others.",
            next_step="Leave out one of the two.",
        )
    if request.since is not None and request.since > clock.now().date() + timedelta(days=1):
        raise ConfigurationError(f"--since {request.since} is in the future.", next_step="Name a day in the past.")
    if request.films != "discover" and (request.genres or request.years):
        raise ConfigurationError(
            "--genre and --years choose films of --films discover.",
            next_step="Add --films discover, or leave them out.",
        )


def _question(request: TmdbRequest) -> dict[str, Plain]:
    """Return what makes two calls the same question: everything but how many films at once."""
    return {
        "films": request.films,
        "since": None if request.since is None else request.since.isoformat(),
        "genres": sorted(request.genres),
        "years": list(request.years or ()),
    }
