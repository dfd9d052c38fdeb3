"""Monitoring: what was measured of the system while it ran, and what follows from it."""

from movie_mlops.monitoring.config import FreshnessConfig, MonitoringConfig, TraceConfig
from movie_mlops.monitoring.declared import MEASURES
from movie_mlops.monitoring.errors import MonitoringError
from movie_mlops.monitoring.exposing import reading_samples
from movie_mlops.monitoring.readings import Reading, forget, newest_readings, note
from movie_mlops.monitoring.reference import REFERENCE, write_reference

__all__ = [
    "MEASURES",
    "REFERENCE",
    "FreshnessConfig",
    "MonitoringConfig",
    "MonitoringError",
    "Reading",
    "TraceConfig",
    "forget",
    "newest_readings",
    "note",
    "reading_samples",
    "write_reference",
]
