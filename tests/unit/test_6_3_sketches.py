"""Sketches of columns and the votes of users: exact, mergeable, and the same bytes from the same rows."""

import numpy as np
import polars as pl
import pytest

from movie_mlops.monitoring.drift import Group, Histogram, NameSketch, NumberSketch, Reference, Tally
from movie_mlops.monitoring.drift.counting import ColumnCount, counted
from movie_mlops.monitoring.drift.names import MOST_NAMES
from movie_mlops.monitoring.drift.numbers import MOST_BINS, floors_of

AWKWARD = np.array([0.0, -0.0, 5e-324, -5e-324, 1.0, -1.0, 0.1, 1e308, -1e308, 1e-300, 7.0, 7.0, 2**60, -3.5])


def numbers(seed: int, rows: int = 4_000) -> np.ndarray:
    """Return numbers of every kind: both signs, many sizes, ties."""
    rng = np.random.default_rng(seed)
    parts = [rng.normal(size=rows), rng.lognormal(3, 4, size=rows), rng.integers(0, 6, size=rows), AWKWARD]
    return rng.permutation(np.concatenate(parts).astype(np.float64))


def sketch(values: np.ndarray) -> NumberSketch:
    return NumberSketch.of(Histogram.of(values), float(values.min()) + 0.0, float(values.max()) + 0.0)


@pytest.mark.parametrize("seed", range(5))
def test_parts_of_a_column_merge_to_the_sketch_of_the_whole(seed: int) -> None:
    """Promise P18: however rows are cut and ordered, the merged sketch is that of all rows, bin for bin."""
    values = numbers(seed)
    whole = sketch(values)
    rng = np.random.default_rng(seed)
    cuts = np.sort(rng.integers(1, values.size, 5))
    parts = [sketch(part) for part in np.split(rng.permutation(values), cuts) if part.size]
    rng.shuffle(parts)
    merged = parts[0]
    for part in parts[1:]:
        merged = merged.merge(part) if rng.random() < 0.5 else part.merge(merged)
    assert merged.to_json() == whole.to_json()
    assert whole.keys.size <= MOST_BINS
    assert whole.rows == values.size


def test_a_table_of_bins_and_sorted_bins_count_alike() -> None:
    """Few rows are sorted and many are counted in a table: both give the same histogram, however often rows come."""
    values = np.resize(numbers(1), 200_000)
    large = Histogram.of(values)
    halves = [Histogram.of(part) for part in np.array_split(values, 5)]
    merged = halves[0]
    for half in halves[1:]:
        merged = merged.merge(half)
    assert np.array_equal(large.keys, merged.keys)
    assert np.array_equal(large.counts, merged.counts)


def test_bins_keep_the_order_and_the_size_of_numbers() -> None:
    """A bin begins at most 0.4 % below its numbers, and no greater number is in a lower bin."""
    values = np.sort(numbers(3))
    floors = floors_of(values)
    assert (np.diff(floors) >= 0).all()
    plain = np.abs(values) > 1e-300
    away = np.abs(floors[plain] - values[plain]) / np.abs(values[plain])
    assert away.max() <= 2**-8
    found = Histogram.of(values)
    assert np.array_equal(np.unique(floors), found.lower)


def test_cells_have_about_equally_many_rows_and_ties_their_own() -> None:
    """Ten cells of a smooth column hold a tenth each; a value that a fifth of the rows has is a cell of its own."""
    rng = np.random.default_rng(0)
    smooth = Histogram.of(rng.normal(size=50_000))
    cells = smooth.cells(smooth.edges(10))
    assert cells.size == 10
    assert np.abs(cells / 50_000 - 0.1).max() < 0.01
    tied = Histogram.of(np.where(rng.random(50_000) < 0.2, 3.0, rng.normal(size=50_000)))
    shares = tied.cells(tied.edges(10)) / 50_000
    assert np.abs(shares - 0.2).min() < 0.01
    # Rows with owners are put into cells one by one: by the same rule.
    values = numbers(2)
    edges = Histogram.of(values).edges(10)
    one_by_one = np.bincount(np.searchsorted(edges, floors_of(values), side="right"), minlength=edges.size + 1)
    assert np.array_equal(one_by_one, Histogram.of(values).cells(edges))


