"""Promise P29: invented users are found by what they like; people of unusual taste are left in peace."""

from functools import cache

import numpy as np
import pytest
from scipy import sparse

from movie_mlops.monitoring.shilling import ShillingConfig, find_pushed
from movie_mlops.release.gates import Audience
from movie_mlops.release.gates.config import Attack
from movie_mlops.release.gates.shilling import profiles

USERS, FILMS, TARGET = 1200, 300, 290


@cache
def people() -> Audience:
    """People of eight tastes; who has one likes its films, more of the famous ones, and now and then another film."""
    generator = np.random.default_rng(11)
    fame = 1.0 / np.arange(2, FILMS + 2) ** 1.1
    taste = generator.integers(0, 8, FILMS)
    seen = np.zeros((USERS, FILMS), dtype=np.float32)
    for user in range(USERS):
        chance = fame * np.where(taste == user % 8, 12.0, 1.0)
        seen[user, generator.choice(FILMS, 30, replace=False, p=chance / chance.sum())] = 1.0
    liked = seen * (generator.random(seen.shape) < 0.6)
    return Audience(tuple(f"u{u:04}" for u in range(USERS)), sparse.csr_matrix(liked), sparse.csr_matrix(seen))


def attacked(attack: Attack, share: float, seed: int = 3) -> sparse.csr_matrix:
    invented = profiles(attack, round(share * USERS), TARGET, people(), seed)
    return sparse.csr_matrix(sparse.vstack([people().histories, invented]))


def test_nobody_is_suspected_where_nobody_is_invented() -> None:
    """Without an attack no film is told, nor where there are too few people to tell anything."""
    assert find_pushed(people().histories) == ()
    assert find_pushed(people().histories[:20]) == ()
    assert find_pushed(sparse.csr_matrix((0, 5))) == ()


@pytest.mark.parametrize("attack", ["random", "average"])
@pytest.mark.parametrize("share", [0.03, 0.05])
def test_invented_users_are_found(attack: Attack, share: float) -> None:
    """At 3 and 5 %: the pushed film alone, nine of ten who are told are invented, and nine of ten invented are told."""
    found = find_pushed(attacked(attack, share))
    assert [one.film for one in found] == [TARGET]
    told = np.unique(np.concatenate([one.users for one in found]))
    invented = told >= USERS
    assert invented.mean() >= 0.9
    assert invented.sum() >= 0.9 * round(share * USERS)


def test_how_sure_one_must_be_can_be_chosen() -> None:
    """With a bound that nothing reaches, nothing is told."""
    assert find_pushed(attacked("random", 0.05), ShillingConfig(least_users=1000)) == ()
