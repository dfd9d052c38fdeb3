"""How far back lately should reach: lists of what is popular lately, by the next like, as time goes on."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from movie_mlops.bench.errors import BenchError
from movie_mlops.bench.machine import machine_facts
from movie_mlops.bench.record import write_record
from movie_mlops.bench.targets import at_least
from movie_mlops.core.columns import EVENT_TIME, MOVIE_ID, USER_ID, WEIGHT
from movie_mlops.core.progress import SILENT, Advance, Progress
from movie_mlops.evaluation import EvaluationConfig, Interval
from movie_mlops.evaluation.intervals import bootstrap_means
from movie_mlops.flows.config import PlatformConfig
from movie_mlops.flows.replay.outcome import gain
from movie_mlops.recommenders import PopularRecentParams, lately_since

_DEEP: Final = 1_000
"""So many films are looked through for somebody who has met the first of them."""


@dataclass(frozen=True)
class LatelyBenchConfig:
    """What is tried, and on which part of a history.

    Attributes:
        days: Windows.
        least: So many likes a window holds at least.
        known: This share of the history is known at first.
        until: Up to this share lists are judged; what comes after is not looked at.
        parts: The judged part is also told apart in so many parts of equal length.
        batch: Lists are made of what is known before so many words more.
        k: The length of the lists.
        service: What the project gives, which is held against the first that is tried.
    """

    days: tuple[float, ...] = (30.0, 90.0, 365.0, 36_500.0)
    least: tuple[int, ...] = (0, 500, 1000, 2000, 3000, 5000)
    known: float = 0.1
    until: float = 0.2
    parts: int = 3
    batch: int = 40
    k: int = 10
    service: PopularRecentParams = field(default_factory=lambda: PlatformConfig().lately)

    def __post_init__(self) -> None:
        """Refuse what cannot be judged."""
        if not 0 < self.known < self.until <= 1:
            raise BenchError(
                f"Known is {self.known}, and it is judged until {self.until}.",
                next_step=f"Give a share of the history above {self.known} and up to 1.",
            )


def bench_lately(
    config: LatelyBenchConfig, feedback: pl.DataFrame, out: Path, *, command: str = "", progress: Progress = SILENT
) -> dict[str, Any]:
    """Judge lists of what is popular lately by the next like of those of whom likes are known.

    Args:
        config: What is tried.
        feedback: What is known of users and films.
        out: The JSON file, replaced whole.
        command: The command line, for the record.
        progress: Who listens.

    Returns:
        What the file holds.

    Raises:
        BenchError: Nobody likes anything after others in the part that is judged.
    """
    machine = machine_facts()
    told = feedback.filter(pl.col(EVENT_TIME).is_not_null()).sort(EVENT_TIME, USER_ID, MOVIE_ID)
    kinds = [PopularRecentParams(days, least) for days in config.days for least in config.least]
    kinds.append(config.service)
    parts: list[dict[int, list[list[float]]]] = [{} for _ in range(config.parts)]
    with progress.task("Judging lists", round(told.height * config.until), "words") as advance:
        for number, user, gained in _judged(told, config, kinds, advance):
            parts[number].setdefault(user, []).append(gained)
    gains: dict[int, list[list[float]]] = {}
    for part in parts:
        for user, rows in part.items():
            gains.setdefault(user, []).extend(rows)
    if not gains:
        raise BenchError(
            "Nobody likes anything there after something else.", next_step="Judge a longer part: --until SHARE."
        )
    by_user = _by_user(gains)
    worth, leads = (bootstrap_means(values, EvaluationConfig()) for values in (by_user, by_user - by_user[0]))
    apart = [_by_user(part) for part in parts if part]
    return write_record(
        out,
        "lately",
        command,
        machine,
        {
            "metric": f"ndcg@{config.k} of the next like, of whom likes are known",
            "words": told.height,
            "known": config.known,
            "until": config.until,
            "lists": sum(map(len, gains.values())),
            "users": len(gains),
            "tried": [
                {**asdict(kind), "worth": _plain(one), "lead": _plain(lead)}
                for kind, one, lead in zip(kinds, worth, leads, strict=True)
            ],
            "service": asdict(config.service),
            "service minus the first that is tried, by part": [
                _plain(bootstrap_means((part[-1:] - part[0]), EvaluationConfig())[0]) for part in apart
            ],
            "targets": [at_least("service minus the first that is tried, low end", 0, _plain(leads[-1])["low"])],
        },
    )


def _judged(
    told: pl.DataFrame, config: LatelyBenchConfig, kinds: list[PopularRecentParams], advance: Advance
) -> Iterator[tuple[int, int, list[float]]]:
    """Yield, in order, the part, who is about to like something, and what a list of each kind is worth to them."""
    users, films = (told[name].rank("dense").to_numpy().astype(np.int64) - 1 for name in (USER_ID, MOVIE_ID))
    likes, times = told[WEIGHT].to_numpy() > 0, told[EVENT_TIME].dt.epoch("s").to_numpy()
    met: dict[int, set[int]] = {}
    knows: set[int] = set()
    end, start = round(told.height * config.until), 0
    size = first = round(told.height * config.known)
    while start < end:
        rows = range(start, min(start + size, end))
        following: dict[int, int] = {}
        for row in rows if start else ():
            user, film = int(users[row]), int(films[row])
            if likes[row] and user in knows and film not in met[user]:
                following.setdefault(user, film)
        if following:
            orders = _orders(films[:start], likes[:start], times[:start], int(films.max()) + 1, kinds)
            part = (start - first) * config.parts // (end - first)
            for user, film in following.items():
                listed = (_first(order, met[user], config.k) for order in orders)
                yield part, user, [gain(one, film) for one in listed]
        for row in rows:
            met.setdefault(int(users[row]), set()).add(int(films[row]))
            if likes[row]:
                knows.add(int(users[row]))
        advance(len(rows))
        start, size = rows.stop, config.batch


def _orders(
    films: NDArray[np.int64],
    likes: NDArray[np.bool_],
    times: NDArray[np.int64],
    many: int,
    kinds: list[PopularRecentParams],
) -> list[list[int]]:
    """Return the first films of each kind of popularity, the best first; equals by all time, then by number."""
    liked, when = films[likes], times[likes]
    ever = np.bincount(liked, minlength=many)
    orders = []
    for kind in kinds:
        recent = when > lately_since(when, days=kind.days, least=kind.least, now=int(times[-1]))
        lately = np.bincount(liked[recent], minlength=many)
        orders.append(np.lexsort((np.arange(many), -ever, -lately))[:_DEEP].tolist())
    return orders


def _by_user(gains: dict[int, list[list[float]]]) -> NDArray[np.float64]:
    """Return float64[kinds, users], the mean of each user's lists."""
    return np.array([np.mean(rows, axis=0) for rows in gains.values()]).T


def _first(order: list[int], met: set[int], k: int) -> list[int]:
    """Return the first k films that were not met."""
    return list(islice((film for film in order if film not in met), k))


def _plain(found: Interval) -> dict[str, float]:
    return {name: round(value, 4) for name, value in asdict(found).items()}