def test_names_are_bounded_and_merge() -> None:
    """The rarest names are counted together; a name that comes once in a hundred rows may be followed by new ones."""
    many = NameSketch.of([(f"name {place:04d}", 5_000 - place) for place in range(1_000)])
    assert len(many.counts) == MOST_NAMES
    assert many.rows == sum(5_000 - place for place in range(1_000))
    one, other = NameSketch.of([("a", 3), ("b", 1)]), NameSketch.of([("b", 2), ("c", 4)])
    assert one.merge(other).counts == {"a": 3, "b": 3, "c": 4} == other.merge(one).counts
    assert NameSketch.of([(str(place), 1) for place in range(50)]).unseen() == 1.0
    assert NameSketch.of([("a", 5_000), ("b", 5_000)]).unseen() < 0.001


def test_each_user_has_one_vote() -> None:
    """Who does a hundred things has no more weight than who does one; with one row each, users are rows."""
    cells = np.array([0] * 100 + [1], np.int64)
    owners = np.array([7] * 100 + [3], np.int64)
    votes = Tally.of_users(cells, owners, 2)
    assert votes.units == 2
    assert votes.shares.tolist() == [0.5, 0.5]
    rng = np.random.default_rng(1)
    cells, owners = rng.integers(0, 4, 900), rng.integers(0, 150, 900)
    each = np.array([np.bincount(cells[owners == user], minlength=4) for user in np.unique(owners)])
    scatter = np.cov((each / each.sum(axis=1, keepdims=True)).T)
    assert np.allclose(Tally.of_users(cells, owners, 4).scatter, scatter)
    cells = rng.integers(0, 4, 500)
    as_users, as_rows = Tally.of_users(cells, np.arange(500), 4), Tally.of_rows(np.bincount(cells))
    assert np.allclose(as_users.scatter, as_rows.scatter)
    halves = Tally.of_users(cells[:200], np.arange(200), 4).merge(Tally.of_users(cells[200:], np.arange(300), 4))
    assert halves.units == 500
    assert np.allclose(halves.products, as_users.products)
    assert Tally.from_json(halves.to_json()).to_json() == halves.to_json()


def frame(seed: int, rows: int = 900) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "user": [f"u{number}" for number in rng.integers(0, 200, rows)],
            "number": np.where(rng.random(rows) < 0.1, np.nan, rng.normal(size=rows)),
            "name": rng.choice(["x", "y", "z"], rows),
            "flag": rng.random(rows) < 0.3,
        }
    )


@pytest.mark.parametrize("owner", [None, "user"])
def test_the_same_rows_give_the_same_bytes(owner: str | None) -> None:
    """Promise P7: what a bundle remembers is the same to the byte, in whatever order rows and batches come."""
    rows = frame(4)
    shuffled = rows.sample(fraction=1.0, shuffle=True, seed=1)
    whole = Reference.of([Group("rows", [rows], owner=owner)], days=28).to_bytes()
    parts = [shuffled[:100], shuffled[100:101], shuffled[101:]]
    assert Reference.of([Group("rows", parts, owner=owner)], days=28).to_bytes() == whole
    assert Reference.from_bytes(whole).to_bytes() == whole


def test_columns_are_counted_batch_by_batch() -> None:
    """Null, NaN and what is not finite are without a value; the least and the greatest number are known."""
    first = pl.DataFrame({"x": [1.0, None, float("nan")], "n": [None, None, "a"]})
    second = pl.DataFrame({"x": [float("inf"), -2.0, 3.0], "n": ["b", "a", None]})
    found = counted(Group("rows", [first, second]))
    x, n = found["x"].count, found["n"].count
    assert (x.rows, x.missing, x.low, x.high, x.histogram.rows) == (6, 3, -2.0, 3.0, 3)
    assert (n.rows, n.missing, n.names) == (6, 3, {"a": 2, "b": 1})
    ids = ColumnCount.of(pl.Series([str(place) for place in range(30_000)]))
    assert ids.overflown
    assert not ids.names
