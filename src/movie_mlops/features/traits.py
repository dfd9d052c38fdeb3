"""What is known of users before they have liked anything, as a matrix of users by traits."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import polars as pl
from scipy import sparse

from movie_mlops.core.columns import AGE, GENDER, OCCUPATION, USER_ID

LEAST_USERS: Final = 5
"""A trait that fewer users have is left out: it says more of them than of what people like them like."""

_USER: Final = "user"
_NAME: Final = "name"

_AGES: Final = (18, 25, 35, 45, 50, 56)
"""Where the next age group begins; those of the data set ml-1m."""

_BETWEEN: Final = ":"
"""Between what is told and what it is: ``age:25-34``."""


@dataclass(frozen=True)
class UserTraits:
    """Traits of users as numbers.

    Attributes:
        matrix: csr float32[users, traits], 1 where a user has the trait; a row is empty where nothing is known.
        names: The traits, ascending, such as ``age:25-34`` and ``occupation:artist``.
    """

    matrix: sparse.csr_matrix
    names: tuple[str, ...]


def user_traits(users: pl.DataFrame, user_ids: Sequence[str], names: Sequence[str] | None = None) -> UserTraits:
    """Return gender, age group and occupation of users; a postcode, which tells most of who somebody is, is not used.

    Args:
        users: One row for each user; a column that it lacks is not known of anybody, a user that it lacks not at all.
        user_ids: The users, in the order of the rows.
        names: The traits, in the order of the columns; others are left out. By default all that enough of the users
            have.
    """
    wanted = pl.DataFrame({USER_ID: user_ids}, schema={USER_ID: pl.String}).with_row_index(_USER)
    pairs = wanted.join(_named(users), on=USER_ID, how="inner").select(_USER, _NAME)
    if names is None:
        counts = pairs.group_by(_NAME).len().filter(pl.col("len") >= LEAST_USERS)
        names = sorted(counts[_NAME].to_list())
    columns = pl.DataFrame({_NAME: list(names)}, schema={_NAME: pl.String}).with_row_index("column")
    found = pairs.join(columns, on=_NAME, how="inner").sort(_USER, "column")
    places = (found[_USER].to_numpy(), found["column"].to_numpy())
    ones = np.ones(found.height, np.float32)
    return UserTraits(sparse.csr_matrix((ones, places), shape=(len(user_ids), len(names))), tuple(names))


def named_traits(told: Mapping[str, str | int]) -> tuple[str, ...]:
    """Return the names that `user_traits` has for the traits that somebody tells of themselves; nothing is checked.

    Args:
        told: What is told, such as ``{"gender": "F", "age": 27}``. An age in years is taken for its group; the group
            may be told, too.
    """
    return tuple(
        f"{name}{_BETWEEN}{_group_of(value) if name == AGE and isinstance(value, int) else value}"
        for name, value in told.items()
    )


def known_traits(names: Iterable[str]) -> dict[str, list[str]]:
    """Return what can be told, and each value that it can have, of traits with these names."""
    known: dict[str, list[str]] = {}
    for name in names:
        column, _, value = name.partition(_BETWEEN)
        known.setdefault(column, []).append(value)
    return known


def _named(users: pl.DataFrame) -> pl.DataFrame:
    """Return which user has which trait, each pair once."""
    parts = [pl.DataFrame(schema={USER_ID: pl.String, _NAME: pl.String})]
    read = {GENDER: pl.col(GENDER), AGE: _group(), OCCUPATION: pl.col(OCCUPATION)}
    for column, value in read.items():
        if column in users.columns:
            told = users.select(USER_ID, value.alias(_NAME)).drop_nulls()
            parts.append(told.select(USER_ID, pl.format(f"{column}{_BETWEEN}{{}}", _NAME).alias(_NAME)))
    return pl.concat(parts).unique()


def _group() -> pl.Expr:
    """Return the age group that an age falls into: ``under 18``, ``18-24`` … ``56+``; null where there is no age."""
    age = pl.col(AGE)
    group: pl.Expr = pl.when(age < _AGES[0]).then(pl.lit(f"under {_AGES[0]}"))
    for low, high in pairwise(_AGES):
        group = pl.when(age.is_between(low, high - 1)).then(pl.lit(f"{low}-{high - 1}")).otherwise(group)
    return pl.when(age >= _AGES[-1]).then(pl.lit(f"{_AGES[-1]}+")).otherwise(group)


def _group_of(age: int) -> str:
    """Return the age group of one age, as `_group` does of many."""
    if age < _AGES[0]:
        return f"under {_AGES[0]}"
    return next((f"{low}-{high - 1}" for low, high in pairwise(_AGES) if age < high), f"{_AGES[-1]}+")
