"""The nouns that cross rooms."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple


class Kind(StrEnum):
    """What somebody did with a movie."""

    RATING = "rating"
    LIKE = "like"
    DISLIKE = "dislike"
    VIEW = "view"
    WATCH = "watch"
    CLICK = "click"
    SKIP = "skip"
    WITHDRAW = "withdraw"
    """Took back whatever was said of it: until something is said again (rating, like, dislike) nothing counts."""

    # As the word that it is, which is looked up with each event; an enumeration's own hash is worked out in Python.
    __hash__ = str.__hash__


class Interaction(NamedTuple):
    """One thing that one user did with one movie.

    A tuple, for of all nouns it is made most often, and a frozen data class takes longer to make.

    Attributes:
        event_id: Unique; the same id twice is the same interaction.
        user_id: Who.
        movie_id: With which movie.
        kind: What.
        value: Stars for a rating (0.5 to 5), watched fraction for a watch (0 to 1), otherwise ``None``.
        event_time: When it happened (aware UTC), or ``None`` where the source does not know.
        source: Where it was learned from (``sample``, ``ml-1m``, ``api`` …).
    """

    event_id: str
    user_id: str
    movie_id: int
    kind: Kind
    value: float | None
    event_time: datetime | None
    source: str


@dataclass(frozen=True, slots=True)
class Workspace:
    """Where one data set and everything that is made of it lives.

    Attributes:
        home: The folder of all state.
        dataset: A short name such as ``sample`` or ``ml-latest-small``; data sets never mix.
    """

    home: Path
    dataset: str

    @property
    def lakes(self) -> Path:
        """The folder of the lakes, one for each data set, where no other place is configured."""
        return self.home / "data" / "lake"

    @property
    def training_sets(self) -> Path:
        """The folder of the training sets."""
        return self.home / "data" / "training-sets" / self.dataset

    @property
    def state_url(self) -> str:
        """SQLAlchemy's address of the state database (ledger, event log, histories, steps)."""
        return f"sqlite:///{self.home / 'data' / 'state' / self.dataset}.db"

    @property
    def lock(self) -> Path:
        """The file that a flow holds while it writes this data set."""
        return self.home / "data" / "state" / f"{self.dataset}.lock"

    @property
    def watch(self) -> Path:
        """The file in which a watch keeps what it told."""
        return self.home / "data" / "watch" / f"{self.dataset}.json"

    @property
    def downloads(self) -> Path:
        """The folder of files that were downloaded, shared by all data sets."""
        return self.home / "data" / "downloads"

    @property
    def models(self) -> Path:
        """The folder of the bundles."""
        return self.home / "models" / self.dataset

    @property
    def keys(self) -> Path:
        """The folder of the signing key and of the trusted ones, shared by all data sets."""
        return self.home / "data" / "keys"

    @property
    def experiments(self) -> Path:
        """The folder of the experiment tracker."""
        return self.home / "experiments"

    @property
    def reports(self) -> Path:
        """The folder of the reports."""
        return self.home / "reports" / self.dataset
