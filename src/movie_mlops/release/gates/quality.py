"""The heart of the gate: better than popularity for certain, and not worse than the champion."""

from collections.abc import Mapping

from movie_mlops.evaluation import Interval, Scores, compare
from movie_mlops.release.errors import GateError
from movie_mlops.release.gates.config import GateConfig
from movie_mlops.release.gates.verdict import Check, Verdict


def judge(
    candidate: Scores, baselines: Mapping[str, Scores], champion: Scores | None, config: GateConfig | None = None
) -> Verdict:
    """Judge a candidate; all scores are of one split.

    It must beat every baseline for certain (the whole paired bootstrap interval of the difference lies above zero) and
    must not be worse than the champion: neither for certain (the whole interval below zero) nor by much
    (``config.max_drop``). A candidate that equals the champion passes.

    Args:
        candidate: What the new model achieved.
        baselines: What the popularity baselines achieved, by name.
        champion: What the model that serves achieved; ``None`` where nothing serves yet.
        config: The metric and the greatest drop.

    Raises:
        GateError: There is no baseline.
        NotComparableError: The scores are not of the same users, or lack the metric.
    """
    config = config or GateConfig()
    if not baselines:
        raise GateError(
            f"There is no baseline that {candidate.model!r} could be judged against.",
            next_step="Train and evaluate 'popular' on the same split.",
        )
    checks = [_beats(candidate, name, scores, config) for name, scores in sorted(baselines.items())]
    if champion is not None:
        checks.append(_not_worse(candidate, champion, config))
    return Verdict(
        candidate=candidate.model,
        case=candidate.case,
        metric=config.metric,
        value=candidate.mean(config.metric),
        users=len(candidate.user_ids),
        checks=tuple(checks),
    )


def _beats(candidate: Scores, name: str, baseline: Scores, config: GateConfig) -> Check:
    difference = compare(candidate, baseline, config.metric)
    passed = difference.low > 0.0
    found = _found(candidate.model, name, difference, candidate, config)
    conclusion = "it is better." if passed else "that it is better is not certain."
    return _check(f"beats-{name}", passed, difference, f"{found}: {conclusion}")


def _not_worse(candidate: Scores, champion: Scores, config: GateConfig) -> Check:
    difference = compare(candidate, champion, config.metric)
    allowed = config.max_drop * champion.mean(config.metric)
    # Written so that a value that is not a number fails.
    not_certainly_worse, not_much_worse = difference.high >= 0.0, difference.estimate >= -allowed
    if not not_certainly_worse:
        conclusion = "it is worse."
    elif not not_much_worse:
        conclusion = f"that is a drop of more than {config.max_drop:.0%}."
    else:
        conclusion = "it is not worse."
    found = _found(candidate.model, f"the champion ({champion.model})", difference, candidate, config)
    passed = not_certainly_worse and not_much_worse
    return _check("not-worse-than-champion", passed, difference, f"{found}: {conclusion}")


def _found(one: str, other: str, difference: Interval, candidate: Scores, config: GateConfig) -> str:
    return (
        f"{config.metric} of {one} minus that of {other} is {difference.estimate:+.4f}"
        f" ({candidate.config.level:.0%} interval {difference.low:+.4f} to {difference.high:+.4f})"
    )


def _check(name: str, passed: bool, difference: Interval, sentence: str) -> Check:
    return Check(name, passed, difference.estimate, difference.low, difference.high, sentence)
