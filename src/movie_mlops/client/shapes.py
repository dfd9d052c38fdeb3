"""The documents of the API as a client sees them: plain JSON with types. What a newer server adds does no harm."""

from typing import Any, Literal, NotRequired, TypedDict

Kind = Literal["rating", "like", "dislike", "view", "watch", "click", "skip"]
Source = Literal["personalised", "popular"]
Strategy = Literal["average", "least-misery", "fairness"]


class HistoryWord(TypedDict):
    """A film that somebody met; without a kind it was liked."""

    movie_id: int
    kind: NotRequired[Kind]
    value: NotRequired[float | None]


class Boost(TypedDict):
    """Films that are lifted, or below zero lowered, by so many standard deviations of all scores."""

    by: float
    genre: NotRequired[str]
    language: NotRequired[str]
    years: NotRequired[str]
    movies: NotRequired[list[int]]


class Wishes(TypedDict, total=False):
    """What may be wished of a list."""

    k: int
    genres: list[str]
    years: str
    languages: list[str]
    runtime: str
    available: list[int]
    exclude: list[int]
    exclude_seen: bool
    exclude_finished_series: bool
    boosts: list[Boost]
    pins: list[int]
    diversity: float
    serendipity: float
    cursor: str
    explain: bool


class RerankWishes(TypedDict, total=False):
    """What may be wished of candidates in order."""

    boosts: list[Boost]
    diversity: float
    serendipity: float
    explain: bool


class FilmFilters(TypedDict, total=False):
    """Which films are meant, and how many."""

    k: int
    genres: list[str]
    years: str
    languages: list[str]
    runtime: str


class Somebody(TypedDict, total=False):
    """A user, or a list of films instead of one."""

    user_id: str
    history: list[HistoryWord]


class Event(TypedDict):
    """What a user did with a film."""

    user_id: str
    movie_id: int
    kind: Kind
    value: NotRequired[float | None]
    event_id: NotRequired[str]
    event_time: NotRequired[str]


class Film(TypedDict):
    """A film."""

    movie_id: int
    title: str
    year: int | None
    genres: list[str]
    directors: list[str]
    language: str | None
    runtime_minutes: int | None
    likes: int
    rating_mean: float | None


class Because(TypedDict):
    """A film that speaks for a recommendation."""

    movie_id: int
    title: str
    share: float


class Reason(TypedDict):
    """Why a film is recommended."""

    text: str
    because: list[Because]


class Item(Film):
    """A recommended film."""

    rank: int
    score: float
    reason: Reason | None
    placed_by: NotRequired[Literal["score", "boost", "pin", "quota", "dial"] | None]


class GroupItem(Item):
    """A film recommended to a group."""

    fits: list[float | None]


class Release(TypedDict):
    """The release that answered."""

    release_id: int
    bundle_id: str
    model: str
    dataset: str | None


class Experiment(TypedDict):
    """An arm of a roll-out that somebody has."""

    name: str
    arm: str


class Answer(TypedDict):
    """Who answered whom."""

    recommendation_id: str
    user_id: str | None
    source: Source
    release: Release | None
    note: str | None
    next: NotRequired[str | None]
    experiments: NotRequired[list[Experiment]]


class Recommendations(Answer):
    """A list of films for somebody."""

    items: list[Item]


class Member(TypedDict):
    """Somebody of a group."""

    user_id: str | None
    personal: bool
    note: str | None


class GroupRecommendations(Answer):
    """A list of films for several people."""

    strategy: Strategy
    members: list[Member]
    items: list[GroupItem]


class Unplaced(TypedDict):
    """A candidate that has no place."""

    movie_id: int
    reason: str


class Reranked(Recommendations):
    """Candidates in order."""

    unplaced: list[Unplaced]


class Found(TypedDict):
    """Films found."""

    total: int
    items: list[Film]
    corrected: str | None
    note: str | None


class Similar(TypedDict):
    """Films like one film."""

    movie_id: int
    items: list[Item]
    note: str | None


class Genres(TypedDict):
    """Every genre."""

    genres: list[str]


class HistoryItem(Film):
    """A film of a history."""

    kind: Kind
    value: float | None
    weight: float
    liked: bool
    event_time: str | None


class History(TypedDict):
    """What a user met, the newest first."""

    user_id: str
    items: list[HistoryItem]
    unknown_films: int


class RefusedEvent(TypedDict):
    """Why one event of a batch was not taken."""

    item: int
    field: str
    reason: str
    code: str


Wrong = TypedDict("Wrong", {"in": str, "item": NotRequired[int], "field": str, "reason": str, "code": NotRequired[str]})
"""What is wrong with one field of a request, or of one item of a batch that is refused whole."""


class Appended(TypedDict):
    """What became of events; ``refused`` is there where the good ones were asked for alone."""

    accepted: int
    duplicates: int
    event_ids: list[str | None]
    refused: NotRequired[list[RefusedEvent]]


Passport = dict[str, Any]
"""Everything behind one recommendation."""
