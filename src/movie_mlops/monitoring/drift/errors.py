"""What can go wrong while comparing windows."""

from movie_mlops.monitoring.errors import MonitoringError


class DriftError(MonitoringError):
    """What was given cannot be compared."""

    code = "drift"


class NoReferenceError(DriftError):
    """There is nothing to compare with."""

    code = "drift-no-reference"
