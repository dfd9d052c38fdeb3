"""What is known of films before anybody has met them, as a matrix of films by features."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from movie_mlops.core.columns import CAST, DIRECTORS, GENRES, KEYWORDS, LANGUAGE, MOVIE_ID, YEAR

_LEAST_FILMS: Final = 2
"""A feature of fewer films than these ties no film to another."""

_ITEM: Final = "item"
_NAME: Final = "name"

_FACTS: Final[dict[str, tuple[str, Callable[[], pl.Expr]]]] = {
    "genre": (GENRES, lambda: pl.col(GENRES)),
    "decade": (YEAR, lambda: (pl.col(YEAR) // 10 * 10).cast(pl.String)),
    "language": (LANGUAGE, lambda: pl.col(LANGUAGE)),
    "director": (DIRECTORS, lambda: pl.col(DIRECTORS)),
    "cast": (CAST, lambda: pl.col(CAST)),
    "keyword": (KEYWORDS, lambda: pl.col(KEYWORDS)),
}
"""Each kind of fact: the column that holds it, and how it is read."""


@dataclass(frozen=True)
class FilmContent:
    """Facts of films as numbers.

    Attributes:
        matrix: csr float32[films, features]; each film's row has length 1, and is empty where nothing is known of it.
        names: The features, ascending, such as ``director:Agnès Varda`` and ``genre:Comedy``.
    """

    matrix: sparse.csr_matrix
    names: tuple[str, ...]


def film_content(movies: pl.DataFrame, movie_ids: NDArray[np.int64]) -> FilmContent:
    """Return genres, decade, language, directors, cast and keywords of films; the rarer a feature, the more it says.

    A feature f that n_f of the N films have weighs log(N / n_f) (K. Spärck Jones, 1972); one that a single film has, or
    every film, is left out. The same films give the same matrix, whatever the order of ``movies``.

    Args:
        movies: One row for each film; a column that it lacks is not known of any film.
        movie_ids: int64[films], ascending: the films, in the order of the rows.
    """
    wanted = pl.DataFrame({MOVIE_ID: movie_ids}).with_row_index(_ITEM)
    known = wanted.join(movies, on=MOVIE_ID, how="inner")
    pairs = pl.concat([_pairs(known, kind) for kind in _FACTS]).unique().sort(_NAME, _ITEM)
    pairs = pairs.with_columns(pl.len().over(_NAME).alias("films"))
    pairs = pairs.filter(pl.col("films") >= _LEAST_FILMS, pl.col("films") < movie_ids.size)
    names = pairs[_NAME].unique(maintain_order=True).to_list()
    weights = np.log(movie_ids.size / pairs["films"].to_numpy().astype(np.float64))
    rows, columns = pairs[_ITEM].to_numpy().astype(np.int64), pairs[_NAME].rle_id().to_numpy().astype(np.int64)
    lengths = np.sqrt(np.bincount(rows, weights**2, minlength=movie_ids.size))
    values = (weights / lengths[rows]).astype(np.float32)
    matrix = sparse.csr_matrix((values, (rows, columns)), shape=(movie_ids.size, len(names)))
    return FilmContent(matrix, tuple(names))


def _pairs(known: pl.DataFrame, kind: str) -> pl.DataFrame:
    """Return which film has which feature of a kind, each pair once."""
    column, read = _FACTS[kind]
    if column not in known.columns:
        return pl.DataFrame(schema={_ITEM: known.schema[_ITEM], _NAME: pl.String})
    told = known.select(_ITEM, read().alias(_NAME))
    if isinstance(told.schema[_NAME], pl.List):
        told = told.explode(_NAME)
    return told.drop_nulls().with_columns(pl.format(f"{kind}:{{}}", _NAME).alias(_NAME))
