"""From settings to a tracer; imported inside commands only."""

from collections.abc import Iterator
from contextlib import contextmanager

from movie_mlops.core.errors import ConfigurationError
from movie_mlops.core.tracing import Tracer
from movie_mlops.monitoring import TraceConfig
from movie_mlops.settings import Settings


@contextmanager
def traced(settings: Settings, process: str) -> Iterator[Tracer | None]:
    """Trace while the block runs, where a collector was named.

    Args:
        settings: The settings.
        process: Which one this is, such as ``api``.

    Raises:
        ConfigurationError: What traces are sent with is not installed.
        MonitoringError: The collector's address is none.
    """
    if not settings.traces:
        yield None
        return
    # Loaded by those who trace alone; it is an extra.
    try:
        from movie_mlops.monitoring.tracing import OpenTelemetry
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"Traces need {error.name}, which is not installed.",
            next_step="Install the extra (pip install 'movie-mlops[tracing]'), or leave MOVIE_MLOPS_TRACES empty.",
        ) from error
    config = TraceConfig(settings.traces.get_secret_value(), settings.traces_ratio)
    with OpenTelemetry(config, f"movie-mlops-{process}") as tracer:
        yield tracer
