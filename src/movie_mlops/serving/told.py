"""The documents in which the server tells how it is."""

from typing import Literal

from pydantic import BaseModel, Field

from movie_mlops.serving.shapes import ReleaseOut


class AliveOut(BaseModel):
    """The process answers."""

    status: Literal["alive"]


class DependencyOut(BaseModel):
    """How something is that the server depends on."""

    name: str = Field(examples=["online store"])
    state: Literal["ok", "degraded", "failed"]
    reason: str | None = Field(description="What is the matter; null where nothing is.")
    next_step: str | None = Field(description="What to do about it.")


class LoadFailureOut(BaseModel):
    """Why the champion of the ledger does not serve."""

    release_id: int | None
    bundle_id: str | None
    code: str = Field(examples=["bundle"])
    since: str
    next_step: str


class ReadyOut(BaseModel):
    """Whether the server can answer with a model."""

    status: Literal["ready", "degraded", "not ready"] = Field(
        description="degraded: it answers, and something that it depends on wants a look."
    )
    release: ReleaseOut | None
    films: int = Field(description="How many films the catalogue holds.")
    failure: LoadFailureOut | None
    dependencies: list[DependencyOut]
