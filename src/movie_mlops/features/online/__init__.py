"""The online store: histories and feature rows, one read away, current to the last acknowledged event."""

from movie_mlops.features.online.carrier import Carrier
from movie_mlops.features.online.counts import Counts
from movie_mlops.features.online.features import OnlineFeatures
from movie_mlops.features.online.histories import Histories, History
from movie_mlops.features.online.materialise import Cut, Prepared
from movie_mlops.features.online.record import OnlineStore, Record, Stored
from movie_mlops.features.online.redis_client import open_redis
from movie_mlops.features.online.rows import Row

__all__ = [
    "Carrier",
    "Counts",
    "Cut",
    "Histories",
    "History",
    "OnlineFeatures",
    "OnlineStore",
    "Prepared",
    "Record",
    "Row",
    "Stored",
    "open_redis",
]
