"""The documents of the API that ask for a list of films."""

from dataclasses import replace
from typing import Annotated, Final, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StrictBool,
    StrictInt,
    StrictStr,
    model_validator,
)

from movie_mlops.serving.cursors import LONGEST, START, Cursor
from movie_mlops.serving.group import Strategy
from movie_mlops.serving.personal import TraitsIn
from movie_mlops.serving.reading import (
    MOST_BOOSTED,
    MOST_BOOSTS,
    read_boosts,
    read_ids,
    read_names,
    read_runtime,
    read_years,
)
from movie_mlops.serving.shapes import (
    LONGEST_QUERY,
    MOST_HISTORY,
    MOST_PICKS,
    AnswerOut,
    HistoryWord,
    ItemOut,
    MovieId,
    Number,
    Person,
    RecommendationOut,
    Strict,
)
from movie_mlops.serving.wishes import Boost, Filters, Wish

MOST_AVAILABLE: Final = 100_000
MOST_CANDIDATES: Final = 1000
MOST_MEMBERS: Final = 20
_LARGEST_OFFSET: Final = 10_000_000

_Text = Annotated[StrictStr, Field(min_length=1, max_length=LONGEST_QUERY)]
_Spelt = Annotated[StrictStr, Field(max_length=20)]
_Dial = Annotated[Number, Field(ge=0, le=1)]
_CURSOR: Final = f"'{START}' for the first of several pages, then the 'next' of the page before; no film comes twice."
_DIVERSITY: Final = "From 0, the best films, to 1, films as unlike each other as there are."
_SERENDIPITY: Final = "From 0, the best films, to 1, films away from what is popular and from the history."
_YEARS: Final = "Came out in: 1994, 1990-1999, 1990-, -1999."
_RUNTIME: Final = "Minutes long: 60-120, 60-, -120."
_SERIES: Final = "None of a series of which every film was seen."
_HISTORY_EXAMPLE: Final[list[JsonValue]] = [
    {"movie_id": 1, "kind": "like"},
    {"movie_id": 6, "kind": "rating", "value": 4.5},
]


class FilterQuery(BaseModel):
    """Which films the address of a list may ask for, as text."""

    model_config = ConfigDict(frozen=True)

    k: int = Field(10, ge=1, le=MOST_PICKS, description="How many films.")
    genres: str | None = Field(None, description="At least one of these.", examples=["Comedy,Drama"])
    years: str | None = Field(None, description=_YEARS, examples=["1990-1999"])
    language: str | None = Field(None, description="Originally in one of these (ISO 639-1).", examples=["ko,fr"])
    runtime: str | None = Field(None, description=_RUNTIME, examples=["-120"])

    def filters(self) -> Filters:
        """Return the filters.

        Raises:
            BadRequestError: Some text cannot be read.
        """
        return Filters(
            genres=read_names(self.genres),
            years=read_years(self.years),
            languages=read_names(self.language),
            runtime=read_runtime(self.runtime),
        )


class SearchQuery(FilterQuery):
    """What the address of a search may say."""

    query: str = Field(
        "",
        max_length=LONGEST_QUERY,
        description="Words of title, director or year, or their beginnings; small mistakes are forgiven.",
        examples=["toy stroy"],
    )
    k: int = Field(24, ge=1, le=MOST_PICKS, description="How many films.")
    offset: int = Field(0, ge=0, le=_LARGEST_OFFSET, description="How many to skip.")


class SimilarQuery(FilterQuery):
    """What the address of similar films may say."""

    exclude: str | None = Field(None, description="Not these films.", examples=["1,2"])


