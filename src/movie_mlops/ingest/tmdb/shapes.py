"""The shapes of TMDB's answers, as far as we read them: strict, so that a changed field is refused, never guessed."""

import json
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Final, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

_SHOWN: Final = 60


@dataclass(frozen=True)
class Refusal:
    """An answer, or a part of it, that is not what it should be; it goes to the quarantine.

    Attributes:
        place: Which answer, as the quarantine's ``file``.
        line: Which row of it, from 1.
        reason: A stable word.
        detail: What exactly is wrong.
        raw: The answer or the row, as it came.
    """

    place: str
    line: int
    reason: str
    detail: str
    raw: str

    def to_json(self) -> str:
        """Return the refusal as text, for the journal."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return what :meth:`to_json` wrote."""
        return cls(**json.loads(text))


class _Shape(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class Named(_Shape):
    """Anything of which we read the name."""

    name: str


class Billed(Named):
    """Somebody of the cast; ``order`` counts from 0 for the first-billed."""

    order: Annotated[int, Field(ge=0)]


class Worker(Named):
    """Somebody of the crew."""

    job: str


class Credits(_Shape):
    """Cast and crew."""

    cast: list[Billed]
    crew: list[Worker]


class Keywords(_Shape):
    """The keywords; the service wraps them in an object of the same name."""

    keywords: list[Named]


class Details(_Shape):
    """A film, asked with ``append_to_response=credits,keywords``."""

    id: Annotated[int, Field(ge=1)]
    imdb_id: Annotated[str, Field(pattern=r"^(tt\d{7,})?$")] | None
    title: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
    original_language: Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]
    release_date: Annotated[str, Field(pattern=r"^(\d{4}-\d{2}-\d{2})?$")] | None
    runtime: Annotated[int, Field(ge=0, le=100_000)] | None
    genres: list[Named]
    credits: Credits
    keywords: Keywords
    belongs_to_collection: Named | None = None


class Listed(_Shape):
    """A row of a list."""

    id: Annotated[int, Field(ge=1, lt=2**31)]


class Sheet(_Shape):
    """A page of a list; its rows are read one by one."""

    page: Annotated[int, Field(ge=1)]
    results: list[Any]
    total_pages: Annotated[int, Field(ge=0)]
    total_results: Annotated[int, Field(ge=0)]


class Genre(Named):
    """A genre and its identifier."""

    id: int


class Genres(_Shape):
    """All genres."""

    genres: list[Genre]


S = TypeVar("S", bound=_Shape)


def read(shape: type[S], data: Any, *, place: str, raw: str, line: int = 1) -> S | Refusal:
    """Return ``data`` in its shape, or the first thing that is wrong with it."""
    try:
        return shape.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the answer"
        if first["type"] == "missing":
            return Refusal(place, line, "missing-field", f"{where} is missing", raw)
        given = repr(first["input"])
        given = given if len(given) <= _SHOWN else f"{given[:_SHOWN]}…"
        return Refusal(place, line, "bad-field", f"{where} is {given}: {first['msg']}", raw)
