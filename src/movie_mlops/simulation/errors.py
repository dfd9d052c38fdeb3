"""What can go wrong in a simulation."""

from movie_mlops.core.errors import MovieMlopsError


class SimulationError(MovieMlopsError):
    """A simulation cannot be run as it was described."""

    code = "simulation"