class ListQuery(FilterQuery):
    """What the address of a list of recommendations may say."""

    available: str | None = Field(
        None, description="Only these films; POST takes more of them.", examples=["1,2,6,47,50"]
    )
    exclude: str | None = Field(None, description="Not these films.", examples=["1,2"])
    exclude_seen: bool = Field(True, description="None that the user rated, liked, disliked, watched or skipped.")
    exclude_finished_series: bool = Field(False, description=_SERIES)
    boost: str | None = Field(
        None,
        description="Lift or lower films by so many standard deviations of all scores: genre:NAME:BY, language:CODE:BY,"
        " years:SPAN:BY or movie:ID:BY.",
        examples=["genre:Comedy:0.5,language:ko:1,years:-1959:-2"],
    )
    pin: str | None = Field(None, description="These films first, in this order, also where seen.", examples=["47"])
    diversity: float = Field(0.0, ge=0, le=1, allow_inf_nan=False, description=_DIVERSITY, examples=[0.3])
    serendipity: float = Field(0.0, ge=0, le=1, allow_inf_nan=False, description=_SERENDIPITY, examples=[0.3])
    cursor: str | None = Field(None, max_length=LONGEST, description=_CURSOR, examples=[START])
    explain: bool = Field(True, description="With a reason for each film.")

    def wish(self) -> Wish:
        """Return what is asked for.

        Raises:
            BadRequestError: Some text cannot be read.
        """
        available = None if self.available is None else frozenset(read_ids(self.available, "available"))
        return Wish(
            k=self.k,
            filters=replace(self.filters(), available=available),
            exclude=frozenset(read_ids(self.exclude)),
            exclude_seen=self.exclude_seen,
            exclude_finished_series=self.exclude_finished_series,
            boosts=read_boosts(self.boost),
            pins=read_ids(self.pin, "pin"),
            diversity=self.diversity,
            serendipity=self.serendipity,
            cursor=None if self.cursor is None else Cursor.read(self.cursor),
            explain=self.explain,
        )


class BoostIn(Strict):
    """Films that are lifted or lowered: those that have all that is named."""

    genre: _Text | None = Field(None, description="Of this genre.", examples=["Comedy"])
    language: _Text | None = Field(None, description="Originally in this language.", examples=["ko"])
    years: _Spelt | None = Field(None, description=_YEARS)
    movies: Annotated[list[MovieId], Field(min_length=1, max_length=MOST_HISTORY)] | None = Field(
        None, description="One of these films."
    )
    by: Annotated[Number, Field(ge=-MOST_BOOSTED, le=MOST_BOOSTED)] = Field(
        description="By so many standard deviations of all scores; below 0 they are lowered.", examples=[0.5]
    )

    @model_validator(mode="after")
    def _names_films(self) -> Self:
        if all(named is None for named in (self.genre, self.language, self.years, self.movies)):
            message = "names no films: give genre, language, years or movies"
            raise ValueError(message)
        return self

    def boost(self) -> Boost:
        """Return the boost."""
        films = Filters(
            genres=() if self.genre is None else (self.genre,),
            years=read_years(self.years),
            languages=() if self.language is None else (self.language,),
            available=None if self.movies is None else frozenset(self.movies),
        )
        return Boost(films, self.by)


class Wishes(Strict):
    """What the body of a request may wish of a list."""

    k: Annotated[StrictInt, Field(ge=1, le=MOST_PICKS)] = Field(10, description="How many films.")
    genres: list[Annotated[StrictStr, Field(max_length=LONGEST_QUERY)]] = Field(
        [], max_length=100, description="At least one of these."
    )
    years: _Spelt | None = Field(None, description=_YEARS)
    languages: list[_Text] = Field([], max_length=100, description="Originally in one of these (ISO 639-1).")
    runtime: _Spelt | None = Field(None, description=_RUNTIME)
    available: Annotated[list[MovieId], Field(max_length=MOST_AVAILABLE)] | None = Field(
        None, description="Only these films."
    )
    exclude: list[MovieId] = Field([], max_length=MOST_HISTORY, description="Not these films.")
    exclude_seen: StrictBool = Field(True, description="None that was rated, liked, disliked, watched or skipped.")
    exclude_finished_series: StrictBool = Field(False, description=_SERIES)
    boosts: list[BoostIn] = Field([], max_length=MOST_BOOSTS, description="What is lifted and lowered.")
    pins: list[MovieId] = Field([], max_length=MOST_PICKS, description="These first, in this order, also where seen.")
    diversity: _Dial = Field(0.0, description=_DIVERSITY)
    serendipity: _Dial = Field(0.0, description=_SERENDIPITY)
    cursor: Annotated[StrictStr, Field(max_length=LONGEST)] | None = Field(None, description=_CURSOR)
    explain: StrictBool = Field(True, description="With a reason for each film.")

    def wish(self) -> Wish:
        """Return what is asked for.

        Raises:
            BadRequestError: Some text cannot be read.
        """
        return Wish(
            k=self.k,
            filters=Filters(
                genres=tuple(self.genres),
                years=read_years(self.years),
                languages=tuple(self.languages),
                runtime=read_runtime(self.runtime),
                available=None if self.available is None else frozenset(self.available),
            ),
            exclude=frozenset(self.exclude),
            exclude_seen=self.exclude_seen,
            exclude_finished_series=self.exclude_finished_series,
            boosts=tuple(boost.boost() for boost in self.boosts),
            pins=tuple(dict.fromkeys(self.pins)),
            diversity=self.diversity,
            serendipity=self.serendipity,
            cursor=None if self.cursor is None else Cursor.read(self.cursor),
            explain=self.explain,
        )


