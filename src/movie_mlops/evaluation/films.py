"""What is known of the films of a case, and the slices that follow from it."""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from movie_mlops.core.columns import GENRES, MOVIE_ID, YEAR

RARE: Final = "films: rare"

_LONG_TAIL: Final = 0.2
_UNKNOWN: Final = -1


@dataclass(frozen=True)
class Films:
    """Facts of films, in the order of a case's ``movie_ids``.

    Attributes:
        genre_names: The genres, in alphabetical order.
        genres: csr float32[items, genres]; 1 where a film is of a genre.
        years: int64[items]; -1 where a year is not known.
    """

    genre_names: tuple[str, ...]
    genres: sparse.csr_matrix
    years: NDArray[np.int64]

    @classmethod
    def of(cls, movies: pl.DataFrame, movie_ids: NDArray[np.int64]) -> Self:
        """Take the facts out of a frame of films (movie_id, year, genres); a film that it lacks has none.

        Args:
            movies: One row a film.
            movie_ids: int64[items], ascending: the films whose facts are wanted.
        """
        wanted = pl.DataFrame({MOVIE_ID: movie_ids}).with_row_index("item")
        known = wanted.join(movies.select(MOVIE_ID, YEAR, GENRES), on=MOVIE_ID, how="left", maintain_order="left")
        pairs = known.select("item", GENRES).explode(GENRES).drop_nulls().unique(maintain_order=True)
        names = tuple(sorted(pairs[GENRES].unique().to_list()))
        place = {name: number for number, name in enumerate(names)}
        columns = np.asarray([place[name] for name in pairs[GENRES].to_list()], dtype=np.int64)
        rows = pairs["item"].to_numpy().astype(np.int64)
        ones = np.ones(rows.size, dtype=np.float32)
        return cls(
            genre_names=names,
            genres=sparse.csr_matrix((ones, (rows, columns)), shape=(movie_ids.size, len(names))),
            years=known[YEAR].fill_null(_UNKNOWN).to_numpy().astype(np.int64),
        )

    def of_genre(self, genre: str) -> NDArray[np.int64]:
        """Return the items of a genre; none where nobody has heard of it."""
        if genre not in self.genre_names:
            return np.empty(0, dtype=np.int64)
        column = self.genres[:, [self.genre_names.index(genre)]]
        return np.asarray(column.nonzero()[0], dtype=np.int64)

    def shares(self) -> sparse.csr_matrix:
        """Return csr float32[items, genres]: each film's genres, which share its weight of 1 evenly."""
        sizes = np.maximum(np.diff(self.genres.indptr), 1)
        return sparse.csr_matrix(sparse.diags_array(1.0 / sizes) @ self.genres, dtype=np.float32)

    def slices(self, popularity: NDArray[np.int64]) -> dict[str, NDArray[np.bool_]]:
        """Return bool[items] for each slice of the films: every genre, every decade, and the rare ones.

        Rare are the least liked films that have a fifth of the likes between them: the long tail (Anderson 2004).

        Args:
            popularity: int64[items]; likes in the training data.
        """
        found = {
            f"genre: {name}": np.asarray(self.genres[:, [column]].toarray()[:, 0] > 0)
            for column, name in enumerate(self.genre_names)
        }
        decades = np.where(self.years == _UNKNOWN, _UNKNOWN, self.years // 10 * 10)
        for decade in np.unique(decades[decades != _UNKNOWN]):
            found[f"decade: {decade}s"] = decades == decade
        order = np.argsort(popularity, kind="stable")
        tail = np.cumsum(popularity[order]) <= _LONG_TAIL * popularity.sum()
        rare = np.zeros(popularity.size, dtype=np.bool_)
        rare[order[tail]] = True
        found[RARE] = rare
        return found
