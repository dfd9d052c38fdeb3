"""Which column of somebody else's file is which of ours."""

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Final

from movie_mlops.core import columns as c
from movie_mlops.ingest.errors import SourceError

# The names that are recognised, best first, written without capitals, spaces and underscores.
INTERACTION_NAMES: Final[dict[str, str]] = {
    c.USER_ID: "userid user uid customerid customer memberid member viewerid viewer",
    c.MOVIE_ID: "movieid movie filmid film itemid item iid productid product",
    c.VALUE: "value rating ratings stars score",
    c.EVENT_TIME: "eventtime timestamp ts time datetime date ratedat watchedat createdat",
    c.KIND: "kind event eventtype action type",
}
MOVIE_NAMES: Final[dict[str, str]] = {
    c.MOVIE_ID: "movieid movie filmid film itemid item iid productid product id",
    c.TITLE: "title name movietitle filmtitle",
    c.YEAR: "year releaseyear",
    c.GENRES: "genres genre",
    c.DIRECTORS: "directors director",
    c.LANGUAGE: "language originallanguage lang",
    c.RUNTIME: "runtimeminutes runtime",
    c.TMDB_ID: "tmdbid",
    c.IMDB_ID: "imdbid",
    c.KEYWORDS: "keywords keyword",
    c.CAST: "cast actors",
    c.SERIES: "series collection franchise",
}

USER_NAMES: Final[dict[str, str]] = {
    c.USER_ID: "userid user uid customerid customer memberid member viewerid viewer id",
    c.GENDER: "gender sex",
    c.AGE: "age",
    c.OCCUPATION: "occupation job profession",
    c.POSTCODE: "postcode zip zipcode postalcode",
}


def map_columns(
    found: Sequence[str],
    known: Mapping[str, str],
    *,
    given: Mapping[str, str],
    required: Sequence[str],
    file: str,
    option: str,
) -> dict[str, str]:
    """Return our name to the file's, for the columns that the file has.

    Args:
        found: The file's columns.
        known: Our name to the names that are recognised for it.
        given: Our name to the file's, as the user says; it goes before what is recognised.
        required: Our names that must be there.
        file: The file's name, for messages.
        option: The option that maps a column, for messages (``--column``).

    Raises:
        SourceError: A required column is not found, or ``given`` names a column that does not exist.
    """
    for ours, theirs in given.items():
        if ours not in known:
            raise SourceError(
                f"There is no column {ours!r} to map to; ours are {', '.join(known)}.",
                next_step=f"Write {option} {get_close_matches(ours, known, n=1, cutoff=0.0)[0]}={theirs}",
            )
        if theirs not in found:
            near = get_close_matches(theirs, found, n=1, cutoff=0.0)
            raise SourceError(
                f"The file {file} has no column {theirs!r}; it has {', '.join(found)}.",
                next_step=f"Write {option} {ours}={near[0]}",
            )
    plain = {re.sub(r"[^a-z]", "", name.lower()): name for name in reversed(found) if name not in given.values()}
    mapped = dict(given)
    for ours, names in known.items():
        match = next((plain[name] for name in names.split() if name in plain), None)
        if ours not in mapped and match is not None:
            mapped[ours] = match
    missing = [ours for ours in required if ours not in mapped]
    if missing:
        example = " ".join(f"{option} {ours}=<its name in the file>" for ours in missing)
        raise SourceError(
            f"The file {file} has no column for {' and '.join(missing)}; it has {', '.join(found)}.",
            next_step=f"Say which columns they are: {example} (a CSV file needs a first line of names).",
        )
    return mapped
