"""Online quality of a data set: the kept answers, joined with what their users did, held to what was promised."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
import polars as pl

from movie_mlops.core import clock
from movie_mlops.core.columns import GENRES, MOVIE_ID, USER_ID
from movie_mlops.core.measures import Measure
from movie_mlops.core.progress import SILENT, Progress
from movie_mlops.evaluation import metrics
from movie_mlops.features import Parity
from movie_mlops.features.feedback import weight_expression
from movie_mlops.flows.given_answers import GivenAnswers
from movie_mlops.flows.parity import parity
from movie_mlops.flows.platform import Platform
from movie_mlops.lake import INTERACTIONS, MOVIES
from movie_mlops.monitoring import forget, note
from movie_mlops.monitoring.declared import (
    ONLINE_BELOW,
    ONLINE_GUARDRAIL,
    ONLINE_HIT_RATIO,
    ONLINE_NDCG,
    ONLINE_PROMISED,
)
from movie_mlops.monitoring.quality import (
    EVERYTHING,
    GUARDRAILS,
    Check,
    Delays,
    Figure,
    Figures,
    Promise,
    Quality,
    QualityConfig,
    State,
    Tally,
    exposure_of,
    figures_of,
    join,
    judge_drop,
    judge_guardrails,
    judge_promise,
    together,
    worth_less,
)
from movie_mlops.release import BundleError, read_manifest
from movie_mlops.release.judged import Judged, measures


def online_quality(
    platform: Platform, config: QualityConfig, *, now: datetime | None = None, progress: Progress = SILENT
) -> Quality:
    """Measure what the answers of the last days were worth, judge it, and keep the readings.

    Args:
        platform: The stores.
        config: By what.
        now: Answers and events are taken as they were known then; by default now.
        progress: Told of each page of answers.

    Raises:
        StateError: The database refuses.
        LakeError: The lake cannot be read.
    """
    at = now or clock.now()
    given = GivenAnswers(platform, at - timedelta(days=config.period_days), at, config)
    movies = platform.lake.scan(MOVIES).select(MOVIE_ID, GENRES).collect()
    tally = Tally(config.cutoff, movies)
    delays = Delays(config.horizon_days * 86_400)
    exposures, users, final = [pl.DataFrame(schema={MOVIE_ID: pl.Int64, "shown": pl.Int64})], 0, 0
    with progress.task("Joining answers with what came of them", given.total, "answers") as advance:
        for page in given.pages():
            joined = join(
                page.answers,
                page.words,
                now=at,
                config=config,
                feedback=platform.config.feedback,
                heard=page.heard,
            )
            tally.add(joined.outcomes, joined.positives)
            ages = (pl.lit(at) - joined.outcomes["at"]).dt.total_microseconds() / 1e6
            delays.add(joined.outcomes.select(ages.alias("age"))["age"], joined.outcomes["delay_seconds"])
            exposures = [exposure_of([*exposures, joined.exposure])]
            users += joined.outcomes[USER_ID].n_unique()
            final += int(joined.outcomes["final"].sum())
            advance(page.rows)
    figures = figures_of(tally, config.level)
    promises = {release: promise_of(platform, bundle, config) for release, bundle in given.bundles.items()}
    exposure = _exposure(platform, exposures[0], movies[MOVIE_ID])
    checks = _checks(figures, exposure, promises, parity(platform), config)
    found = Quality(
        at=at,
        since=at - timedelta(days=config.period_days),
        config=config,
        answers=delays.answers,
        users=users,
        final=final,
        kept=given.kept,
        left_out=given.left_out,
        programs=given.programs,
        figures=figures,
        early=delays.early(),
        exposure=exposure,
        promises={release: promise for release, promise in promises.items() if promise is not None},
        checks=checks,
        state=together(checks),
    )
    keep_readings(platform, found)
    return found


def promise_of(platform: Platform, bundle_id: str | None, config: QualityConfig) -> Promise | None:
    """Return what the evaluation said of a bundle; ``None`` where there is none to be read."""
    if bundle_id is None:
        return None
    try:
        manifest = read_manifest(platform.workspace.models / bundle_id)
    except BundleError:
        return None
    found = measures(manifest).get(f"ndcg@{config.cutoff}")
    judged = Judged.of(manifest)
    return Promise(bundle_id, None if found is None else found.estimate, None if judged is None else judged.case)


def keep_readings(platform: Platform, found: Quality) -> None:
    """Keep the figures of each release for the metrics, in place of those of the run before.

    Raises:
        StateError: The database refuses.
        MonitoringError: There are more releases than readings are kept of.
    """
    told: dict[Measure, dict[str, float | None]] = {ONLINE_NDCG: {}, ONLINE_HIT_RATIO: {}, ONLINE_PROMISED: {}}
    for release in found.promises.keys() | found.figures.get("release", {}).keys():
        told[ONLINE_NDCG][release] = _value(found.figure("ndcg", "promise", release))
        told[ONLINE_HIT_RATIO][release] = _value(found.figure("hit_ratio", "release", release))
        promise = found.promises.get(release)
        told[ONLINE_PROMISED][release] = None if promise is None else promise.ndcg
    for measure, by_release in told.items():
        kept = {release: value for release, value in by_release.items() if value is not None}
        forget(platform.database, measure.name, but=[{"release": release} for release in kept])
        for release, value in kept.items():
            note(platform.database, measure.name, value, {"release": release})
    note(platform.database, ONLINE_BELOW.name, float(worth_less(found.checks)))
    guardrails = {one.name: one.state for one in found.checks if one.name in GUARDRAILS and one.state != State.UNKNOWN}
    forget(platform.database, ONLINE_GUARDRAIL.name, but=[{"guardrail": name} for name in guardrails])
    for name, state in guardrails.items():
        note(platform.database, ONLINE_GUARDRAIL.name, float(state is State.BELOW), {"guardrail": name})


def _checks(
    figures: Figures,
    exposure: Mapping[str, float],
    promises: Mapping[str, Promise | None],
    skew: Parity,
    config: QualityConfig,
) -> list[Check]:
    promised = figures.get("promise", {})
    checks = [
        judge_promise(release, promised.get(release, {}).get("ndcg"), promise, config)
        for release, promise in sorted(promises.items(), key=lambda one: (len(one[0]), one[0]))
        if promise is not None
    ]
    checks += _drops(figures, promises, config)
    everything = figures.get(EVERYTHING, {}).get(EVERYTHING, {})
    measured = {name: everything.get(name) for name in GUARDRAILS}
    checks += judge_guardrails({**measured, **exposure}, config.guardrails)
    return [*checks, skew_check(skew)]


def _drops(figures: Figures, releases: Iterable[str], config: QualityConfig) -> list[Check]:
    """Hold the hit ratio of each release to that of the one before, and that of the last days to that before."""
    hits = {release: figures.get("release", {}).get(release, {}).get("hit_ratio") for release in releases}
    known = sorted((each for each in hits if each.isdecimal()), key=int)
    checks = [
        judge_drop(f"hits of release {release}", hits[release], f"release {before}", hits[before], config)
        for before, release in pairwise(known)
    ]
    times = figures.get("time", {})
    lately, before = (times.get(part, {}).get("hit_ratio") for part in ("lately", "before"))
    return [*checks, judge_drop("hits lately", lately, "the days before", before, config)]


def skew_check(skew: Parity) -> Check:
    """Return the skew between what is served and what the lake says as one of the checks."""
    if not skew.compared:
        return Check("skew", State.UNKNOWN, skew.sentence, None, skew.bound)
    return Check("skew", State.OK if skew.passed else State.BELOW, skew.sentence, skew.rate, skew.bound)


def _exposure(platform: Platform, exposure: pl.DataFrame, movie_ids: pl.Series) -> dict[str, float]:
    """Return what the lists do to the catalogue; nothing where none was shown."""
    if not exposure.height:
        return {}
    words = platform.lake.scan(INTERACTIONS)
    liked = words.filter(weight_expression(platform.config.feedback) > 0)
    likes = liked.group_by(MOVIE_ID).agg(pl.len().alias("likes")).collect(engine="streaming")
    users = words.select(pl.col(USER_ID).n_unique()).collect(engine="streaming").item()
    every = (
        pl.DataFrame({MOVIE_ID: movie_ids})
        .join(exposure, on=MOVIE_ID, how="left")
        .join(likes, on=MOVIE_ID, how="left")
        .fill_null(0)
    )
    shown, popular = (every[name].to_numpy().astype(np.int64) for name in ("shown", "likes"))
    return {
        "coverage": metrics.coverage(shown),
        "novelty": metrics.novelty(shown, np.minimum(popular, users), users),
        "gini": metrics.gini(shown),
    }


def _value(figure: Figure | None) -> float | None:
    return None if figure is None else figure.value


def with_window(config: QualityConfig, days: float | None, horizon_days: float | None) -> QualityConfig:
    """Return the configuration with what an option says in place of what the file says.

    Raises:
        ConfigurationError: A number is out of range.
    """
    return replace(
        config,
        days=config.days if days is None else days,
        horizon_days=config.horizon_days if horizon_days is None else horizon_days,
    )