class RecommendationRequest(Wishes):
    """A list of films instead of an account."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"history": _HISTORY_EXAMPLE, "k": 10, "genres": ["Drama"], "years": "1990-1999"},
                {
                    "history": _HISTORY_EXAMPLE,
                    "available": [47, 50, 260, 1196, 4973],
                    "boosts": [{"language": "fr", "by": 1.0}, {"genre": "Crime", "years": "-1999", "by": -0.5}],
                    "pins": [260],
                    "diversity": 0.3,
                    "cursor": "start",
                },
                {"history": [], "traits": {"age": 27, "gender": "F", "occupation": "artist"}, "k": 5},
            ]
        }
    )
    history: list[HistoryWord] = Field(
        max_length=MOST_HISTORY, description="Films in order; of two words on one film the last counts."
    )
    traits: TraitsIn = Field(
        {},
        description="What is known of the person, of what the released model reads: age (in years, or its group),"
        " gender, occupation. It is used for this answer and kept nowhere. A name or value that the model does not"
        " know is refused, and those that it knows are named; a model that reads no traits says so in the note.",
        examples=[{"age": 27, "gender": "F"}],
    )


class Somebody(Strict):
    """A user, or a list of films instead of one."""

    user_id: Person | None = Field(None, description="Who.")
    history: Annotated[list[HistoryWord], Field(max_length=MOST_HISTORY)] | None = Field(
        None, description="What somebody without an account met."
    )

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.user_id is None) == (self.history is None):
            message = "give either user_id or history"
            raise ValueError(message)
        return self


class GroupRequest(Wishes):
    """Several people who want one list."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"members": [{"user_id": "ann"}, {"history": _HISTORY_EXAMPLE}], "strategy": "least-misery", "k": 5}
            ]
        }
    )
    members: list[Somebody] = Field(min_length=1, max_length=MOST_MEMBERS, description="Who is in the group.")
    strategy: Strategy = Field(
        Strategy.AVERAGE,
        description="average: the best on average; least-misery: nobody gets what they would hate; fairness: in turn"
        " what does the most for whoever has got the least.",
    )


class RerankRequest(Somebody):
    """Films to be put in order for somebody; also those that were seen."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"history": _HISTORY_EXAMPLE, "candidates": [260, 47, 2, 50]},
                {"user_id": "ann", "candidates": [47, 2], "diversity": 0.5},
            ]
        }
    )
    candidates: list[MovieId] = Field(min_length=1, max_length=MOST_CANDIDATES, description="The films.")
    boosts: list[BoostIn] = Field([], max_length=MOST_BOOSTS, description="What is lifted and lowered.")
    diversity: _Dial = Field(0.0, description=_DIVERSITY)
    serendipity: _Dial = Field(0.0, description=_SERENDIPITY)
    explain: StrictBool = Field(False, description="With a reason for each film.")

    def wish(self) -> Wish:
        """Return what is asked for.

        Raises:
            BadRequestError: Some text cannot be read.
        """
        films = frozenset(self.candidates)
        return Wish(
            k=len(films),
            filters=Filters(available=films),
            exclude_seen=False,
            boosts=tuple(boost.boost() for boost in self.boosts),
            diversity=self.diversity,
            serendipity=self.serendipity,
            explain=self.explain,
        )


class GroupItemOut(ItemOut):
    """A film recommended to a group."""

    fits: list[float | None] = Field(
        description="For each member the share of all films that fits them less; null for a member without a part.",
        examples=[[0.998, 0.91]],
    )


class MemberOut(BaseModel):
    """Somebody of a group."""

    user_id: str | None
    personal: bool = Field(description="Whether their history had a part in the list.")
    note: str | None = Field(description="Why not.")


class GroupOut(AnswerOut):
    """A list for a group."""

    strategy: Strategy
    members: list[MemberOut]
    items: list[GroupItemOut]


class UnplacedOut(BaseModel):
    """A candidate that has no place."""

    movie_id: int
    reason: str = Field(examples=["The catalogue does not hold it."])


class RerankOut(RecommendationOut):
    """The candidates in order."""

    unplaced: list[UnplacedOut]
