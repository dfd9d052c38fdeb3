"""Step 2: feature tables into the lake, histories into the online store."""

import polars as pl

from movie_mlops.features import FILM_FEATURES, USER_FEATURES, FeedbackConfig, feedback, film_features, user_features
from movie_mlops.flows.platform import Platform
from movie_mlops.flows.steps import Result
from movie_mlops.lake import INTERACTIONS, Lake


def features(platform: Platform, ingested: Result) -> Result:
    """Compute the feature views as of the newest interaction and build every history anew."""
    lake, config = platform.lake, platform.config.feedback
    interactions = lake.scan(INTERACTIONS, version=ingested["versions"][INTERACTIONS])
    note = {INTERACTIONS: str(ingested["versions"][INTERACTIONS])}
    versions = {
        FILM_FEATURES.name: lake.overwrite(
            FILM_FEATURES.name, film_features(interactions, as_of=None, config=config), note=note
        ),
        USER_FEATURES.name: lake.overwrite(
            USER_FEATURES.name, user_features(interactions, as_of=None, config=config), note=note
        ),
    }
    users = platform.events.materialise(interactions, after=ingested["events_offset"])
    return {
        "versions": versions,
        "views": {view.name: view.digest() for view in (FILM_FEATURES, USER_FEATURES)},
        "histories": users,
    }


def training_feedback(platform: Platform, ingested: Result) -> pl.DataFrame:
    """Return the feedback of the lake at the version that was ingested."""
    return known_feedback(platform.lake, platform.config.feedback, version=ingested["versions"][INTERACTIONS])


def known_feedback(lake: Lake, config: FeedbackConfig, *, version: int | None = None) -> pl.DataFrame:
    """Return the feedback of the lake at a version, the newest by default."""
    return feedback(lake.scan(INTERACTIONS, version=version), config)
