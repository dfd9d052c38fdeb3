"""Percentiles are values that were measured, and the right ones."""

import numpy as np
import pytest

from movie_mlops.bench import percentile, summary

TEN = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 100.0]


@pytest.mark.parametrize(
    ("samples", "share", "expected"),
    [
        (TEN, 50, 5.0),
        (TEN, 50.1, 6.0),
        (TEN, 90, 9.0),
        (TEN, 99, 100.0),
        (TEN, 100, 100.0),
        (TEN, 0.1, 1.0),
        ([7.0], 50, 7.0),
        ([7.0], 99.9, 7.0),
        ([1.0, 2.0], 50, 1.0),
        ([1.0, 2.0, 3.0], 50, 2.0),
        (list(range(1, 1001)), 99.9, 999.0),
        (list(range(1, 1001)), 99, 990.0),
        (list(range(1, 20001)), 99.9, 19980.0),
    ],
)
def test_a_percentile_is_the_sample_at_its_rank(samples: list[float], share: float, expected: float) -> None:
    """The smallest sample that at least so many percent do not exceed; nothing between two samples is made up."""
    assert percentile(samples, share) == expected


def test_the_summary_takes_every_sample_in_any_order() -> None:
    """The figures of ten samples, by hand."""
    shuffled = np.array([100.0, 3, 1, 2, 9, 8, 7, 6, 5, 4])
    assert summary(shuffled) == {
        "min": 1.0,
        "mean": 14.5,
        "p50": 5.0,
        "p75": 8.0,
        "p90": 9.0,
        "p95": 100.0,
        "p99": 100.0,
        "p99.9": 100.0,
        "max": 100.0,
    }
    assert shuffled[0] == 100.0


def test_no_sample_has_no_percentile() -> None:
    """Where nothing was measured, no figure is given."""
    assert summary(np.empty(0)) is None
