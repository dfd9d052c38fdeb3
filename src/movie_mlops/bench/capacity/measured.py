"""What was measured, read from the record of 'movie-mlops bench scale'."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from movie_mlops.bench.errors import BenchError
from movie_mlops.bench.scale.curves import CURVES
from movie_mlops.bench.scale.growth import Form, Law

_AGAIN = "Measure: movie-mlops bench scale"
_LARGEST_FILE = 16 * 1024 * 1024
Number = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Point(BaseModel):
    size: Annotated[float, Field(gt=0, allow_inf_nan=False)]


class _Check(BaseModel):
    within: bool


class _Exponent(BaseModel):
    value: Annotated[float, Field(allow_inf_nan=False)]


class _Curve(BaseModel):
    name: str
    what: str
    unit: str
    driver: str
    form: Form
    coefficients: tuple[Number, ...]
    exponent: _Exponent
    points: Annotated[tuple[_Point, ...], Field(min_length=1)]
    checks: tuple[_Check, ...]


class _Record(BaseModel):
    model_config = ConfigDict(extra="ignore")

    at: str
    machine: dict[str, Any]
    curves: tuple[_Curve, ...]


@dataclass(frozen=True)
class Coefficient:
    """A cost by its size, as it was measured.

    Attributes:
        name: Such as ``serve.cpu_seconds``.
        what: In words.
        unit: Of the cost.
        driver: By the number of what it grows.
        law: What it costs at a size.
        exponent: The power of the size that it was seen to grow as.
        largest: The largest size that was measured.
        checked: How many sizes were predicted from the others.
        within: How many of those came true, within what the benchmark allows.
    """

    name: str
    what: str
    unit: str
    driver: str
    law: Law
    exponent: float
    largest: float
    checked: int
    within: int

    def beyond(self, size: float) -> float:
        """Return how many times the largest measured size a size is."""
        return size / self.largest


@dataclass(frozen=True)
class Measurements:
    """Every coefficient of a record.

    Attributes:
        file: Which record.
        at: When it was taken.
        processor: On what.
        coefficients: Name to coefficient.
    """

    file: Path
    at: str
    processor: str
    coefficients: Mapping[str, Coefficient]

    def __getitem__(self, name: str) -> Coefficient:
        """Return a coefficient by its name."""
        return self.coefficients[name]


def read_measurements(file: Path) -> Measurements:
    """Read a record.

    Raises:
        BenchError: There is none, it is no record of growth, or a coefficient is missing in it.
    """
    if not file.is_file():
        raise BenchError(f"There is no record of growth at {file}.", next_step=_AGAIN)
    if file.stat().st_size > _LARGEST_FILE:
        raise BenchError(f"{file} is too large for a record of growth.", next_step=_AGAIN)
    try:
        record = _Record.model_validate_json(file.read_bytes())
        found = {curve.name: _coefficient(curve) for curve in record.curves}
    except (ValidationError, ValueError, json.JSONDecodeError) as error:
        raise BenchError(f"{file} is no record of 'bench scale'.", next_step=_AGAIN) from error
    missing = sorted({curve.name for curve in CURVES} - found.keys())
    if missing:
        raise BenchError(
            f"{file} lacks {missing[0]}, and {len(missing) - 1} more.",
            next_step="Measure all jobs, at two sizes at least: movie-mlops bench scale",
        )
    return Measurements(file, record.at, str(record.machine.get("processor")), found)


def _coefficient(curve: _Curve) -> Coefficient:
    law = Law(curve.form, curve.coefficients)
    law.at(1.0)
    return Coefficient(
        curve.name,
        curve.what,
        curve.unit,
        curve.driver,
        law,
        curve.exponent.value,
        max(point.size for point in curve.points),
        len(curve.checks),
        sum(check.within for check in curve.checks),
    )
