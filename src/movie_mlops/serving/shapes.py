"""The documents of the API: what it takes, checked strictly, and what it gives, for its description."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal, Self, TypeVar

import msgspec
from fastapi import Path
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    Tag,
    model_validator,
)

from movie_mlops.core import clock
from movie_mlops.core.contract import LARGEST_ID, LONGEST_NAME, name_fault, time_fault, value_fault
from movie_mlops.core.identifiers import time_ordered_id
from movie_mlops.core.nouns import Interaction, Kind
from movie_mlops.release import BUNDLE_ID
from movie_mlops.security.people import Purpose, known_as

T = TypeVar("T")

MOST_EVENTS: Final = 1000
MOST_HISTORY: Final = 1000
MOST_PICKS: Final = 100
LONGEST_QUERY: Final = 200


def _name(text: str) -> str:
    return _sound(text, name_fault(text))


def _sound(value: T, fault: str | None) -> T:
    if fault is not None:
        raise ValueError(fault)
    return value


def _text_time(value: Any) -> Any:
    if value is not None and not isinstance(value, str):
        raise ValueError("must be text such as 2026-01-31T12:00:00Z")
    try:
        # As what is read at a glance, to the last digit; what is no time to it pydantic tells in its words.
        return msgspec.convert(value, datetime | None)
    except msgspec.ValidationError:
        return value


def _possible_time(moment: datetime | None) -> datetime | None:
    return _sound(moment, time_fault(moment, clock.now()))


def _number(value: Any) -> Any:
    if isinstance(value, bool | str):
        raise ValueError("must be a number without quotes")  # noqa: TRY004 - pydantic takes ValueError only
    return value


Name = Annotated[StrictStr, Field(min_length=1, max_length=LONGEST_NAME), AfterValidator(_name)]
UserId = Annotated[
    str,
    Path(
        min_length=1, max_length=LONGEST_NAME, description="Who; somebody unknown gets popular films.", examples=["1"]
    ),
    AfterValidator(_name),
    AfterValidator(known_as),
]
Person = Annotated[Name, AfterValidator(known_as)]
MovieId = Annotated[StrictInt, Field(ge=0, le=LARGEST_ID, description="The film.", examples=[1])]
Number = Annotated[float, BeforeValidator(_number), Field(allow_inf_nan=False)]
Value = Annotated[
    # The check that it is finite belongs to the number: around the choice it would be asked of null too.
    Annotated[float, Field(allow_inf_nan=False)] | None,
    BeforeValidator(_number),
    Field(description="Stars (0.5 to 5) of a rating, watched fraction (0 to 1) of a watch."),
]


class Strict(BaseModel):
    """A document that has no field but its own, and never changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class _Word(Strict):
    """What somebody did with a film."""

    movie_id: MovieId
    kind: Kind = Field(description="What was done.")
    value: Value = None

    @model_validator(mode="after")
    def _value_fits(self) -> Self:
        fault = value_fault(self.kind, self.value)
        return _sound(self, fault and f"value {fault}")


class HistoryWord(_Word):
    """A film of a list, and how it was met."""

    kind: Kind = Field(Kind.LIKE, description="What was done.")


class EventIn(_Word):
    """One event: what one user did with one film."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"user_id": "ann", "movie_id": 1, "kind": "rating", "value": 4.5}]}
    )
    user_id: Person = Field(description="Who.")
    event_id: Name | None = Field(None, description="Sent twice it counts once; made up where it is left out.")
    event_time: Annotated[AwareDatetime | None, BeforeValidator(_text_time), AfterValidator(_possible_time)] = Field(
        None, description="When it happened, with a time zone; now where it is left out."
    )

    def interaction(self, source: str) -> Interaction:
        """Return what it says, as learned from a source; with an id of its own where it came without."""
        return Interaction(
            self.event_id or time_ordered_id(),
            self.user_id,
            self.movie_id,
            self.kind,
            self.value,
            self.event_time,
            source,
        )


class ConsentsIn(Strict):
    """What somebody permits from now on; a purpose that is left out stays as it is."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"profile": False}]})
    history: StrictBool | None = Field(None, description="What they do with films.")
    profile: StrictBool | None = Field(None, description="What is known of them besides, such as their age.")
    answers: StrictBool | None = Field(None, description="Which lists they are given.")

    def said(self) -> dict[Purpose, bool]:
        """Return the purposes that it speaks of."""
        told = {purpose: getattr(self, purpose) for purpose in Purpose}
        return {purpose: given for purpose, given in told.items() if given is not None}


