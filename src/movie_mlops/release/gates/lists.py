"""What all lists together may lose against the champion's: coverage, evenness, calibration."""

from collections.abc import Mapping

import numpy as np

from movie_mlops.evaluation import Scores
from movie_mlops.release.gates.config import ListGate, SegmentGate
from movie_mlops.release.gates.segments import flips
from movie_mlops.release.gates.verdict import Check, unjudged


def judge_lists(
    candidate: Scores,
    champion: Scores | None,
    lists: tuple[Mapping[str, float], Mapping[str, float]] | None,
    *,
    cutoff: str,
    config: ListGate,
    segments: SegmentGate,
) -> list[Check]:
    """Compare the lists of candidate and champion.

    Args:
        candidate: What the new model achieved.
        champion: What the model that serves achieved; ``None`` where nothing serves.
        lists: ``coverage@…`` and ``gini@…`` of the candidate, and of the champion.
        cutoff: Length of the lists, as the metrics are named.
        config: What may be lost.
        segments: False-alarm rate and seed.
    """
    if champion is None or lists is None:
        return [unjudged("lists", "The lists are compared with nothing, because nothing serves yet.")]
    ours, theirs = lists
    checks = [
        _coverage(ours[f"coverage@{cutoff}"], theirs[f"coverage@{cutoff}"], config),
        _gini(ours[f"gini@{cutoff}"], theirs[f"gini@{cutoff}"], config),
    ]
    return [*checks, _calibration(candidate, champion, config, segments)]


def _coverage(ours: float, theirs: float, config: ListGate) -> Check:
    limit = theirs * (1.0 - config.max_coverage_drop)
    passed = ours >= limit
    sentence = (
        f"{ours:.1%} of the films are in somebody's list; with the champion {theirs:.1%}, and at least {limit:.1%} is"
        " asked."
    )
    return Check("coverage", passed, ours, None, None, sentence, limit=limit)


def _gini(ours: float, theirs: float, config: ListGate) -> Check:
    limit = theirs + config.max_gini_rise
    sentence = (
        f"The Gini coefficient of what is shown is {ours:.3f}; with the champion {theirs:.3f}, and at most {limit:.3f}"
        " is allowed."
    )
    return Check("gini", ours <= limit, ours, None, None, sentence, limit=limit)


def _calibration(candidate: Scores, champion: Scores, config: ListGate, segments: SegmentGate) -> Check:
    if candidate.miscalibration is None or champion.miscalibration is None:
        return unjudged("calibration", "How the lists' genres follow the histories was not measured.")
    rises = candidate.miscalibration - champion.miscalibration
    known = rises[np.isfinite(rises)]
    if known.size < segments.least_users:
        return unjudged("calibration", f"Genres of history and list are known for {known.size} users: too few.")
    level = float(np.nanmean(champion.miscalibration))
    ours = float(np.nanmean(candidate.miscalibration))
    allowed = config.max_calibration_rise * level
    p_value = float(flips((allowed - known)[:, None], segments).p_values[0])
    passed = p_value > segments.false_alarms
    conclusion = "no more than is allowed for certain" if passed else "for certain more than is allowed"
    sentence = (
        f"The genres of lists are {ours:.3f} nats from those of the histories (Steck's calibration); with the champion"
        f" {level:.3f}: {conclusion} ({config.max_calibration_rise:.0%})."
    )
    return Check("calibration", passed, ours, None, None, sentence, limit=level + allowed)
