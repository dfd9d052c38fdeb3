"""Serving: the API over the stores of one data set."""

import polars as pl
from fastapi import FastAPI
from pydantic import SecretStr

from movie_mlops.core.nouns import Workspace
from movie_mlops.features import FILM_FEATURES, RedisConfig
from movie_mlops.flows.config import PlatformConfig
from movie_mlops.flows.platform import Platform
from movie_mlops.flows.records import PlatformRecords
from movie_mlops.lake import MOVIES, Lake, LakeConfig
from movie_mlops.release import KeysConfig
from movie_mlops.serving import Catalogue, ServingConfig, create_app


def make_app(
    workspace: Workspace,
    config: PlatformConfig,
    serving: ServingConfig,
    *,
    lakes: LakeConfig | None = None,
    redis: RedisConfig | None = None,
    keys: KeysConfig | None = None,
    state_url: SecretStr | None = None,
) -> FastAPI:
    """Return the API of one data set, with its stores opened."""
    platform = Platform(workspace, config, lakes, redis, keys=keys, state_url=state_url)
    return create_app(
        serving,
        database=platform.database,
        ledger=platform.ledger,
        bundles=workspace.models,
        trust=platform.keys.trust,
        histories=platform.histories,
        features=platform.features,
        events=platform.events,
        feedback=config.feedback,
        load_catalogue=lambda: _catalogue(platform.lake),
        records=PlatformRecords(platform),
    )


def _catalogue(lake: Lake) -> Catalogue:
    movies = lake.scan(MOVIES).collect()
    features: pl.DataFrame | None = None
    if lake.version(FILM_FEATURES.name) is not None:
        features = lake.scan(FILM_FEATURES.name).collect()
    return Catalogue.from_frames(movies, features)
