"""Promise P29: invented users are found by what they like; people of unusual taste are left in peace."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy import sparse

from movie_mlops.bench import BenchError, ShillingBenchConfig, bench_shilling
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


def test_the_benchmark_tells_what_was_found_and_who_was_wronged(tmp_path: Path) -> None:
    """A row for each kind and share; without enough rare films there is nothing to measure."""
    rows = [(f"u{user:04}", int(film)) for user, films in enumerate(people().histories.tolil().rows) for film in films]
    feedback = pl.DataFrame(rows, schema=["user_id", "movie_id"], orient="row").with_columns(
        pl.lit(1.0, pl.Float32).alias("weight"), pl.lit(None, pl.Datetime("us", "UTC")).alias("event_time")
    )
    config = ShillingBenchConfig(attacks=("random", "bandwagon"), shares=(0.05,), targets=1)
    found = bench_shilling(config, feedback, tmp_path / "shilling.json")
    assert json.loads((tmp_path / "shilling.json").read_text())["rows"] == found["rows"]
    rows_of = {row["attack"]: row for row in found["rows"]}
    assert rows_of["random"]["recall"] >= 0.9
    assert rows_of["random"]["precision"] >= 0.9
    assert rows_of["random"]["named"] == 1.0
    assert rows_of["bandwagon"]["recall"] < 0.5
    assert found["without_an_attack"] == {"films": 0, "users": 0}
    with pytest.raises(BenchError, match="rare films"):
        bench_shilling(ShillingBenchConfig(targets=10_000), feedback, tmp_path / "no.json")
    with pytest.raises(BenchError):
        ShillingBenchConfig(shares=(0.0,))


def test_how_sure_one_must_be_can_be_chosen() -> None:
    """With a bound that nothing reaches, nothing is told."""
    assert find_pushed(attacked("random", 0.05), ShillingConfig(least_users=1000)) == ()
