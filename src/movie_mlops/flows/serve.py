"""Serving: the API over the stores of one data set."""

import math
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import polars as pl
from fastapi import FastAPI
from pydantic import SecretStr

from movie_mlops.core.columns import EVENT_TIME, MOVIE_ID, USER_ID, WEIGHT
from movie_mlops.core.logs import LogLines
from movie_mlops.core.nouns import Workspace
from movie_mlops.core.tracing import Tracer
from movie_mlops.events.triggers import BudgetConfig
from movie_mlops.features import FILM_FEATURES, FeedbackConfig, RedisConfig, feedback, open_redis
from movie_mlops.flows.config import PlatformConfig
from movie_mlops.flows.console import PlatformOperations
from movie_mlops.flows.erasure import PlatformRights, check_not_returned
from movie_mlops.flows.measures import PlatformWatched
from movie_mlops.flows.platform import Platform
from movie_mlops.flows.records import PlatformRecords
from movie_mlops.flows.rollout import Conductor
from movie_mlops.ingest import check_names
from movie_mlops.lake import INTERACTIONS, MOVIES, Lake, LakeConfig
from movie_mlops.monitoring import FreshnessConfig
from movie_mlops.recommenders import LikedFirstParams, PopularRecentParams, lately_since, liked_first
from movie_mlops.release import KeysConfig
from movie_mlops.security import AskedUsers, AuditLog, Buckets, KeySecret, Limiter, Pseudonyms, RedisLimiter, RedisUsers
from movie_mlops.serving import Catalogue, ServingConfig, create_app

_OF_FILMS: Final = (MOVIES, FILM_FEATURES.name, INTERACTIONS)
"""The tables that tell of films."""
_EVER: Final = "likes_all"
_MOST_WORDS: Final = 1_000_000
"""Of about so many words of people who are here it is looked what is liked first: all of them are for a small platform,
and a sample of people for a large one, which a server can hold beside the rest."""
_FURTHER: Final = 4
"""So many times as many of the newest words are looked at where there were too few likes among them."""


def make_app(
    workspace: Workspace,
    config: PlatformConfig,
    serving: ServingConfig,
    *,
    lakes: LakeConfig | None = None,
    redis: RedisConfig | None = None,
    keys: KeysConfig | None = None,
    state_url: SecretStr | None = None,
    lines: LogLines | None = None,
    tracer: Tracer | None = None,
    key_secret: KeySecret | None = None,
    budget: BudgetConfig | None = None,
    freshness: FreshnessConfig | None = None,
) -> FastAPI:
    """Return the API of one data set, with its stores opened."""
    platform = Platform(workspace, config, lakes, redis, keys=keys, state_url=state_url)
    check_names(platform.lake, pseudonyms=platform.people.pseudonyms is not None)
    check_not_returned(platform)
    limiter = None if redis is None else shared_limiter(serving, redis, workspace.dataset)
    asked = None if redis is None else shared_asked(serving, redis, workspace.dataset)
    return _app(
        platform,
        serving,
        lines=lines,
        tracer=tracer,
        key_secret=key_secret,
        limiter=limiter,
        asked=asked,
        budget=budget,
        freshness=freshness,
    )


def shared_limiter(serving: ServingConfig, redis: RedisConfig, dataset: str) -> RedisLimiter:
    """Return what counts for all servers of a data set."""
    connect = partial(open_redis, redis)
    return RedisLimiter(Buckets(serving.security.limits), connect, prefix=f"movie-mlops:{dataset}")


def shared_asked(serving: ServingConfig, redis: RedisConfig, dataset: str) -> AskedUsers:
    """Return what counts, for all servers of a data set, for how many users somebody asks."""
    shared = RedisUsers(partial(open_redis, redis), prefix=f"movie-mlops:{dataset}")
    return AskedUsers(serving.security.limits, shared=shared)


def describe() -> dict[str, Any]:
    """Return the API's OpenAPI document; it is the same for every data set."""
    with TemporaryDirectory(prefix="movie-mlops-") as folder:
        platform = Platform(Workspace(Path(folder), "none"), PlatformConfig())
        try:
            return _app(platform, ServingConfig()).openapi()
        finally:
            platform.close()


def _app(
    platform: Platform,
    serving: ServingConfig,
    *,
    lines: LogLines | None = None,
    tracer: Tracer | None = None,
    key_secret: KeySecret | None = None,
    limiter: Limiter | None = None,
    asked: AskedUsers | None = None,
    budget: BudgetConfig | None = None,
    freshness: FreshnessConfig | None = None,
) -> FastAPI:
    return create_app(
        serving,
        database=platform.database,
        ledger=platform.ledger,
        bundles=platform.workspace.models,
        trust=platform.keys.trust,
        histories=platform.histories,
        features=platform.features,
        events=platform.events,
        feedback=platform.config.feedback,
        load_catalogue=lambda: read_catalogue(platform.lake, platform.config),
        films_stand=lambda: tuple(platform.lake.version(name) for name in _OF_FILMS),
        records=PlatformRecords(platform),
        conductor=Conductor.of(platform),
        operations=PlatformOperations(platform, freshness),
        watched=PlatformWatched(platform, budget, freshness),
        people=platform.people,
        rights=PlatformRights(platform),
        lines=lines,
        tracer=tracer,
        audit=AuditLog(platform.database, Pseudonyms.kept_in(platform.workspace.keys)),
        key_secret=key_secret,
        limiter=limiter,
        asked=asked,
    )


