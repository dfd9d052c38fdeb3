"""Invented users: what their profiles look like, and that what they achieve is measured and bounded."""

import numpy as np
import pytest
from scipy import sparse

from movie_mlops.release.gates import Audience, RobustnessGate, build_world, judge_robustness
from movie_mlops.release.gates.config import Attack
from movie_mlops.release.gates.shilling import profiles

USERS, FILMS = 300, 50


def audience(users: int = USERS, films: int = FILMS) -> Audience:
    """Users who met twelve films each; the lower its number, the more of them met and liked a film."""
    generator = np.random.default_rng(7)
    fame = 1.0 / np.arange(1, films + 1)
    seen = np.zeros((users, films), dtype=np.float32)
    for user in range(users):
        seen[user, generator.choice(films, 12, replace=False, p=fame / fame.sum())] = 1.0
    liked = seen * (generator.random(seen.shape) < np.linspace(0.9, 0.3, films))
    return Audience(tuple(f"u{u:03}" for u in range(users)), sparse.csr_matrix(liked), sparse.csr_matrix(seen))


@pytest.mark.parametrize("attack", ["random", "average", "bandwagon"])
def test_every_invented_user_likes_the_film_and_as_much_else_as_real_ones(attack: Attack) -> None:
    """All of them like the target; none met more films than the median user and the target; a seed repeats them."""
    real = audience()
    rows = profiles(attack, 40, target=45, real=real, seed=3)
    assert rows.shape == (40, FILMS)
    assert (rows[:, [45]].toarray() == 1).all()
    sizes = np.diff(rows.indptr)
    assert sizes.max() <= 13
    assert sizes.min() >= 1
    assert (rows != profiles(attack, 40, target=45, real=real, seed=3)).nnz == 0
    assert (rows != profiles(attack, 40, target=45, real=real, seed=4)).nnz > 0


def test_the_attacks_differ_in_what_else_is_liked() -> None:
    """Bandwagon profiles like the most liked films; average ones like a film as often as real users do."""
    real = audience()
    famous = np.argsort(-real.likes())[:6]
    bandwagon = profiles("bandwagon", 400, 45, real, 3).toarray()
    average = profiles("average", 400, 45, real, 3).toarray()
    random = profiles("random", 400, 45, real, 3).toarray()
    assert (bandwagon[:, famous] == 1).all()
    assert random[:, famous].mean() < 0.3
    well_liked, little_liked = average[:, :10].mean(), average[:, 35:45].mean()
    assert well_liked > little_liked * 1.3
    assert abs(random[:, :10].mean() - random[:, 35:45].mean()) < 0.05


def test_the_world_is_small_and_its_targets_are_rare() -> None:
    """However many users and films there are, the trial takes the configured number, and pushes little-liked films."""
    world = build_world(audience(), RobustnessGate(users=150, films=30, targets=4))
    assert len(world.audience) == 150
    assert world.audience.seen.shape[1] <= 30
    likes = world.audience.likes()
    assert world.targets.size == 4
    assert (likes[world.targets] <= np.median(likes)).all()
    assert (likes[world.targets] >= 3).all()


def test_an_attack_beyond_the_bound_is_refused_with_its_figures() -> None:
    """A recipe that hundreds of invented users turn around fails, and the sentence says how many and what was tried."""
    config = RobustnessGate(shares=(0.5,), max_lift=0.1, least_films=20)
    check = judge_robustness("item-knn", {"shrinkage": 0.0}, audience(), config)
    assert not check.passed
    assert check.estimate is not None
    assert check.estimate > 0.1
    assert "50% invented users (bandwagon profiles)" in check.sentence
    assert "tried on 300 of 300 users" in check.sentence
    assert len(check.parts) == 2


def test_a_list_that_is_the_same_for_all_is_moved_by_votes_alone() -> None:
    """Popularity cannot be moved by three percent."""
    check = judge_robustness("popular", {}, audience(films=300), RobustnessGate(least_films=50))
    assert (check.passed, check.judged) == (True, True)
    assert check.estimate == 0.0


@pytest.mark.parametrize(
    ("model", "users", "config"),
    [
        ("ease", 300, RobustnessGate(attacks=())),
        ("popular-recent", 300, RobustnessGate()),
        ("ease", 50, RobustnessGate(least_films=20)),
        ("ease", 300, RobustnessGate()),
    ],
    ids=["none asked for", "needs times", "few users", "few films"],
)
def test_what_is_not_tried_is_said(model: str, users: int, config: RobustnessGate) -> None:
    """No attack is asked for, the recipe rests on times, or users or films are too few: it passes with the reason."""
    check = judge_robustness(model, {}, audience(users), config)
    assert (check.passed, check.judged) == (True, False)
