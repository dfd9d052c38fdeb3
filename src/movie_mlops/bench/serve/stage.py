"""A home that is made for a benchmark: films, people with histories, and a released model, through the real rooms."""

from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile, copytree
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import SecretStr

from movie_mlops.bench.errors import BenchError
from movie_mlops.bench.generated_likes import generated_likes
from movie_mlops.bench.serve.config import StageConfig
from movie_mlops.core.columns import MOVIE_ID
from movie_mlops.core.nouns import Workspace
from movie_mlops.core.progress import SILENT, Progress
from movie_mlops.features import RedisConfig
from movie_mlops.flows import Platform, PlatformConfig
from movie_mlops.flows.features import features
from movie_mlops.ingest import load, open_source
from movie_mlops.lake import MOVIES
from movie_mlops.recommenders import Recommender, create, restore
from movie_mlops.release import read_bundle, sign_bundle, write_bundle

_DATASET: Final = "bench"
_LIKED: Final = 2_000
_ITERATIONS: Final = 5
_FIRST_TIME: Final = 1_000_000_000
_GENRES: Final = ("Action", "Comedy", "Crime", "Drama", "Horror", "Romance", "Sci-Fi", "Thriller")


@dataclass(frozen=True)
class Stage:
    """What the server stands on.

    Attributes:
        workspace: Where it lies.
        bundle_id: What is released.
        model: Its recommender.
        films: How many films the catalogue has.
        user_ids: Who has a history.
        movie_ids: int64[n], the films that the model and the catalogue share.
    """

    workspace: Workspace
    bundle_id: str
    model: str
    films: int
    user_ids: tuple[str, ...]
    movie_ids: NDArray[np.int64]


def set_stage(
    folder: Path,
    config: StageConfig,
    progress: Progress = SILENT,
    *,
    state_url: SecretStr | None = None,
    redis: RedisConfig | None = None,
) -> Stage:
    """Make a home in ``folder``: films and likes are ingested, features and histories made, a model is released.

    Args:
        folder: The home.
        config: What the server stands on.
        progress: Who listens.
        state_url: The PostgreSQL that keeps the state; ``None`` for a file in the home.
        redis: What carries copies of what is served, if anything does.

    Raises:
        BenchError: The model knows fewer films than a history has.
        MovieMlopsError: The catalogue or the bundle that is given cannot be read.
    """
    workspace = Workspace(folder, _DATASET)
    platform = Platform(workspace, PlatformConfig(), redis=redis, state_url=state_url)
    try:
        return _set(platform, folder, config, progress)
    finally:
        platform.close()


def _set(platform: Platform, folder: Path, config: StageConfig, progress: Progress) -> Stage:
    models, given = platform.workspace.models, None
    if config.bundle is not None:
        taken = models / config.bundle.resolve().name
        copytree(config.bundle, taken)
        # Whoever names a bundle to be measured vouches for it, on this stage and nowhere else.
        sign_bundle(taken, platform.keys.signer())
        given = read_bundle(taken, trust=platform.keys.trust).movie_ids
    source = folder / "source" / _DATASET
    source.mkdir(parents=True)
    films = _write_films(source / "movies.csv", config, given)
    liked = films if given is None else np.intersect1d(films, given)
    if len(liked) <= config.history + config.k:
        raise BenchError(
            f"The model and the catalogue share {len(liked):,} films, too few for histories of {config.history}.",
            next_step="Give the catalogue that the bundle was trained on.",
        )
    _write_likes(source / "ratings.csv", liked, config)
    report = load(open_source(f"movielens:{source}", downloads=folder), platform.lake, progress=progress)
    features(platform, {"versions": report.versions, "events_offset": 0})
    movie_ids = platform.lake.scan(MOVIES).collect()[MOVIE_ID].sort().to_numpy()
    bundle_id = _release(platform, config, movie_ids, progress)
    users = tuple(str(user) for user in range(1, config.users + 1))
    return Stage(platform.workspace, bundle_id, bundle_id.rpartition("-")[0], len(movie_ids), users, liked)


