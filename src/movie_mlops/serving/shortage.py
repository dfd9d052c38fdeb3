"""What an answer says of itself: why it is not personal, why it is short, which wish it could not keep."""

from collections.abc import Iterator

import numpy as np

from movie_mlops.serving.arranging import Arranged
from movie_mlops.serving.catalogue import Catalogue
from movie_mlops.serving.choosing import Choice
from movie_mlops.serving.scoring import Scored
from movie_mlops.serving.wishes import Mask, Wish, and_


def sentences(*said: str | None) -> str | None:
    """Return sentences as one text; ``None`` where there is none."""
    return " ".join(sentence for sentence in said if sentence) or None


def origin(scored: Scored, recent: bool, found: int) -> str | None:
    """Say why an answer is not personal.

    Args:
        scored: Where it comes from.
        recent: Whether its films are liked lately.
        found: How many films it has.
    """
    if scored.why is None or scored.model is not None:
        return scored.why
    if not found:
        return None
    if scored.newcomer:
        return f"{scored.why}, so these are the films that people like first."
    return f"{scored.why}, so these are the films with the most {'likes lately' if recent else 'likes'}."


def shortage(choice: Choice, found: int, wish: Wish) -> str | None:
    """Say why there are fewer films than were asked for."""
    if found >= wish.k:
        return None
    catalogue = choice.scored.catalogue
    unknown = wish.filters.unknown_genres(catalogue)
    if unknown:
        listed = and_([f"'{genre}'" for genre in unknown])
        return f"No film has the genre {listed}; GET /v1/genres lists those that there are."
    if found:
        return f"Only {found} {'film is' if found == 1 else 'films are'} left after the filters and exclusions."
    if wish.cursor is not None and wish.cursor.shown:
        return "No film is left: the pages before have shown every one."
    return _contradiction(catalogue, choice, wish)


def ruled(arranged: Arranged) -> str:
    """Say that the rules of the house leave places empty."""
    found = len(arranged.placed)
    return f"The rules of this server leave room for only {found} {'film' if found == 1 else 'films'}."


def unkept(choice: Choice, arranged: Arranged, wish: Wish) -> Iterator[str]:
    """Say of each wish and rule that could not be kept why not."""
    for name in arranged.unmet:
        yield f"Too few films are left for what the rules keep for '{name}'."
    scored = choice.scored
    if wish.exclude_finished_series and not scored.catalogue.series:
        yield (
            "The catalogue does not know which films form a series, so none was left out as finished: the lake's films "
            "need the fact 'series', which 'movie-mlops ingest tmdb' brings in."
        )
    there = {film.movie_id for film in choice.pinned}
    missing = [movie_id for movie_id in wish.pins if movie_id not in there]
    if wish.cursor is not None:
        missing = [movie_id for movie_id in missing if movie_id not in wish.cursor.shown]
    if missing:
        named = and_([str(movie_id) for movie_id in missing])
        is_ = "is" if len(missing) == 1 else "are"
        yield f"Pinned but not shown {is_} {named}: not in the catalogue, excluded, or outside of filters or rules."


def page(wish: Wish, release_id: int | None) -> str | None:
    """Say that another release answers this page than answered the first."""
    cursor = wish.cursor
    if cursor is None or not cursor.digest or cursor.release_id == release_id:
        return None
    now, before = (_release(one) for one in (release_id, cursor.release_id))
    return f"This page is by {now}, the first one was by {before}; no film of the pages before comes again."


def _release(release_id: int | None) -> str:
    return "no release" if release_id is None else f"release {release_id}"


def _contradiction(catalogue: Catalogue, choice: Choice, wish: Wish) -> str:
    """Say why no film is left: one filter that nothing passes, filters that exclude each other, or exclusions."""
    parts = list(wish.filters.parts(catalogue))
    for words, mask in parts:
        if not mask.any():
            return f"No film {words}; ask for something else."
    together: Mask = np.ones(len(catalogue), np.bool_)
    named: list[str] = []
    for words, mask in parts:
        together = together & mask
        named.append(words)
        if not together.any():
            return f"No film {and_(named)}: together these filters leave nothing; leave one of them out."
    if choice.filtered is not None and not choice.filtered.any():
        return "No film is left: the rules of this server leave out every film that passes the filters."
    return "No film is left after the filters and exclusions; ask for more genres or years."