class ConsentOut(BaseModel):
    """What holds of one purpose."""

    purpose: Purpose
    given: bool
    at: datetime | None = Field(description="When they said so; null where they said nothing.")
    removed_at: datetime | None = Field(
        description="When what was kept for it was gone, after it was withdrawn; null while something may be there."
    )


class ConsentsOut(BaseModel):
    """What somebody permits."""

    user_id: str
    consents: list[ConsentOut]
    receipt: dict[str, Any] | None = Field(
        None, description="What was taken out by this request, signed; null where nothing was withdrawn, or not yet."
    )


class EventBatch(Strict):
    """Several events, recorded all or none."""

    events: list[EventIn] = Field(min_length=1, max_length=MOST_EVENTS)


def _one_or_many(body: Any) -> str:
    return "many" if isinstance(body, EventBatch) or (isinstance(body, dict) and "events" in body) else "one"


Events = Annotated[Annotated[EventIn, Tag("one")] | Annotated[EventBatch, Tag("many")], Discriminator(_one_or_many)]


class PromoteRequest(Strict):
    """Why a bundle shall serve, past the gate."""

    bundle_id: Name = Field(description="The bundle.", examples=["edlae-0123456789ab"])
    reason: Annotated[StrictStr, Field(min_length=3, max_length=500)] = Field(examples=["Back to what is known good."])
    approved_by: Name = Field("admin", description="Who takes the step.")
    expected: Name | None = Field(None, description="Only if this bundle still serves.")


class RollbackRequest(Strict):
    """Why the release before shall serve again."""

    reason: Annotated[StrictStr, Field(min_length=3, max_length=500)] = Field(examples=["Complaints about release 7."])
    approved_by: Name = Field("admin", description="Who takes the step.")


class StepRequest(RollbackRequest):
    """Why what is rolled out shall be moved."""

    expected: Annotated[StrictInt, Field(ge=0, le=LARGEST_ID)] | None = Field(
        None, description="The number of its newest move, as it was seen; somebody else's move since is a conflict."
    )


class CanaryRequest(RollbackRequest):
    """Which bundle a few users shall get first."""

    bundle_id: Annotated[StrictStr, Field(pattern=BUNDLE_ID.pattern, max_length=200)] = Field(
        examples=["ease-0123456789ab"]
    )


class FilmOut(BaseModel):
    """A film."""

    movie_id: int = Field(examples=[6])
    title: str = Field(examples=["Heat"])
    year: int | None = Field(examples=[1995])
    genres: list[str] = Field(examples=[["Action", "Crime", "Thriller"]])
    directors: list[str] = Field(examples=[["Michael Mann"]])
    language: str | None = Field(examples=["en"])
    runtime_minutes: int | None = Field(examples=[170])
    likes: int = Field(examples=[215])
    rating_mean: float | None = Field(examples=[3.92])


class BecauseOut(BaseModel):
    """A film of the history that speaks for a recommendation, with its share of all that does."""

    movie_id: int
    title: str
    share: float = Field(ge=0, le=1, examples=[0.42])


class ReasonOut(BaseModel):
    """Why a film is recommended."""

    text: str = Field(examples=["Because you liked Heat"])
    because: list[BecauseOut]


class ItemOut(FilmOut):
    """A recommended film."""

    rank: int = Field(examples=[1])
    score: float = Field(examples=[0.83])
    reason: ReasonOut | None
    placed_by: Literal["score", "boost", "pin", "quota", "dial"] | None = Field(
        None, description="What gave it its place; left out where nothing but its score could.", examples=["boost"]
    )


