"""Drift: whether what comes in now is what the model was trained on. Frames in, a verdict out; no stores."""

from movie_mlops.monitoring.drift.config import DriftConfig
from movie_mlops.monitoring.drift.counting import ColumnCount, Group
from movie_mlops.monitoring.drift.errors import DriftError, NoReferenceError
from movie_mlops.monitoring.drift.findings import Finding
from movie_mlops.monitoring.drift.names import NameSketch
from movie_mlops.monitoring.drift.numbers import Histogram, NumberSketch
from movie_mlops.monitoring.drift.reference import FORMAT, Reference
from movie_mlops.monitoring.drift.report import write_report
from movie_mlops.monitoring.drift.tally import Tally
from movie_mlops.monitoring.drift.verdict import Verdict, judge, together

__all__ = [
    "FORMAT",
    "ColumnCount",
    "DriftConfig",
    "DriftError",
    "Finding",
    "Group",
    "Histogram",
    "NameSketch",
    "NoReferenceError",
    "NumberSketch",
    "Reference",
    "Tally",
    "Verdict",
    "judge",
    "together",
    "write_report",
]
