"""A LitServer with one worker and one HTTP process: ``python lit_server.py FOLDER PORT``."""

import sys
from typing import Any

import litserve
from scoring import Scoring


class Api(litserve.LitAPI):  # type: ignore[misc]
    """The scoring as LitServe calls it."""

    def __init__(self, folder: str) -> None:
        super().__init__()
        self._folder = folder

    def setup(self, device: Any) -> None:  # noqa: ARG002
        """Read the films' vectors."""
        self._scoring = Scoring(self._folder)

    def decode_request(self, request: dict[str, list[int]]) -> list[int]:
        """Return the liked films."""
        return request["movie_ids"]

    def predict(self, movie_ids: list[int]) -> list[int]:
        """Return films."""
        found: list[int] = self._scoring.best(movie_ids)
        return found

    def encode_response(self, found: list[int]) -> list[int]:
        """Return them as they are."""
        return found


if __name__ == "__main__":
    server = litserve.LitServer(Api(sys.argv[1]), accelerator="cpu", workers_per_device=1)
    server.run(
        host="127.0.0.1",
        port=int(sys.argv[2]),
        num_api_servers=1,
        generate_client_file=False,
        log_level="warning",
        access_log=False,
    )
