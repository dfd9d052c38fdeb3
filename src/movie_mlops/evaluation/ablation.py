"""What each part of a model is worth: the whole beside itself without one of its parts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from movie_mlops.evaluation.intervals import Interval
from movie_mlops.evaluation.scores import Scores, compare, differences
from movie_mlops.evaluation.significance import PairedTest, paired_tests

WITHOUT: Final = "-without-"
"""A model named ``champion-without-ials`` is ``champion`` without its part ``ials``."""


@dataclass(frozen=True)
class AblationRow:
    """One part, taken out.

    Attributes:
        part: Its name.
        value: Mean of the metric without it.
        worth: Whole minus without: what the part adds, user by user, with its interval.
        test: Whether that could be chance, corrected for all the parts.
    """

    part: str
    value: float
    worth: Interval
    test: PairedTest


@dataclass(frozen=True)
class Ablation:
    """One model and each of its parts.

    Attributes:
        model: The whole.
        metric: What was measured.
        value: Mean of the metric of the whole.
        rows: The parts, the one that is worth most first.
    """

    model: str
    metric: str
    value: float
    rows: tuple[AblationRow, ...]


def ablations(scores: Sequence[Scores], metric: str = "ndcg@10") -> tuple[Ablation, ...]:
    """Return an ablation for each model that was judged beside itself without a part (see :data:`WITHOUT`).

    Raises:
        NotComparableError: The results are not of the same users.
    """
    by_model = {one.model: one for one in scores}
    found = []
    for name, whole in by_model.items():
        parts = {
            other.partition(WITHOUT)[2]: one for other, one in by_model.items() if other.startswith(name + WITHOUT)
        }
        if not parts:
            continue
        tests = paired_tests([differences(whole, one, metric) for one in parts.values()], whole.config)
        rows = [
            AblationRow(part, one.mean(metric), compare(whole, one, metric), test)
            for (part, one), test in zip(parts.items(), tests, strict=True)
        ]
        rows.sort(key=lambda row: -row.worth.estimate)
        found.append(Ablation(name, metric, whole.mean(metric), tuple(rows)))
    return tuple(found)
