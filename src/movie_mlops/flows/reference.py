"""The reference of the metrics of every room."""

from movie_mlops.core.measures import Measure
from movie_mlops.flows import declared
from movie_mlops.monitoring import MEASURES as READINGS
from movie_mlops.monitoring import write_reference
from movie_mlops.serving import MEASURES as SERVING

ROOMS: dict[str, tuple[Measure, ...]] = {
    "Of the API": SERVING,
    "Of what is behind it": declared.MEASURES,
    "Readings of jobs": READINGS,
}
"""Every measure that there is, under the heading that it has in the reference."""


def reference_text() -> str:
    """Return the reference as Markdown."""
    return write_reference(ROOMS)
