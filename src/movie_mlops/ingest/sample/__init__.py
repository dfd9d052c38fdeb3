"""The data of a first run: true facts of real films, and a simulated audience. Nothing is fetched."""

from movie_mlops.ingest.sample.audience import Audience, simulate
from movie_mlops.ingest.sample.catalogue import read_films
from movie_mlops.ingest.sample.config import SampleConfig
from movie_mlops.ingest.sample.source import SampleSource

__all__ = ["Audience", "SampleConfig", "SampleSource", "read_films", "simulate"]