def _write_films(path: Path, config: StageConfig, given: NDArray[np.int64] | None) -> NDArray[np.int64]:
    """Write the films, those that are given or as many made-up ones; return their ids."""
    if config.catalogue is not None:
        try:
            copyfile(config.catalogue, path)
            return pl.read_csv(path, columns=["movieId"])["movieId"].cast(pl.Int64).unique().sort().to_numpy()
        except (OSError, pl.exceptions.PolarsError) as error:
            raise BenchError(
                f"The catalogue {config.catalogue} cannot be read ({error}).",
                next_step="Give a CSV file with the columns movieId, title, genres.",
            ) from error
    ids = np.arange(1, config.films + 1) if given is None else np.sort(given)
    chance = np.random.default_rng(config.seed)
    years, genres = chance.integers(1930, 2020, len(ids)), chance.choice(_GENRES, (len(ids), 2))
    rows = zip(ids.tolist(), years.tolist(), genres.tolist(), strict=True)
    lines = [f"{film},Film {film} of the Benchmark ({year}),{'|'.join(sorted(set(two)))}" for film, year, two in rows]
    path.write_text("\n".join(["movieId,title,genres", *lines, ""]), encoding="utf-8")
    return ids


def _write_likes(path: Path, films: NDArray[np.int64], config: StageConfig) -> None:
    chance = np.random.default_rng(config.seed)
    # As anywhere most likes are of few films; which films are alike is worked out for each that anybody likes.
    liked = chance.choice(films, min(_LIKED, len(films)), replace=False)
    lines = [
        f"{user},{film},5.0,{_FIRST_TIME + second}"
        for user in range(1, config.users + 1)
        for second, film in enumerate(chance.choice(liked, config.history, replace=False).tolist())
    ]
    path.write_text("\n".join(["userId,movieId,rating,timestamp", *lines, ""]), encoding="utf-8")


def _release(platform: Platform, config: StageConfig, movie_ids: NDArray[np.int64], progress: Progress) -> str:
    models = platform.workspace.models
    if config.bundle is not None:
        bundle_id = config.bundle.resolve().name
    else:
        with progress.task(f"Making up weights of {config.model}"):
            model = _made_up(config, len(movie_ids))
            facts = {"dataset": _DATASET, "seed": config.seed, "weights": config.weights}
            signer = platform.keys.signer()
            bundle_id = write_bundle(models, model=model, movie_ids=movie_ids, facts=facts, signer=signer).bundle_id
    platform.ledger.promote(
        bundle_id, reason="A benchmark.", gate={"passed": True, "checks": []}, approved_by="bench", expected=None
    )
    return bundle_id


def _made_up(config: StageConfig, films: int) -> Recommender:
    """Return a model of the real size, trained or with random weights.

    A blend is trained, since the parts that it is made of have shapes that only training gives.
    """
    if config.model == "blend" or (config.model == "ials" and config.trained):
        size = {"factors": config.factors, "iterations": _ITERATIONS} if config.model == "ials" else {}
        model = create(config.model, {"seed": config.seed, **size})
        model.fit(generated_likes(config.audience, films, config.likes, config.seed))
        return model
    chance = np.random.default_rng(config.seed)
    common: dict[str, NDArray[Any]] = {
        "n_items": np.array([films], np.int64),
        "known_items": np.arange(films, dtype=np.int32),
    }
    if config.model == "ials":
        factors = chance.standard_normal((films, config.factors), np.float32) / np.float32(np.sqrt(config.factors))
        return restore("ials", {"factors": config.factors}, {**common, "item_factors": factors})
    weights = chance.standard_normal((films, films), np.float32)
    weights *= np.float32(0.01)
    np.fill_diagonal(weights, 0)
    return restore("ease", {}, {**common, "weights": weights})
