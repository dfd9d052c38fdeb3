"""The API: recommendations from the released model, films, events, passports, and the page."""

from movie_mlops.serving.answered import Answered, Usage, unknown_releases, usage, who_answered
from movie_mlops.serving.app import create_app
from movie_mlops.serving.batch import Batch
from movie_mlops.serving.catalogue import Catalogue, Film
from movie_mlops.serving.config import ServingConfig
from movie_mlops.serving.counting import Reported, Tally, reported
from movie_mlops.serving.declared import MEASURES
from movie_mlops.serving.errors import PortInUseError, ServingError
from movie_mlops.serving.exposures import EXPOSURES, Exposure
from movie_mlops.serving.impressions import IMPRESSIONS, Impression
from movie_mlops.serving.impressions import read as read_impression
from movie_mlops.serving.model import ServingModel
from movie_mlops.serving.ports import Appended, Conductor, EventSink, Operations, Records, Watched
from movie_mlops.serving.rules import Rules
from movie_mlops.serving.scoring import Source, words_of
from movie_mlops.serving.served import Served, newest
from movie_mlops.serving.server import Server, address, bind, serve
from movie_mlops.serving.tls import tls_context
from movie_mlops.serving.traffic import CANARY, CONTROL

__all__ = [
    "CANARY",
    "CONTROL",
    "EXPOSURES",
    "IMPRESSIONS",
    "MEASURES",
    "Answered",
    "Appended",
    "Batch",
    "Catalogue",
    "Conductor",
    "EventSink",
    "Exposure",
    "Film",
    "Impression",
    "Operations",
    "PortInUseError",
    "Records",
    "Reported",
    "Rules",
    "Served",
    "Server",
    "ServingConfig",
    "ServingError",
    "ServingModel",
    "Source",
    "Tally",
    "Usage",
    "Watched",
    "address",
    "bind",
    "create_app",
    "newest",
    "read_impression",
    "reported",
    "serve",
    "tls_context",
    "unknown_releases",
    "usage",
    "who_answered",
    "words_of",
]
