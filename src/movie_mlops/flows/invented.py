"""Invented users in the lake: who seems to push a film, before a model is trained on them."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from movie_mlops.core.columns import MOVIE_ID
from movie_mlops.flows.features import known_feedback
from movie_mlops.flows.platform import Platform
from movie_mlops.monitoring.shilling import ShillingConfig, find_pushed
from movie_mlops.release.gates import Audience


@dataclass(frozen=True)
class Invented:
    """What seems to be pushed in the lake.

    Attributes:
        looked_at: How many users have likes.
        rows: For each film, the most pushed first: movie_id, users (their ids), liked_by_suspects, liked_by_others.
    """

    looked_at: int
    rows: tuple[dict[str, Any], ...]


def find_invented(platform: Platform, config: ShillingConfig | None = None) -> Invented:
    """Look for films that users who seem made up push; nothing is written.

    Args:
        platform: The stores.
        config: How sure one must be.
    """
    feedback = known_feedback(platform.lake, platform.config.feedback)
    films = np.unique(feedback[MOVIE_ID].to_numpy())
    audience = Audience.of(feedback, films)
    rows = tuple(
        {
            "movie_id": int(films[one.film]),
            "users": [audience.user_ids[user] for user in one.users],
            "liked_by_suspects": one.suspects,
            "liked_by_others": one.others,
        }
        for one in find_pushed(audience.histories, config)
    )
    return Invented(len(audience), rows)
