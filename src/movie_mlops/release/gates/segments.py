"""No group of users or films pays for a better average.

Each segment's question is whether the candidate is for certain worse than the champion by more than the allowed share.
Many questions at once find something in noise, so they share one false-alarm rate: the sign of every user's difference
is flipped at random, for all segments at once, and the worst statistic over the segments is what each segment is
compared with (Westfall and Young, *Resampling-Based Multiple Testing*, 1993; Romano and Wolf, *JASA* 2005). Where
candidate and champion are equals the chance of an alarm in any segment is the configured rate at most, however the
segments overlap, because then a user's difference is as likely to have the other sign.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from movie_mlops.evaluation import Scores
from movie_mlops.release.gates.config import SegmentGate
from movie_mlops.release.gates.verdict import Check, Part, unjudged

NAME: Final = "segments"

_FLIPS_AT_ONCE: Final = 250
_NAMED: Final = 5


@dataclass(frozen=True)
class Worst:
    """What the flips say of several columns at once.

    Attributes:
        p_values: float64[columns]; how often equals would look as bad in any column.
        reach: By how many standard errors a column's mean may be above what was found, at the configured rate.
    """

    p_values: NDArray[np.float64]
    reach: float


def judge_segments(candidate: Scores, champion: Scores | None, metric: str, config: SegmentGate) -> Check:
    """Compare candidate and champion in every segment that is large enough.

    Args:
        candidate: What the new model achieved, with slices.
        champion: What the model that serves achieved on the same users; ``None`` where nothing serves.
        metric: The metric that decides.
        config: Segments, allowed drop and false-alarm rate.
    """
    if champion is None:
        return unjudged(NAME, "No segment is compared, because nothing serves yet.")
    names, differences, levels = _columns(candidate, champion, metric, config)
    judged = [number for number in range(len(names)) if _count(differences[:, number]) >= config.least_users]
    too_small = [Part(names[n], passed=True, count=_count(differences[:, n])) for n in range(len(names))]
    if not judged:
        sentence = f"No segment has {config.least_users} users, so none is compared."
        return unjudged(NAME, sentence)
    # Above zero means: not worse by as much as is allowed.
    allowance = config.max_drop * np.asarray([levels[number] for number in judged])
    values = differences[:, judged] + allowance
    worst = flips(values, config)
    parts = {
        number: _part(names[number], differences[:, number], levels[number], worst.reach, bool(p > config.false_alarms))
        for number, p in zip(judged, worst.p_values, strict=True)
    }
    every = tuple(parts.get(number, too_small[number]) for number in range(len(names)))
    return _check(every, len(judged), config)


def flips(values: NDArray[np.float64], config: SegmentGate) -> Worst:
    """Test whether the mean of any column is below zero, all columns at once.

    Args:
        values: float64[users, columns]; NaN where a user is not in a segment.
        config: Number of flips, rate and seed.
    """
    generator = np.random.default_rng(config.seed)
    if values.shape[0] > config.most_users:
        values = values[np.sort(generator.choice(values.shape[0], config.most_users, replace=False))]
    filled = np.nan_to_num(values)
    scale = np.sqrt((filled**2).sum(axis=0))
    scale[scale == 0.0] = np.inf
    found = filled.sum(axis=0) / scale
    lowest = np.empty(config.flips)
    for start in range(0, config.flips, _FLIPS_AT_ONCE):
        size = min(_FLIPS_AT_ONCE, config.flips - start)
        signs = generator.integers(0, 2, size=(size, filled.shape[0]), dtype=np.int8) * 2.0 - 1.0
        lowest[start : start + size] = ((signs @ filled) / scale).min(axis=1)
    as_bad = (lowest[:, None] <= found[None, :] + 1e-12).sum(axis=0)
    reach = float(-np.quantile(lowest, config.false_alarms))
    return Worst((1.0 + as_bad) / (1.0 + config.flips), reach)


def _columns(
    candidate: Scores, champion: Scores, metric: str, config: SegmentGate
) -> tuple[list[str], NDArray[np.float64], list[float]]:
    """Return each segment's name, its differences float64[users] (NaN outside), and the champion's mean in it."""
    columns: dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]] = {}
    ours, theirs = candidate.values(metric), champion.values(metric)
    bounds = sorted(config.users.items(), key=lambda pair: pair[1])
    for (name, low), (_, high) in zip(bounds, [*bounds[1:], ("", None)], strict=True):
        sizes = candidate.history_sizes
        inside = (sizes >= low) & (True if high is None else sizes < high)
        columns[f"users: {name}"] = (np.where(inside, ours, np.nan), np.where(inside, theirs, np.nan))
    for name, values in candidate.slices.items():
        if name in champion.slices:
            columns[name] = (values, champion.slices[name])
    differences = np.stack([one - other for one, other in columns.values()], axis=1)
    levels = [float(np.nanmean(other)) if np.isfinite(other).any() else 0.0 for _, other in columns.values()]
    return list(columns), differences, levels


def _part(name: str, differences: NDArray[np.float64], level: float, reach: float, passed: bool) -> Part:
    known = differences[np.isfinite(differences)]
    mean, error = float(known.mean()), float(known.std() / np.sqrt(known.size))
    # As shares of the champion's figure, where it has one.
    unit = level if level > 0.0 else 1.0
    return Part(
        name, passed, mean / unit, (mean - reach * error) / unit, (mean + reach * error) / unit, count=known.size
    )


def _check(parts: tuple[Part, ...], judged: int, config: SegmentGate) -> Check:
    measured = [part for part in parts if part.estimate is not None]
    failed = [part for part in measured if not part.passed]
    worst = min(failed or measured, key=lambda part: part.estimate or 0.0)
    small = len(parts) - judged
    left_out = f" ({small} with fewer than {config.least_users} users are not judged)" if small else ""
    if failed:
        ordered = sorted(failed, key=lambda part: part.estimate or 0.0)
        named = ", ".join(f"{part.name} {part.estimate:+.1%}" for part in ordered[:_NAMED])
        named += f" and {len(failed) - _NAMED} more" if len(failed) > _NAMED else ""
        sentence = (
            f"In {len(failed)} of {judged} segments{left_out} the candidate is for certain more than"
            f" {config.max_drop:.0%} worse than the champion: {named}."
        )
    else:
        sentence = (
            f"In none of {judged} segments{left_out} the candidate is for certain more than {config.max_drop:.0%} worse"
            f" than the champion; the least is {worst.name} with {worst.estimate:+.1%}."
        )
    return Check(NAME, not failed, worst.estimate, worst.low, worst.high, sentence, limit=-config.max_drop, parts=parts)


def _count(differences: NDArray[np.float64]) -> int:
    return int(np.isfinite(differences).sum())
