"""Step 2: feature tables into the lake, histories into the online store."""

from collections.abc import Mapping
from typing import Final

import polars as pl

from movie_mlops.features import FILM_FEATURES, USER_FEATURES, Cut, FeedbackConfig
from movie_mlops.features.engines import LOCAL, FeatureEngine
from movie_mlops.flows.platform import Platform
from movie_mlops.flows.steps import Result
from movie_mlops.lake import INTERACTIONS, MOVIES, SCHEMAS, USERS, Lake

_TABLES: Final = (FILM_FEATURES, USER_FEATURES)


def features(platform: Platform, ingested: Result) -> Result:
    """Compute the feature views as of the newest interaction and build every history anew."""
    lake, config = platform.lake, platform.config.feedback
    interactions = lake.scan(INTERACTIONS, version=ingested["versions"][INTERACTIONS])
    films = lake.scan(MOVIES, version=ingested["versions"][MOVIES])
    note = {table: str(ingested["versions"][table]) for table in (INTERACTIONS, MOVIES)}
    tables = platform.engine.tables(_TABLES, lake, ingested["versions"], config, memory=platform.memory.at_once)
    versions = {name: lake.overwrite(name, table, note=note) for name, table in tables.items()}
    cut = Cut(
        interactions,
        films,
        {table: ingested["versions"][table] for table in (INTERACTIONS, MOVIES)},
        ingested["events_offset"],
    )
    written = {name: lake.scan(name, version=version) for name, version in versions.items()}
    prepared = platform.features.prepare(cut, tables=written)
    users = 0 if prepared is None else platform.events.write(prepared)
    return {
        "versions": versions,
        "views": {view.name: view.digest() for view in _TABLES},
        "histories": users,
    }


def training_feedback(platform: Platform, ingested: Result) -> pl.DataFrame:
    """Return the feedback of the lake at the version that was ingested."""
    version = ingested["versions"][INTERACTIONS]
    config, memory = platform.config.feedback, platform.memory.at_once
    return platform.engine.feedback(platform.lake, version, config, memory=memory)


def known_movies(lake: Lake, *, version: int | None = None) -> pl.DataFrame:
    """Return the films of the lake at a version, the newest by default; none where it has no table of films."""
    if lake.version(MOVIES) is None:
        return pl.DataFrame(schema=SCHEMAS[MOVIES])
    return lake.scan(MOVIES, version=version).collect()


def known_users(lake: Lake, *, version: int | None = None) -> pl.DataFrame:
    """Return what the lake tells of users at a version, the newest by default; nothing where it has no such table."""
    if lake.version(USERS) is None:
        return pl.DataFrame(schema=SCHEMAS[USERS])
    return lake.scan(USERS, version=version).collect()


def users_at(lake: Lake, versions: Mapping[str, int]) -> pl.DataFrame:
    """Return what the lake told of users at the versions of its tables; nothing where there was no such table yet."""
    return known_users(lake, version=versions[USERS]) if USERS in versions else pl.DataFrame(schema=SCHEMAS[USERS])


def known_feedback(
    lake: Lake, config: FeedbackConfig, *, version: int | None = None, engine: FeatureEngine = LOCAL
) -> pl.DataFrame:
    """Return the feedback of the lake at a version, the newest by default."""
    return engine.feedback(lake, version, config)
