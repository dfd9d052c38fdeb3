"""What a bundle remembers of the data that it was trained on, so that drift can be told later."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

import polars as pl

from movie_mlops.core import clock
from movie_mlops.features import FeedbackConfig
from movie_mlops.flows.features import known_movies, users_at
from movie_mlops.flows.windows import LENGTH, groups_of, last_window, popularity
from movie_mlops.lake import INTERACTIONS, MOVIES, Lake
from movie_mlops.monitoring.drift import FORMAT, Reference

MADE_BY: Final[Mapping[str, Any]] = {"format": FORMAT, "days": LENGTH / timedelta(days=1), "newness": True}
"""What a reference depends on besides the data."""


def training_reference(
    lake: Lake, versions: Mapping[str, int], config: FeedbackConfig, users: pl.DataFrame | None = None
) -> Reference | None:
    """Return what the newest window of the training data looked like; ``None`` where there is nothing in it.

    Args:
        lake: The lake.
        versions: Of its tables, those of which the model learned.
        config: What counts as liking.
        users: What was known of users, where the lake was opened without their keys.
    """
    interactions = lake.scan(INTERACTIONS, version=versions[INTERACTIONS])
    window = last_window(interactions)
    if window is None:
        return None
    groups = groups_of(
        window,
        interactions,
        movies=known_movies(lake, version=versions.get(MOVIES)),
        users=users_at(lake, versions) if users is None else users,
        popular=popularity(interactions, window.began),
        config=config,
    )
    ends = {"began": clock.microseconds(window.began), "ended": clock.microseconds(window.ended)}
    return Reference.of(groups, days=round(window.days, 3), **ends)


def reference_bytes(
    lake: Lake, versions: Mapping[str, int], config: FeedbackConfig, users: pl.DataFrame | None = None
) -> bytes | None:
    """Return the same as a bundle keeps it."""
    found = training_reference(lake, versions, config, users)
    return None if found is None else found.to_bytes()