class ReleaseOut(BaseModel):
    """The release that answered."""

    release_id: int
    bundle_id: str
    model: str
    dataset: str | None = Field(description="What it was trained on.", examples=["sample"])


class ExperimentOut(BaseModel):
    """An arm of a roll-out that somebody has."""

    name: str = Field(examples=["canary-1"])
    arm: str = Field(examples=["control"])


class AnswerOut(BaseModel):
    """Who answered whom. Where nothing was personal, the source is ``popular`` and the note says why."""

    recommendation_id: str
    user_id: str | None
    source: Literal["personalised", "popular"]
    release: ReleaseOut | None
    note: str | None
    next: str | None = Field(
        None, description="The cursor of the next page; left out where no page was asked for, null after the last."
    )
    experiments: list[ExperimentOut] = Field(
        [], description="The arms of roll-outs that the user has; left out where there are none."
    )


class RecommendationOut(AnswerOut):
    """A list of recommendations. Where nothing was personal, the source is ``popular`` and the note says why."""

    items: list[ItemOut]


class RowOut(BaseModel):
    """A row of films. Where nothing was personal, the source is ``popular``."""

    recommendation_id: str
    kind: Literal["because", "new", "gems", "popular"]
    source: Literal["personalised", "popular"]
    film: FilmOut | None = Field(description="What the row goes by, where that is one film.")
    since: int | None = Field(description="The first year of its films, where they are the newest.")
    items: list[ItemOut]


class RowsOut(BaseModel):
    """Rows that share no film."""

    user_id: str
    release: ReleaseOut | None
    rows: list[RowOut]
    note: str | None


class HistoryItemOut(FilmOut):
    """A film of a history."""

    kind: Kind
    value: float | None
    weight: float
    liked: bool
    event_time: str | None


class HistoryOut(BaseModel):
    """What a user met, the newest first."""

    user_id: str
    items: list[HistoryItemOut]
    unknown_films: int = Field(description="How many further films the catalogue does not hold.")


class MoviesOut(BaseModel):
    """Films found."""

    total: int
    items: list[FilmOut]
    corrected: str | None = Field(
        description="The query as it was corrected to find these; null where it was taken as it is.",
        examples=["toy story"],
    )
    note: str | None


class SimilarOut(BaseModel):
    """Films like one film."""

    movie_id: int
    items: list[ItemOut]
    note: str | None


class GenresOut(BaseModel):
    """Every genre."""

    genres: list[str]


class RefusedOut(BaseModel):
    """Why one event of a batch was not taken."""

    item: int = Field(description="Which of the batch, from 0.")
    field: str = Field(description="What is wrong.", examples=["movie_id"])
    reason: str = Field(examples=["There is no film with the id '5'"])
    code: str = Field(description="A word for programs.", examples=["unknown-film"])


class AppendedOut(BaseModel):
    """What became of the events."""

    accepted: int
    duplicates: int
    event_ids: list[str | None] = Field(description="In the order of the batch; null for one that was refused.")
    refused: list[RefusedOut] = Field(
        [], description="Why each of the others was not; left out unless the good ones were asked for alone."
    )


class WrongOut(BaseModel):
    """What is wrong with one field of a request, or of one item of a batch."""

    model_config = ConfigDict(populate_by_name=True)

    place: str = Field(alias="in", description="Where it stands.", examples=["body"])
    item: int | None = Field(None, description="Which of a batch, from 0; left out where there is none.")
    field: str = Field(description="As the sender named it.", examples=["user_id"])
    reason: str = Field(examples=["is of somebody whose data was erased"])
    code: str | None = Field(None, description="A word for programs, where there is one.", examples=["erased-user"])


class ProblemOut(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    instance: str | None
    request_id: str | None = Field(None, description="Under which the server's log has the request.")
    errors: list[WrongOut] | None = Field(
        None, description="What is wrong with what, where a request or a batch is refused for what it says."
    )
