"""A BentoML service with one worker: ``python bento_service.py FOLDER PORT`` becomes ``bentoml serve``."""

import os
import sys
from pathlib import Path

import bentoml
from scoring import Scoring

_FOLDER = "MOVIE_MLOPS_SCORING"


@bentoml.service(workers=1, logging={"access": {"enabled": False}}, metrics={"enabled": False})
class Recommender:
    """The scoring as BentoML calls it."""

    def __init__(self) -> None:
        self._scoring = Scoring(os.environ[_FOLDER])  # noqa: TID251

    # Awaited, so that no thread takes its turn in between: the faster of the two ways.
    @bentoml.api  # type: ignore[untyped-decorator]
    async def recommend(self, movie_ids: list[int]) -> list[int]:
        """Return films."""
        found: list[int] = self._scoring.best(movie_ids)
        return found


if __name__ == "__main__":
    here = Path(__file__)
    serve = ["-m", "bentoml", "serve", f"{here.stem}:Recommender", "--working-dir", str(here.parent)]
    address = ["--host", "127.0.0.1", "--port", sys.argv[2]]
    os.execve(sys.executable, [sys.executable, *serve, *address], {**os.environ, _FOLDER: sys.argv[1]})  # noqa: S606, TID251
