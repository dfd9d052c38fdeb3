"""How the server's dependencies are: each asked for itself, none for longer than said, in words without paths."""

from collections.abc import Callable
from typing import Final

from movie_mlops.core.conditions import OK, Condition
from movie_mlops.features import Histories
from movie_mlops.serving.asking import Asking
from movie_mlops.serving.model import Snapshot
from movie_mlops.serving.ports import Watched
from movie_mlops.serving.releases import Failure
from movie_mlops.state import Database

Look = Callable[[], Condition]

LOOK_AGAIN: Final = "The server's log says what is wrong; train again or roll back."
"""What to do about a champion that cannot be loaded."""
_NOBODY: Final = "-"
_SILENT: Final[dict[str, Condition]] = {
    "state database": Condition(
        "failed",
        "The state database does not answer, so events are refused and histories cannot be read.",
        "The server's log says why. Start it again, or free its disk; answers wait in memory until it is back.",
    ),
    "online store": Condition(
        "failed",
        "Histories cannot be read, so lists are popular, not personal.",
        "The server's log says why. Look at the state database first: it is the record of every history.",
    ),
    "lake": Condition(
        "failed",
        "The lake cannot be read: answers go on, but no event comes into it and no new release brings films.",
        "The server's log says why. Check that its storage is there, then: movie-mlops lake verify",
    ),
}
_UNREADABLE: Final = Condition("failed", "Nobody can tell how it is.", "The server's log says why.")


class Health:
    """Looks after what the server depends on.

    Args:
        histories: The online store.
        database: The state.
        watched: What other rooms depend on; without it, only what serving itself uses is looked at.
        patience_seconds: How long stores are waited for that do not answer.
    """

    def __init__(
        self, histories: Histories, database: Database, *, watched: Watched | None = None, patience_seconds: float = 2.0
    ) -> None:
        looks: dict[str, Look] = {
            "state database": lambda: _state(database),
            "online store": lambda: _online(histories),
        }
        if watched is not None:
            looks |= watched.dependencies()
        self._looking: Asking[Condition] = Asking(looks, patience_seconds)

    def conditions(self, snapshot: Snapshot, failure: Failure | None) -> dict[str, Condition]:
        """Return how each dependency is, the most important first."""
        looked = self._looking.ask()
        return {
            "release": _release(snapshot, failure),
            "films": _films(snapshot),
            **{name: found or _SILENT.get(name, _UNREADABLE) for name, found in looked.items()},
        }

    def end(self) -> None:
        """Look no more."""
        self._looking.end()


def _release(snapshot: Snapshot, failure: Failure | None) -> Condition:
    if failure is not None:
        serves = snapshot.model is not None
        instead = "the one before it goes on serving" if serves else "lists are popular, not personal"
        reason = f"The champion cannot be loaded ({failure.code}), so {instead}."
        return Condition("degraded" if serves else "failed", reason, LOOK_AGAIN)
    if snapshot.model is None:
        return Condition("failed", "Nothing is released yet.", "Train and release a model: movie-mlops run")
    return OK


def _films(snapshot: Snapshot) -> Condition:
    if len(snapshot.catalogue):
        return OK
    return Condition("failed", "The catalogue holds no film.", "Bring films in: movie-mlops run")


def _state(database: Database) -> Condition:
    database.fetch("SELECT 1")
    return OK


def _online(histories: Histories) -> Condition:
    # Whoever it is has no history: what matters is that one could be read.
    histories.read(_NOBODY)
    if histories.degraded is None:
        return OK
    return Condition(
        "degraded",
        "What carries copies of the online store is away, so it is read from its record: slower, and right.",
        "Start Redis again, or look at MOVIE_MLOPS_REDIS_URL.",
    )
