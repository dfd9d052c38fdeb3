"""Readings as metrics: each under its own name, with its age beside it."""

from collections.abc import Iterable, Iterator, Sequence

from movie_mlops.core import clock
from movie_mlops.core.measures import Label, Measure, MeasureKind, Sample
from movie_mlops.monitoring.config import MonitoringConfig
from movie_mlops.monitoring.declared import MEASURES, READING_AGE
from movie_mlops.monitoring.errors import MonitoringError
from movie_mlops.monitoring.readings import Reading


def reading_samples(readings: Iterable[Reading], taken: Sequence[Measure] = ()) -> Iterator[Sample]:
    """Yield every reading as a sample of the measure of its name, and how old it is.

    A reading whose name nobody declared is told all the same, with the labels that it came with.

    Args:
        readings: The newest of each.
        taken: The measures of other rooms, whose names a reading must not have.

    Raises:
        MonitoringError: A reading has the name of another measure, or one that no measure can have.
    """
    known = {measure.name: measure for measure in MEASURES}
    theirs = {measure.name for measure in taken} | {READING_AGE.name}
    now = clock.now()
    for reading in readings:
        if reading.name in theirs:
            raise MonitoringError(
                f"A reading is called {reading.name}, which is another measure's name.",
                next_step="Have the job that noted it choose another name.",
            )
        measure = known.setdefault(reading.name, _undeclared(reading))
        labels = tuple(reading.labels.get(label.name, "") for label in measure.labels)
        yield Sample(measure, reading.value, labels)
        # A clock that was set back makes nothing younger than new.
        yield Sample(READING_AGE, max(0.0, (now - reading.at).total_seconds()), (reading.name,))


def _undeclared(reading: Reading) -> Measure:
    most = MonitoringConfig().most_labels
    labels = tuple(Label(name, most=most) for name in sorted(reading.labels))
    try:
        return Measure(reading.name, MeasureKind.GAUGE, "Noted by a job.", labels)
    except ValueError as error:
        raise MonitoringError(
            f"A reading is called {reading.name!r}, which is no name of a metric.",
            next_step="Call it movie_mlops_<thing>_<unit>, in small letters.",
        ) from error