def read_catalogue(lake: Lake, config: PlatformConfig) -> Catalogue:
    """Return the films of a lake, with how much they are liked.

    Of all time that is told by the features, which are made with the models; lately, and first, by what came in since
    as well.

    Args:
        lake: The lake.
        config: What counts as liking, what lately is, and what is liked first.
    """
    counted = config.feedback
    movies = lake.scan(MOVIES).collect()
    features: pl.DataFrame | None = None
    if lake.version(FILM_FEATURES.name) is not None:
        features = lake.scan(FILM_FEATURES.name).collect()
    if lake.version(INTERACTIONS) is None:
        return Catalogue.from_frames(movies, features)
    said = lake.scan(INTERACTIONS)
    newest = said.select(pl.col(EVENT_TIME).max()).collect(engine="streaming").item()
    if newest is None:
        return Catalogue.from_frames(movies, features)
    lately = _liked_lately(said, newest, counted, config.lately)
    first = _liked_first(said, newest, counted, config.newcomers, _ever(movies, features))
    return Catalogue.from_frames(movies, features, lately=lately, first=first)


def _liked_lately(
    said: pl.LazyFrame, newest: datetime, counted: FeedbackConfig, lately: PopularRecentParams
) -> dict[int, int]:
    """Return by how many each film is liked lately, as of the newest word: what ``popular-recent`` learns."""
    # What is older counts for nothing here, and is most of what there is.
    likes = _likes(said.filter(pl.col(EVENT_TIME) > newest - timedelta(days=lately.days)), counted)
    looked, least, known = 0, lately.least, said.filter(pl.col(EVENT_TIME).is_not_null())
    many = known.select(pl.len()).collect(engine="streaming").item() if likes.height < least else 0
    while likes.height < least and looked < many:
        # Whatever was said since the earliest of the newest words; of one moment everything.
        looked = _FURTHER * max(least, looked)
        back = known.select(pl.col(EVENT_TIME).top_k(looked).min()).collect(engine="streaming").item()
        likes = _likes(known.filter(pl.col(EVENT_TIME) >= back), counted)
    since = lately_since(
        likes[EVENT_TIME].dt.epoch("s").to_numpy(), days=lately.days, least=least, now=int(newest.timestamp())
    )
    late = likes.filter(pl.col(EVENT_TIME).dt.epoch("s") > since)
    return dict(late.group_by(MOVIE_ID).len().iter_rows())


def _likes(said: pl.LazyFrame, counted: FeedbackConfig) -> pl.DataFrame:
    """Return who likes what by their latest word."""
    return feedback(said, counted).filter(pl.col(WEIGHT) > 0)


def _liked_first(
    said: pl.LazyFrame, newest: datetime, counted: FeedbackConfig, newcomers: LikedFirstParams, ever: pl.DataFrame
) -> dict[int, float]:
    """Return how much each film is liked first, as of the newest word: what the model ``liked-first`` learns.

    Args:
        said: Interactions.
        newest: When the newest was.
        counted: What counts as liking.
        newcomers: What is liked first.
        ever: How many likes each film has had, by film.
    """
    lately = said.filter(pl.col(EVENT_TIME) > newest - timedelta(days=newcomers.days))
    # Of whoever said something lately everything counts, for it tells which of their likes came first.
    theirs = said.join(lately.select(USER_ID).unique(), on=USER_ID, how="semi")
    words = theirs.select(pl.len()).collect(engine="streaming").item()
    one_in = max(1, math.ceil(words / _MOST_WORDS))
    if one_in > 1:
        theirs = theirs.filter(pl.col(USER_ID).hash(0) % one_in == 0)
    likes = _likes(theirs, counted).join(ever, on=MOVIE_ID, how="semi", maintain_order="left")
    films = ever[MOVIE_ID]
    scores = liked_first(
        likes[USER_ID].rle_id().to_numpy(),
        films.search_sorted(likes[MOVIE_ID]).to_numpy(),
        likes[EVENT_TIME].dt.epoch("s").fill_null(-1).to_numpy(),
        ever[_EVER].to_numpy(),
        replace(newcomers, everybody=newcomers.everybody / one_in),
        now=int(newest.timestamp()),
    )
    return dict(zip(films, (scores * one_in).tolist(), strict=True))


def _ever(movies: pl.DataFrame, features: pl.DataFrame | None) -> pl.DataFrame:
    """Return how many likes each film has had, in the order of films; none where no features were made yet."""
    films = movies.select(MOVIE_ID).unique().sort(MOVIE_ID)
    if features is None:
        return films.with_columns(pl.lit(0.0).alias(_EVER))
    likes = features.select(MOVIE_ID, pl.col(_EVER).cast(pl.Float64))
    return films.join(likes, on=MOVIE_ID, how="left", maintain_order="left").with_columns(pl.col(_EVER).fill_null(0.0))
