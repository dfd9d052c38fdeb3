"""Parity: what a sample of answers was made from is computed again from the lake and the event log."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

import polars as pl

from movie_mlops.core import clock
from movie_mlops.core.columns import EVENT_ID, MOVIE_ID, USER_ID
from movie_mlops.core.nouns import Interaction
from movie_mlops.features import VIEWS, FeatureView, FeedbackConfig, Parity, keep_parity
from movie_mlops.features.parity import differing, event_rows, histories_again, rows_again
from movie_mlops.flows.platform import Platform
from movie_mlops.lake import INTERACTIONS, MOVIES
from movie_mlops.serving import Served, newest

_PAGE: Final = 10_000
_WORST: Final = 3


def parity(platform: Platform, *, most: int = 200, bound: float = 0.001) -> Parity:
    """Compare the newest of the sample with what is computed again, and keep the outcome for the metric.

    Args:
        platform: The stores.
        most: How many answers at most.
        bound: The largest share of values that may differ.

    Returns:
        The outcome.
    """
    answers, compared, wrong = 0, 0, Counter[str]()
    groups: dict[str, list[Served]] = {}
    for served in newest(platform.database, most):
        groups.setdefault(str(served.origin), []).append(served)
    for group in groups.values():
        again = _Again(platform, group)
        answers += len(group)
        for count, names in again.compare(group, platform.config.feedback):
            compared += count
            wrong.update(names)
    worst = ", ".join(f"{name} ({count:,})" for name, count in wrong.most_common(_WORST))
    found = Parity(clock.now(), answers, compared, wrong.total(), bound, worst)
    keep_parity(platform.database, found)
    return found


class _Again:
    """The lake and the log as a group of answers found them."""

    def __init__(self, platform: Platform, group: Sequence[Served]) -> None:
        origin = group[0].origin
        versions = origin["versions"]
        users = {served.user_id for served in group}
        films = {row["key"] for served in group for row in served.rows if isinstance(row["key"], int)}
        about = pl.col(USER_ID).is_in(list(users)) | pl.col(MOVIE_ID).is_in(list(films))
        self._lake = platform.lake.scan(INTERACTIONS, version=versions[INTERACTIONS]).filter(about).collect()
        self._films = platform.lake.scan(MOVIES, version=versions[MOVIES]).collect()
        known = set(self._lake[EVENT_ID].to_list())
        self._events = [
            (offset, event)
            for offset, event in _events(platform, origin["position"])
            if (event.user_id in users or event.movie_id in films) and event.event_id not in known
        ]

    def compare(self, group: Sequence[Served], config: FeedbackConfig) -> Iterator[tuple[int, list[str]]]:
        """Yield how many values were compared, and the names of those that differ."""
        said = [self._said(USER_ID, served.user_id, served.stamp) for served in group]
        for served, digest in zip(group, histories_again(said, config), strict=True):
            yield 1, [] if served.history == digest else ["history"]
        for view in VIEWS:
            if rows := [row for served in group for row in served.rows if row["view"] == view.name]:
                yield from self._compare_rows(view, rows, config)

    def _compare_rows(
        self, view: FeatureView, rows: Sequence[dict[str, Any]], config: FeedbackConfig
    ) -> Iterator[tuple[int, list[str]]]:
        said = [self._said(view.entity.folds, row["key"], row["stamp"]) for row in rows]
        keys = [(row["key"], datetime.fromisoformat(row["at"])) for row in rows]
        for row, again in zip(rows, rows_again(view, keys, said, self._films, config), strict=True):
            yield len(row["values"]), [f"{view.name}:{name}" for name in differing(row["values"], again)]

    def _said(self, by: str, key: Any, stamp: int) -> pl.DataFrame:
        later = [event for offset, event in self._events if offset <= stamp and getattr(event, by) == key]
        return pl.concat([self._lake.filter(pl.col(by) == key), event_rows(later)], how="diagonal")


def _events(platform: Platform, after: int) -> Iterator[tuple[int, Interaction]]:
    while page := platform.events.read(after, _PAGE):
        for event in page:
            yield event.offset, event.interaction
        after = page[-1].offset
