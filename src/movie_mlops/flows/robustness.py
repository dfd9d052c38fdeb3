"""The full trial of invented users: every attack, at every share, on more films than each release takes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from movie_mlops.core.columns import MOVIE_ID
from movie_mlops.core.progress import Progress
from movie_mlops.flows.features import known_feedback
from movie_mlops.flows.platform import Platform
from movie_mlops.recommenders import create
from movie_mlops.release import Attack
from movie_mlops.release.gates import Audience, attacks, build_world

EVERY_ATTACK: Final[tuple[Attack, ...]] = ("random", "average", "bandwagon")
EVERY_SHARE: Final = (0.01, 0.03, 0.05)


@dataclass(frozen=True)
class Trial:
    """What the attacks achieved.

    Attributes:
        rows: One for each recipe, attack and share: mean and greatest lift over the films.
        sampled: On what it was tried, in a sentence.
    """

    rows: tuple[dict[str, Any], ...]
    sampled: str


def robustness(
    platform: Platform,
    recipes: Sequence[str],
    *,
    chosen: Sequence[Attack],
    shares: Sequence[float],
    targets: int,
    progress: Progress,
) -> Trial:
    """Attack recipes with invented users; nothing is written.

    Args:
        platform: The stores.
        recipes: Names of the recipes.
        chosen: Kinds of profiles.
        shares: Invented users, as shares of the real ones.
        targets: How many films are pushed, one at a time.
        progress: Told of each training.
    """
    config = replace(platform.config.gate.robustness, attacks=tuple(chosen), shares=tuple(shares), targets=targets)
    feedback = known_feedback(platform.lake, platform.config.feedback)
    audience = Audience.of(feedback, np.unique(feedback[MOVIE_ID].to_numpy()))
    world = build_world(audience, config)
    rows = []
    for recipe in platform.config.recipes:
        if recipe.name not in recipes or create(recipe.model, recipe.params).capabilities.needs_times:
            continue
        found = list(attacks(recipe.model, recipe.params, world, config, progress=progress))
        for attack in config.attacks:
            for share in config.shares:
                lifts = [one.lift for one in found if (one.attack, one.share) == (attack, share)]
                rows.append(
                    {
                        "recipe": recipe.name,
                        "attack": attack,
                        "share": share,
                        "mean_lift": float(np.mean(lifts)),
                        "greatest_lift": max(lifts),
                        "allowed": config.max_lift,
                        "bounded": "yes" if max(lifts) <= config.max_lift else "no",
                    }
                )
    sampled = (
        f"Tried on {len(world.audience):,} of {len(audience):,} users and {world.audience.seen.shape[1]:,} of"
        f" {audience.seen.shape[1]:,} films; {world.targets.size} rare films were pushed, one at a time."
    )
    return Trial(tuple(rows), sampled)
