"""The source ``sample``."""

from collections.abc import Iterator
from dataclasses import asdict
from functools import cached_property
from typing import Final

import polars as pl

from movie_mlops.core import clock
from movie_mlops.core import columns as c
from movie_mlops.core.digests import digest
from movie_mlops.core.progress import SILENT, Progress
from movie_mlops.ingest.config import IngestConfig
from movie_mlops.ingest.raw import RawTable
from movie_mlops.ingest.sample.audience import Audience, simulate
from movie_mlops.ingest.sample.catalogue import CATALOGUE, catalogue_digest, read_films
from movie_mlops.ingest.sample.config import SampleConfig

# Goes up when the same configuration would give another audience.
_SIMULATOR_VERSION: Final = "audience-2"


class SampleSource:
    """Real films with a simulated audience; needs no network and no file of the user's.

    Args:
        config: Seed, size and period of the audience.
    """

    dataset: Final = "sample"
    provenance: Final = (
        "The films and their facts (title, year, genres, directors, original language) are real. "
        "The audience is simulated: its users do not exist, and their ratings, likes and watches are made up "
        "from a seed. They say nothing about what anybody thinks of these films. That well-known films have more of "
        "them comes from a hand-written list of films that nearly everybody has heard of."
    )

    def __init__(self, config: SampleConfig | None = None) -> None:
        self.config = config or SampleConfig()

    def prepare(self, progress: Progress = SILENT) -> None:
        """Simulate the audience, which takes a second or two; does nothing the second time."""
        with progress.task("Simulating an audience", 1, "audiences") as advance:
            _ = self.audience
            advance(1)

    def fingerprint(self) -> str:
        """Return a digest of the configuration, the catalogue and the simulator's version."""
        config = asdict(self.config) | {"end": clock.to_iso(self.config.end)}
        return digest({"config": config, "catalogue": catalogue_digest(), "simulator": _SIMULATOR_VERSION})

    def movies(self, *, unknown: bool = False) -> RawTable:  # noqa: ARG002 - there is nothing unknown in them
        """Return the films of the catalogue."""
        # Line 1 of the file is its header.
        return RawTable(self.films.with_row_index(c.LINE, offset=2), CATALOGUE)

    def users(self, *, unknown: bool = False) -> None:
        """Return nothing: nothing is known of somebody who does not exist."""

    def interactions(self) -> RawTable:
        """Return what the simulated audience did, in order of time."""
        return RawTable(self.audience.interactions, "simulated audience")

    def batches(self, *, config: IngestConfig, unknown: bool = False) -> Iterator[RawTable]:  # noqa: ARG002 - it is in memory, and as we made it
        """Yield everything at once."""
        yield self.interactions()

    @cached_property
    def films(self) -> pl.DataFrame:
        """The catalogue: see :func:`~movie_mlops.ingest.sample.catalogue.read_films`."""
        return read_films()

    @cached_property
    def audience(self) -> Audience:
        """The audience with the truth behind it, for studies in which the truth is known."""
        return simulate(self.films, self.config)
