"""Facts of films as numbers, before anybody has met them."""

import numpy as np
import polars as pl

from movie_mlops.features import film_content

MOVIES = pl.DataFrame(
    {
        "movie_id": [3, 1, 2, 9],
        "year": [1999, 1994, None, 1994],
        "genres": [["Comedy", "Drama"], ["Comedy", "Comedy"], [], ["Drama"]],
        "directors": [["A"], ["A"], ["B"], ["A"]],
        "language": ["en", None, "fr", "en"],
    }
)
IDS = np.array([1, 2, 3, 4], np.int64)


def test_features_are_named_and_in_order() -> None:
    """Features that at least two of the wanted films have, by name; those of one film or of every film are left out."""
    content = film_content(MOVIES, IDS)
    assert content.names == ("decade:1990", "director:A", "genre:Comedy")
    np.testing.assert_array_equal(content.matrix.toarray() > 0, [[1, 1, 1], [0, 0, 0], [1, 1, 1], [0, 0, 0]])
    assert content.matrix.dtype == np.float32
    everyone = film_content(pl.DataFrame({"movie_id": [1, 2], "genres": [["Drama"], ["Drama"]]}), IDS[:2])
    assert everyone.names == ()
    assert everyone.matrix.shape == (2, 0)


def test_a_rare_feature_says_more() -> None:
    """Of two features of a film the rarer one weighs more, as log(N / n); a film's row has length 1."""
    movies = pl.DataFrame({"movie_id": [1, 2, 3, 4], "genres": [["R", "F"], ["R", "F"], ["F"], []]})
    content = film_content(movies, IDS)
    frequent, rare = content.matrix.toarray()[0]
    np.testing.assert_allclose(rare / frequent, np.log(4 / 2) / np.log(4 / 3), rtol=1e-6)
    lengths = np.linalg.norm(content.matrix.toarray(), axis=1)
    np.testing.assert_allclose(lengths, [1, 1, 1, 0], rtol=1e-6)


def test_the_order_of_the_films_does_not_matter() -> None:
    """Rows of the table in another order give the same bytes."""
    one, other = film_content(MOVIES, IDS), film_content(MOVIES.reverse(), IDS)
    assert one.names == other.names
    for part in ("data", "indices", "indptr"):
        np.testing.assert_array_equal(getattr(one.matrix, part), getattr(other.matrix, part))


def test_a_table_without_facts_gives_no_feature() -> None:
    """Where the table has no column of facts, or no film that is wanted, nothing is known."""
    assert film_content(pl.DataFrame({"movie_id": [1]}), IDS).matrix.shape == (4, 0)
    assert film_content(MOVIES, np.array([77], np.int64)).names == ()
