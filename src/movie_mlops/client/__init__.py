"""The client: the API from Python, typed, waiting or awaited."""

from movie_mlops.client.async_client import AsyncClient
from movie_mlops.client.client import Client
from movie_mlops.client.config import ClientConfig
from movie_mlops.client.errors import ApiError, NoAnswerError, NotFoundError, ServerFaultError

__all__ = ["ApiError", "AsyncClient", "Client", "ClientConfig", "NoAnswerError", "NotFoundError", "ServerFaultError"]
