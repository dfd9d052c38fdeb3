"""FastAPI with NumPy and nothing else, one uvicorn process: ``python plain_fastapi.py FOLDER PORT``."""

import sys

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from scoring import Scoring


class Likes(BaseModel):
    """Who asks."""

    movie_ids: list[int]


def make(folder: str) -> FastAPI:
    """Return the app."""
    app, scoring = FastAPI(), Scoring(folder)

    # Awaited, so that no thread takes its turn in between: the faster of the two ways.
    @app.post("/recommend")
    async def recommend(likes: Likes) -> list[int]:
        found: list[int] = scoring.best(likes.movie_ids)
        return found

    return app


if __name__ == "__main__":
    uvicorn.run(make(sys.argv[1]), host="127.0.0.1", port=int(sys.argv[2]), access_log=False, log_level="warning")
