"""Lists of films, page after page: popular, discover, changes; each page is asked once in a run."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from movie_mlops.core.progress import Progress
from movie_mlops.ingest.tmdb.client import Answer, Params, TmdbClient
from movie_mlops.ingest.tmdb.config import TmdbRequest
from movie_mlops.ingest.tmdb.errors import MalformedAnswerError, TmdbError
from movie_mlops.ingest.tmdb.films import tmdb_genre
from movie_mlops.ingest.tmdb.journal import Journal, Page, Run
from movie_mlops.ingest.tmdb.shapes import Genres, Listed, Refusal, Sheet, read

# The service shows no page after this one.
_LAST_PAGE: Final = 500
# Rows slide from page to page while a list is read; another turn finds those that slid past.
_TURNS: Final = 3


@dataclass(frozen=True)
class Listing:
    """A list that the service gives in pages.

    Attributes:
        name: How the journal calls it.
        ask: Returns a page, by its number from 1.
    """

    name: str
    ask: Callable[[int], Answer]


class Reader:
    """Reads lists within one run.

    Args:
        journal: Keeps the pages.
        run: The run that asks.
        refuse: Called with what cannot be read, before its page is kept.
        progress: Who listens.
    """

    def __init__(
        self, journal: Journal, run: Run, *, refuse: Callable[[list[Refusal]], None], progress: Progress
    ) -> None:
        self._journal = journal
        self._run = run
        self._refuse = refuse
        self._progress = progress

    def films(self, listing: Listing, *, limit: int | None = None) -> list[int]:
        """Return the films of a list, each once, in its order; the first ``limit`` of them.

        A list changes while it is read: rows slide to the next page and come twice, or to the page before and are
        missed. So where the list says that it has more films than were seen, and can be shown whole, it is read again,
        three times at most.

        Raises:
            TmdbError: The service cannot be asked, or a page has another shape than it should have.
        """
        seen: dict[int, None] = {}
        enough = False
        with self._progress.task(f"Reading TMDB's list '{listing.name}'", None, "pages") as advance:
            for turn in range(_TURNS):
                before = len(seen)
                for page in self._pages(listing, turn):
                    advance(1)
                    seen.update(dict.fromkeys(page.ids))
                    enough = limit is not None and len(seen) >= limit
                    if enough:
                        break
                whole = len(seen) + page.refused >= page.total_results or page.total_pages > _LAST_PAGE
                if enough or whole or len(seen) == before:
                    break
        return list(seen)[:limit]

    def _pages(self, listing: Listing, turn: int) -> Iterator[Page]:
        number = last = 1
        while number <= last:
            page = self._journal.page(self._run, listing.name, turn, number)
            if page is None:
                page = self._ask(listing, number)
                self._journal.keep_page(self._run, listing.name, turn, number, page)
            yield page
            number, last = number + 1, min(page.total_pages, _LAST_PAGE)

    def _ask(self, listing: Listing, number: int) -> Page:
        place = f"tmdb:{listing.name}?page={number}"
        try:
            answer = listing.ask(number)
        except MalformedAnswerError as error:
            self._refuse([Refusal(place, 1, "malformed", "the answer is not JSON", error.text)])
            raise
        sheet = read(Sheet, answer.data, place=place, raw=answer.text)
        if isinstance(sheet, Sheet) and sheet.page != number:
            sheet = Refusal(place, 1, "wrong-page", f"page {sheet.page} came for page {number}", answer.text)
        if isinstance(sheet, Refusal):
            self._refuse([sheet])
            raise TmdbError(
                f"Page {number} of TMDB's list {listing.name!r} is not what it should be ({sheet.detail}).",
                next_step="The answer is in the quarantine: movie-mlops ingest quarantine",
            )
        rows = [
            read(Listed, row, place=place, raw=json.dumps(row), line=line) for line, row in enumerate(sheet.results, 1)
        ]
        refusals = [row for row in rows if isinstance(row, Refusal)]
        self._refuse(refusals)
        ids = tuple(row.id for row in rows if isinstance(row, Listed))
        return Page(ids, len(refusals), sheet.total_pages, sheet.total_results)


def popular(client: TmdbClient) -> Listing:
    """Return the list of the popular films."""
    return Listing("popular", client.popular)


def discover(client: TmdbClient, request: TmdbRequest) -> Listing:
    """Return the list of the films that the request's filters leave.

    Raises:
        TmdbError: The service knows no such genre, or cannot be asked.
    """
    filters = _filters(client, request)
    return Listing("discover", lambda page: client.discover(page, filters))


def changes(client: TmdbClient, since: date, until: date) -> Iterator[Listing]:
    """Yield the lists of the films that changed, one for each day: a day's list is short enough to be shown whole."""
    for past in range((until - since).days + 1):
        day = since + timedelta(days=past)

        def ask(page: int, day: date = day) -> Answer:
            return client.changes(page, day, day + timedelta(days=1))

        yield Listing(f"changes {day.isoformat()}", ask)


def _filters(client: TmdbClient, request: TmdbRequest) -> Params:
    filters: dict[str, str | int] = {}
    if request.genres:
        filters["with_genres"] = ",".join(str(genre) for genre in genre_ids(client, request.genres))
    if request.years:
        first, last = request.years
        filters |= {"primary_release_date.gte": f"{first:04d}-01-01", "primary_release_date.lte": f"{last:04d}-12-31"}
    return filters


def genre_ids(client: TmdbClient, names: tuple[str, ...]) -> list[int]:
    """Return TMDB's identifiers of genres, called by our names or TMDB's.

    Raises:
        TmdbError: The service knows no such genre, or cannot be asked.
    """
    known = genres(client)
    ids = {name.casefold(): genre_id for name, genre_id in known.items()}
    for name in names:
        if tmdb_genre(name).casefold() not in ids:
            raise TmdbError(f"TMDB has no genre {name!r}.", next_step=f"It has: {', '.join(known)}.")
    return [ids[tmdb_genre(name).casefold()] for name in names]


def genres(client: TmdbClient) -> dict[str, int]:
    """Return TMDB's genres and their identifiers.

    Raises:
        TmdbError: The service cannot be asked, or its list is not what it should be.
    """
    answer = client.genres()
    told = read(Genres, answer.data, place="tmdb:genre/movie/list", raw=answer.text)
    if isinstance(told, Refusal):
        raise TmdbError(
            f"TMDB's list of genres is not what it should be ({told.detail}).",
            next_step="Check MOVIE_MLOPS_TMDB_URL, and leave out --genre.",
        )
    return {genre.name: genre.id for genre in told.genres}
