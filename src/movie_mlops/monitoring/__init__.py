"""Monitoring: what was measured of the system while it ran, and what follows from it."""

from movie_mlops.monitoring.config import MonitoringConfig
from movie_mlops.monitoring.errors import MonitoringError
from movie_mlops.monitoring.readings import Reading, forget, newest_readings, note

__all__ = ["MonitoringConfig", "MonitoringError", "Reading", "forget", "newest_readings", "note"]
