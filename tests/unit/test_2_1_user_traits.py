"""Traits of users as numbers, before they have liked anything."""

import numpy as np
import polars as pl
import pytest

from movie_mlops.features import known_traits, named_traits, user_traits

USERS = pl.DataFrame(
    {
        "user_id": [f"u{place}" for place in range(12)],
        "gender": ["F"] * 6 + ["M"] * 5 + [None],
        "age": [17, 18, 24, 25, 34, 35, 44, 45, 49, 50, 56, 99],
        "occupation": ["artist"] * 4 + ["writer"] * 8,
        "postcode": ["12345"] * 12,
    }
)
IDS = USERS["user_id"].to_list()


def test_a_trait_is_kept_where_enough_users_have_it() -> None:
    """Traits of at least five users are named and in order; a postcode is never one."""
    traits = user_traits(USERS, IDS)
    assert traits.names == ("gender:F", "gender:M", "occupation:writer")
    assert traits.matrix.toarray()[[0, 6, 11]].tolist() == [[1, 0, 0], [0, 1, 1], [0, 0, 1]]
    assert traits.matrix.dtype == np.float32


def test_ages_are_groups() -> None:
    """Each age lies in one of seven groups, of which the bounds are the first years."""
    groups = ["under 18", "18-24", "18-24", "25-34", "25-34", "35-44", "35-44", "45-49", "45-49", "50-55", "56+", "56+"]
    names = [f"age:{group}" for group in dict.fromkeys(groups)]
    found = user_traits(USERS, IDS, names).matrix.toarray().argmax(axis=1)
    assert [names[place] for place in found] == [f"age:{group}" for group in groups]


def test_other_users_are_told_in_the_terms_of_the_first() -> None:
    """With given names the columns are these; a trait that is none of them, and a user nobody knows, say nothing."""
    traits = user_traits(USERS, ["nobody", "u7", "u0"], ("gender:F", "gender:M"))
    assert traits.names == ("gender:F", "gender:M")
    assert traits.matrix.toarray().tolist() == [[0, 0], [0, 1], [1, 0]]


@pytest.mark.parametrize("users", [USERS.clear(), USERS.select("user_id"), USERS.with_columns(gender=None)])
def test_what_is_not_known_is_no_trait(users: pl.DataFrame) -> None:
    """An empty table, one without such columns and one of nulls tell nothing of what they lack."""
    traits = user_traits(users, IDS)
    assert not any(name.startswith("gender") for name in traits.names)
    assert traits.matrix.shape == (12, len(traits.names))


def test_what_one_person_tells_has_the_names_of_the_table() -> None:
    """Each age in years, told in a request, is of the group that the same age is of in training; so are the words."""
    ages = list(range(121))
    users = pl.DataFrame({"user_id": [str(age) for age in ages], "age": ages})
    names = tuple(dict.fromkeys(name for age in ages for name in named_traits({"age": age})))
    assert len(names) == 7
    matrix = user_traits(users, users["user_id"].to_list(), names).matrix.toarray()
    assert [names[place] for place in matrix.argmax(axis=1)] == [named_traits({"age": age})[0] for age in ages]
    told = named_traits({"gender": "F", "age": "25-34", "occupation": "artist"})
    assert told == ("gender:F", "age:25-34", "occupation:artist")
    assert known_traits(["age:18-24", "age:25-34", "gender:F"]) == {"age": ["18-24", "25-34"], "gender": ["F"]}
