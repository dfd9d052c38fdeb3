"""The data gate: what the contract refused, how fresh the data is, and how far it is from the last training set's.

Drift is measured here as a size and not as a test of significance: with enough rows any difference is significant.
What is compared is the whole training set, because that is what the model learns from.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from movie_mlops.core import clock
from movie_mlops.core.columns import EVENT_TIME, KIND, MOVIE_ID, USER_ID, VALUE
from movie_mlops.evaluation import total_variation
from movie_mlops.release.gates.config import SHIFTS, DataGate
from movie_mlops.release.gates.verdict import Check, Part, unjudged

_BUCKETS: Final = 10
_WORDS: Final[Mapping[str, str]] = {
    "users": "how much each user says",
    "films": "which films they are about",
    "kinds": "of what kind they are",
    "values": "which ratings they give",
}


@dataclass(frozen=True)
class Batch:
    """What became of the rows that were brought in.

    Attributes:
        read: Rows of the source.
        good: Rows that keep the contract.
        reasons: Why the others were refused, and how many times.
    """

    read: int
    good: int
    reasons: Mapping[str, int]


@dataclass(frozen=True)
class TrainingData:
    """What is compared of a set of interactions.

    Attributes:
        rows: How many.
        newest: Time of the newest; ``None`` where no time is known.
        by_user: Rows by how many the same user has: 1, 2 to 3, 4 to 7 and on.
        by_kind: Rows by kind.
        by_value: Rows by kind and value in half steps.
        by_film: Rows by film.
    """

    rows: int
    newest: datetime | None
    by_user: Mapping[Any, int]
    by_kind: Mapping[Any, int]
    by_value: Mapping[Any, int]
    by_film: Mapping[Any, int]

    @classmethod
    def of(cls, interactions: pl.LazyFrame) -> Self:
        """Count a set of interactions."""
        value = (pl.col(VALUE) * 2.0).round().cast(pl.Int32)
        users, films, values, newest = pl.collect_all(
            [
                interactions.group_by(USER_ID).len(),
                interactions.group_by(MOVIE_ID).len(),
                interactions.group_by(KIND, value.alias(VALUE)).len(),
                interactions.select(pl.col(EVENT_TIME).max()),
            ]
        )
        sizes = users["len"].to_numpy().astype(np.int64)
        levels = np.floor(np.log2(np.maximum(sizes, 1))).astype(np.int64)
        by_user = np.bincount(levels, weights=sizes) if sizes.size else np.zeros(0)
        kinds = values.group_by(KIND).agg(pl.col("len").sum())
        return cls(
            rows=int(sizes.sum()),
            newest=newest.item() if newest.height else None,
            by_user={level: int(count) for level, count in enumerate(by_user)},
            by_kind=dict(zip(kinds[KIND], kinds["len"], strict=True)),
            by_value={(kind, value): count for kind, value, count in values.iter_rows()},
            by_film=dict(zip(films[MOVIE_ID], films["len"], strict=True)),
        )


def judge_data(
    batch: Batch, now: TrainingData, last: TrainingData | None, config: DataGate, *, missing: str | None = None
) -> list[Check]:
    """Judge the batch and the training set that it became part of.

    Args:
        batch: What became of the rows that were brought in.
        now: The training set.
        last: That of the model that the candidate is compared with; ``None`` where there is none.
        config: What is allowed.
        missing: Why there is none, in a sentence.
    """
    checks = [*_contract(batch, config), *_freshness(now, last, config)]
    if last is None:
        return [*checks, unjudged("drift", missing or "The data is compared with nothing before.", gate="data")]
    return [*checks, _volume(now, last, config), _drift(now, last, config)]


def _contract(batch: Batch, config: DataGate) -> list[Check]:
    held = batch.good > 0 or batch.read == 0
    whole = Check(
        "contract-held",
        held,
        float(batch.good),
        None,
        None,
        f"{batch.good:,} of {batch.read:,} rows keep the contract."
        if held
        else f"None of the {batch.read:,} rows keeps the contract.",
        gate="data",
        waivable=False,
    )
    refused = sum(batch.reasons.values())
    share = refused / batch.read if batch.read else 0.0
    reasons = sorted(batch.reasons.items(), key=lambda pair: -pair[1])
    over = [
        reason
        for reason, count in reasons
        if count > config.max_refused_for.get(reason, config.max_refused) * batch.read
    ]
    why = f": {', '.join(f'{reason} {count:,}' for reason, count in reasons)}" if reasons else ""
    sentence = f"The contract refused {share:.2%} of the batch ({config.max_refused:.0%} allowed){why}."
    if over:
        sentence += f" Too many for {', '.join(over)}."
    parts = tuple(
        Part(reason, reason not in over, count / max(1, batch.read), count=count) for reason, count in reasons
    )
    passed = share <= config.max_refused and not over
    contract = Check(
        "contract", passed, share, None, None, sentence, gate="data", limit=config.max_refused, parts=parts
    )
    return [whole, contract]


def _freshness(now: TrainingData, last: TrainingData | None, config: DataGate) -> list[Check]:
    checks = []
    if config.max_age_days is not None:
        if now.newest is None:
            sentence = "How fresh the data is cannot be told, because no interaction has a time."
            checks.append(_data("fresh", passed=False, value=None, limit=config.max_age_days, sentence=sentence))
        else:
            age = (clock.now() - now.newest) / timedelta(days=1)
            sentence = (
                f"The newest interaction is {age:.1f} days old ({now.newest:%Y-%m-%d %H:%M} UTC;"
                f" {config.max_age_days:g} days allowed)."
            )
            limit = config.max_age_days
            checks.append(_data("fresh", passed=age <= limit, value=age, limit=limit, sentence=sentence))
    if config.never_older and last is not None and now.newest is not None and last.newest is not None:
        gap = (now.newest - last.newest) / timedelta(days=1)
        sentence = f"The newest interaction is {gap:+.1f} days from that of the last training set."
        checks.append(_data("not-older", passed=gap >= 0.0, value=gap, limit=0.0, sentence=sentence))
    return checks


def _volume(now: TrainingData, last: TrainingData, config: DataGate) -> Check:
    ratio = now.rows / max(1, last.rows)
    sentence = (
        f"There are {now.rows:,} interactions, {ratio:.2f} times those of the last training set"
        f" ({config.least_volume:g} to {config.most_volume:g} allowed)."
    )
    passed = config.least_volume <= ratio <= config.most_volume
    return _data("volume", passed=passed, value=ratio, limit=None, sentence=sentence)


def _drift(now: TrainingData, last: TrainingData, config: DataGate) -> Check:
    if min(now.rows, last.rows) < config.least_rows:
        sentence = f"With fewer than {config.least_rows:,} interactions a shift of the data says little."
        return unjudged("drift", sentence, gate="data")
    pairs = {
        "users": _aligned(now.by_user, last.by_user),
        "films": _by_former_fame(now.by_film, last.by_film),
        "kinds": _aligned(now.by_kind, last.by_kind),
        "values": _aligned(now.by_value, last.by_value),
    }
    parts = []
    for name in SHIFTS:
        if name in config.max_shift:
            shift = total_variation(*pairs[name])
            parts.append(Part(name, shift <= config.max_shift[name], shift, count=now.rows))
    if not parts:
        return unjudged("drift", "No shift of the data is judged.", gate="data")
    worst = max(parts, key=lambda part: (part.estimate or 0.0) - config.max_shift[part.name])
    limit = config.max_shift[worst.name]
    sentence = (
        f"Against the last training set at most {worst.estimate:.1%} of the interactions lie elsewhere, in"
        f" {_WORDS[worst.name]} ({limit:.0%} allowed)."
    )
    return Check(
        "drift",
        all(part.passed for part in parts),
        worst.estimate,
        None,
        None,
        sentence,
        gate="data",
        limit=limit,
        parts=tuple(parts),
    )


def _aligned(one: Mapping[Any, int], other: Mapping[Any, int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    names = list({**one, **other})
    return tuple(np.asarray([side.get(name, 0) for name in names], dtype=np.float64) for side in (one, other))  # type: ignore[return-value] # two sides, two arrays


def _by_former_fame(now: Mapping[int, int], last: Mapping[int, int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return rows by how famous their film was, in buckets that had a tenth of the rows each; new films are the last.

    Films one by one would differ by chance alone: there are nearly as many of them as rows of each.
    """
    films = sorted(last, key=lambda film: (-last[film], film))
    counts = np.asarray([last[film] for film in films], dtype=np.float64)
    bucket = np.minimum((np.cumsum(counts) - counts) * _BUCKETS // counts.sum(), _BUCKETS - 1).astype(np.int64)
    place = dict(zip(films, bucket.tolist(), strict=True))
    sides = []
    for side in (now, last):
        rows = np.zeros(_BUCKETS + 1)
        for film, count in side.items():
            rows[place.get(film, _BUCKETS)] += count
        sides.append(rows)
    return sides[0], sides[1]


def _data(name: str, *, passed: bool, value: float | None, limit: float | None, sentence: str) -> Check:
    return Check(name, passed, value, None, None, sentence, gate="data", limit=limit)
