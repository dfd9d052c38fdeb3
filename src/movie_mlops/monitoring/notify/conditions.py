"""What is looked at where there is no Prometheus: the alerts that one look, or two a few minutes apart, can decide.

Names, severities, times and bounds are those of ``config/monitoring/rules``; a test holds them together. What needs
hours of memory (slow burns, a disk that fills) is Prometheus's.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from movie_mlops.monitoring.notify.samples import Samples

OBJECTIVES: Final = {"availability": 0.999, "latency": 0.99}
_BURN: Final = 14.4
_LEAST_BAD: Final = 10
_BOUND: Final = "movie_mlops_age_bound_seconds"
_SILENT_SECONDS: Final = 300


@dataclass(frozen=True)
class Look:
    """What was seen.

    Attributes:
        reached: Whether an API answered.
        now: What it said, or where it did not answer what the state database knows.
        before: What it said about five minutes ago, or less, where it did and was not started anew since.
        whole: Whether it was as long ago as that: a shorter while tells that something is wrong, and not that it ended.
    """

    reached: bool
    now: Samples
    before: Samples | None = None
    whole: bool = True


@dataclass(frozen=True)
class Condition:
    """Something that should not be.

    Attributes:
        alert: Its name, the rule's and the runbook's.
        severity: ``page`` or ``ticket``.
        holds_seconds: It is told once it has been so for so long.
        sentence: What is told, with the ``{value}``.
        value: How bad it is: above 0 where it is so, 0 where it is not, ``None`` where that is not known.
        about: Which of several with that name.
    """

    alert: str
    severity: str
    holds_seconds: float
    sentence: str
    value: Callable[[Look], float | None]
    about: str = ""

    @property
    def key(self) -> str:
        """Return what tells it from others."""
        return f"{self.alert} ({self.about})" if self.about else self.alert


def _least(name: str, *, above: float) -> Callable[[Look], float | None]:
    """Return what is so where even the least value of a gauge is above a bound."""

    def value(look: Look) -> float | None:
        found = look.now.values(name)
        return (min(found) if min(found) > above else 0.0) if found else None

    return value


def _too_old(name: str, of: str) -> Callable[[Look], float | None]:
    """Return what is so where an age is beyond its bound; where it has none it may stand still."""

    def value(look: Look) -> float | None:
        found, bound = look.now.values(name), look.now.values(_BOUND, of=of)
        return (min(found) if bound and min(found) > max(bound) else 0.0) if found else None

    return value


def _most(name: str) -> Callable[[Look], float | None]:
    """Return what is so where any value of a gauge is above 0."""

    def value(look: Look) -> float | None:
        found = look.now.values(name)
        return max(found) if found else None

    return value


def _is_set(name: str) -> Callable[[Look], float | None]:
    """Return what is so where any value of a gauge is 1."""

    def value(look: Look) -> float | None:
        found = look.now.values(name)
        return float(max(found) == 1) if found else None

    return value


def _absent(look: Look) -> float:
    return float(not look.reached)


def _failing(look: Look) -> float | None:
    return _burning(look, "availability", lambda said: said.watched("movie_mlops_requests_total", status="5*"))


def _slow(look: Look) -> float | None:
    def slow(said: Samples) -> float:
        fast = said.watched("movie_mlops_request_seconds_bucket", le="0.1")
        return said.watched("movie_mlops_request_seconds_count") - fast

    return _burning(look, "latency", slow)


def _burning(look: Look, slo: str, bad: Callable[[Samples], float]) -> float | None:
    if not look.reached or look.before is None:
        return None
    requests = look.now.watched("movie_mlops_requests_total") - look.before.watched("movie_mlops_requests_total")
    many = bad(look.now) - bad(look.before)
    if many >= _LEAST_BAD and requests > 0 and many / requests > _BURN * (1 - OBJECTIVES[slo]):
        return many / requests
    return 0.0 if look.whole else None


def _lag(look: Look) -> float | None:
    lags, ages = look.now.values("movie_mlops_events_lag_seconds"), look.now.values("movie_mlops_worker_age_seconds")
    if not lags:
        return None
    # Where no worker lives, that is told, and not what follows from it.
    return max(lags) if max(lags) > 900 and not (ages and min(ages) > _SILENT_SECONDS) else 0.0  # noqa: PLR2004


def _disk(look: Look) -> float | None:
    free, size = (look.now.values(f"movie_mlops_disk_{what}_bytes") for what in ("free", "size"))
    # As the part that is taken, so that worse is more.
    return (1 - min(free) / max(size) if min(free) / max(size) < 0.1 else 0.0) if free and size else None  # noqa: PLR2004


def _mismatch(look: Look) -> float | None:
    ratio = look.now.values("movie_mlops_feature_mismatch_ratio")
    bound = look.now.values("movie_mlops_feature_mismatch_bound")
    return (max(ratio) if max(ratio) > max(bound) else 0.0) if ratio and bound else None


def _old(look: Look) -> float | None:
    ages = look.now.values("movie_mlops_reading_age_seconds")
    ages += look.now.values("movie_mlops_feature_mismatch_age_seconds")
    bound = look.now.values(_BOUND, of="readings")
    return (max(ages) if bound and max(ages) > max(bound) else 0.0) if ages else None


CONDITIONS: Final = (
    Condition("ApiAbsent", "page", 120, "No API answers.", _absent),
    Condition(
        "BudgetBurnsFast", "page", 120, "{value:.1%} of the requests of some minutes failed.", _failing, "availability"
    ),
    Condition(
        "BudgetBurnsFast", "page", 120, "{value:.1%} of the requests of some minutes took too long.", _slow, "latency"
    ),
    Condition("DiskNearlyFull", "page", 300, "{value:.1%} of the disk under the state is taken.", _disk),
    Condition(
        "ReleaseFailing",
        "ticket",
        120,
        "The champion of the ledger cannot be loaded; what served before it goes on.",
        _is_set("movie_mlops_release_failing"),
    ),
    Condition(
        "WorkerSilent",
        "ticket",
        120,
        "No worker has said for {value:,.0f} seconds that it lives.",
        _least("movie_mlops_worker_age_seconds", above=_SILENT_SECONDS),
    ),
    Condition("EventsLag", "ticket", 300, "An event has waited for the lake for {value:,.0f} seconds.", _lag),
    Condition(
        "DeadLetters",
        "ticket",
        60,
        "The effect of {value:,.0f} events could not be made; they wait as dead letters.",
        _most("movie_mlops_dead_letters"),
    ),
    Condition(
        "LoopFailed",
        "ticket",
        60,
        "The newest run of the loop failed: the model that was proposed was not made.",
        _most("movie_mlops_loop_failed"),
    ),
    Condition(
        "DataStale",
        "ticket",
        900,
        "Nothing has come into the lake for {value:,.0f} seconds.",
        _too_old("movie_mlops_data_age_seconds", "data"),
    ),
    Condition(
        "FeaturesStale",
        "ticket",
        900,
        "The online store was made from the lake {value:,.0f} seconds ago.",
        _too_old("movie_mlops_features_age_seconds", "features"),
    ),
    Condition(
        "ModelStale",
        "ticket",
        900,
        "The champion was trained {value:,.0f} seconds ago.",
        _too_old("movie_mlops_model_age_seconds", "model"),
    ),
    Condition(
        "FeaturesMismatched",
        "ticket",
        60,
        "{value:.1%} of the served feature values are not what is computed again.",
        _mismatch,
    ),
    Condition(
        "DriftFound",
        "ticket",
        60,
        "What users do now is not what the champion was trained on.",
        _is_set("movie_mlops_drift_verdict"),
    ),
    Condition(
        "QualityBelowPromise",
        "ticket",
        60,
        "The lists are worth less to users than was promised, or than before.",
        _is_set("movie_mlops_online_below_promise"),
    ),
    Condition(
        "GuardrailBroken",
        "ticket",
        60,
        "What must hold beside the quality of the lists does not.",
        _is_set("movie_mlops_online_guardrail_broken"),
    ),
    Condition(
        "ReadingsOld",
        "ticket",
        900,
        "A reading is {value:,.0f} seconds old; its job does not run.",
        _old,
    ),
)
