"""How a cost grows is told as it is: exponents, laws, sizes that are predicted from others."""

import math

import numpy as np
import pytest

from movie_mlops.bench import BenchError
from movie_mlops.bench.scale import Form, Law
from movie_mlops.bench.scale.growth import checks, exponent, fit

SIZES = (1.0, 3.0, 10.0, 30.0)


@pytest.mark.parametrize("power", [0.5, 1.0, 1.3, 3.0])
def test_the_exponent_of_a_power_is_found(power: float) -> None:
    """What grows as a power of the size has that exponent, with an interval of no width, and the same at the end."""
    found = exponent(SIZES, [7 * size**power for size in SIZES])
    assert found.value == pytest.approx(power)
    assert found.low == pytest.approx(power)
    assert found.high == pytest.approx(power)
    assert found.last == pytest.approx(power)


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    """Of a thousand noisy measurements of the same power, the 95 % interval misses it about fifty times."""
    chance = np.random.default_rng(0)
    sizes = np.repeat(SIZES, 2)
    missed = 0
    for _ in range(1000):
        found = exponent(sizes, sizes**1.2 * np.exp(chance.normal(0, 0.1, len(sizes))))
        assert found.low is not None
        assert found.high is not None
        missed += not found.low <= 1.2 <= found.high
    assert 30 <= missed <= 75


def test_a_start_that_takes_long_bends_the_line_and_the_last_two_sizes_show_it() -> None:
    """Growth as the square behind a long start looks flat over all sizes; between the largest two it does not."""
    found = exponent(SIZES, [200 + size**2 for size in SIZES])
    assert found.value < 0.6
    assert found.last > 1.1


def test_sizes_that_differ_by_chance_alone_are_one() -> None:
    """Two worlds of the same size are no step from one size to the next, and neither predicts the other."""
    sizes, costs = (1.0, 3.0, 10.0, 30.0, 30.02), (1.0, 3.0, 10.0, 30.0, 33.0)
    assert exponent(sizes, costs).last == pytest.approx(math.log(31.5 / 10) / math.log(30.01 / 10))
    assert [check.size for check in checks(Form.LINEAR, sizes, costs)] == pytest.approx([1.0, 3.0, 10.0, 30.01])


def test_two_measurements_have_an_exponent_without_an_interval() -> None:
    """With two points there is no scatter to tell anything from; with one size there is nothing at all."""
    found = exponent([1, 2], [3, 6])
    assert (found.value, found.low, found.high) == (pytest.approx(1), None, None)
    with pytest.raises(BenchError, match="One size"):
        exponent([2, 2], [3, 6])


@pytest.mark.parametrize(
    ("form", "coefficients"),
    [
        (Form.CONSTANT, (5.0,)),
        (Form.ROOT, (2e8, 4e5)),
        (Form.LINEAR, (0.5, 2e-6)),
        (Form.FILLING, (0.1, 3e-4, 6e-7)),
        (Form.LINEAR, (0.0, 2e9)),
        (Form.SQUARE, (3e8, 4.0)),
        (Form.CUBIC, (1e-7, 4e-12, 0.8)),
    ],
)
def test_a_law_is_found_again(form: Form, coefficients: tuple[float, ...]) -> None:
    """Measurements that follow a law give its coefficients back, however small beside the sizes."""
    truth = Law(form, coefficients)
    sizes = [1e3, 3e3, 1e4, 3e4]
    found = fit(form, sizes, [truth.at(size) for size in sizes])
    for size in (10.0, 1e4, 1e9):
        assert found.at(size) == pytest.approx(truth.at(size), rel=1e-6)


def test_a_bound_is_found_where_the_sizes_come_near_it() -> None:
    """What is there at the start, what comes to it in the end, and at which size half of that is there."""
    truth = Law(Form.BOUNDED, (3e8, 2e9, 1.5e6))
    sizes = [2e4, 1e6, 3e6, 1e7, 3e7]
    found = fit(Form.BOUNDED, sizes, [truth.at(size) for size in sizes])
    assert found.coefficients == pytest.approx(truth.coefficients, rel=0.03)
    assert found.at(1e12) == pytest.approx(2.3e9, rel=0.01)
    assert found.largest(1e10) > 1e15
    told = [truth.at(size) for size in sizes[1:]]
    assert [check.error for check in checks(Form.BOUNDED, sizes[1:], told, start=(2e4, truth.at(2e4)))] == (
        pytest.approx([0] * 4, abs=0.01)
    )
    assert checks(Form.BOUNDED, sizes[2:], told[1:]) == []


def test_no_coefficient_is_below_nothing() -> None:
    """Measurements that fall with the size, by accident, do not promise that more costs less."""
    found = fit(Form.LINEAR, SIZES, [1.02, 1.0, 0.99, 0.98])
    assert min(found.coefficients) >= 0
    assert found.at(1000) >= 0.9


def test_each_size_is_predicted_from_the_others_alone() -> None:
    """A size that does not fit stands out with its error; it has no part in its own prediction."""
    costs = [2 * size + 1 for size in SIZES]
    assert [check.error for check in checks(Form.LINEAR, SIZES, costs)] == pytest.approx([0] * 4, abs=1e-9)
    costs[-1] *= 2
    found = checks(Form.LINEAR, SIZES, costs)
    assert found[-1].error == pytest.approx(-0.5)
    assert found[-1].predicted == pytest.approx(61)
    assert checks(Form.LINEAR, SIZES[:2], costs[:2]) == []


def test_what_a_start_costs_is_known_where_it_was_measured() -> None:
    """Of sizes that say little of it, the smallest is predicted right; a law from before a start was known is read."""
    truth = Law(Form.LINEAR, (0.3, 1.0))
    costs = [truth.at(size) * off for size, off in zip(SIZES, (1.0, 1.1, 0.95, 0.9), strict=True)]
    blind = checks(Form.LINEAR, SIZES, costs)[0]
    sighted = checks(Form.LINEAR, SIZES, costs, start=(0.01, truth.at(0.01)))[0]
    assert abs(sighted.error) < 0.1
    assert abs(blind.error) > 0.2
    assert len(checks(Form.CUBIC, SIZES[:3], costs[:3], start=(0.01, 0.3))) == 3
    assert Law(Form.CUBIC, (2.0, 3.0)).at(10.0) == Law(Form.CUBIC, (2.0, 3.0, 0.0)).at(10.0)


def test_the_largest_size_within_a_limit() -> None:
    """Where a law says how much memory something takes, it says for how much there is room, be it nothing."""
    law = Law(Form.SQUARE, (100.0, 4.0))
    assert law.largest(100 + 4 * 5000.0**2) == pytest.approx(5000, rel=2e-3)
    assert law.at(law.largest(1e9)) <= 1e9
    assert law.largest(99) == 0


def test_what_cannot_be_told_is_refused() -> None:
    """Nothing measured, a cost of nothing, a law with more coefficients than sizes, one more of a square."""
    for sizes, costs in (([], []), ([1.0, 2.0], [1.0, 0.0]), ([0.0, 1.0], [1.0, 1.0])):
        with pytest.raises(BenchError):
            fit(Form.LINEAR, sizes, costs)
    with pytest.raises(BenchError, match="cannot be told from 1 sizes"):
        fit(Form.LINEAR, [5, 5], [1, 1])
    with pytest.raises(BenchError, match="no cost of one more"):
        _ = Law(Form.SQUARE, (1.0, 1.0)).each
    assert math.isclose(Law(Form.LINEAR, (5.0, 3.0)).each, 3.0)
