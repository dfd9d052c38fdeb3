"""A history lived again: people are given lists, say what they said, and the loop learns, triggers and releases."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import polars as pl

from movie_mlops.client import Client, ClientConfig
from movie_mlops.client.calls import Call
from movie_mlops.core import clock
from movie_mlops.core.columns import EVENT_TIME, MOVIE_ID, USER_ID, WEIGHT
from movie_mlops.core.nouns import Workspace
from movie_mlops.core.progress import SILENT, Progress
from movie_mlops.events.triggers import LoopRuns
from movie_mlops.features.feedback import weight_expression
from movie_mlops.flows.config import PlatformConfig
from movie_mlops.flows.loop import Loop, LoopConfig
from movie_mlops.flows.main_job import RunReport, run
from movie_mlops.flows.platform import Platform
from movie_mlops.flows.release import Careful
from movie_mlops.flows.replay.config import ReplayConfig
from movie_mlops.flows.replay.history import History, events_of
from movie_mlops.flows.replay.outcome import AT, FROZEN, LOOP, RECENT, USER, WARM, Change, Replayed, gain
from movie_mlops.flows.replay.rivals import DAY, Frozen, Known, Recent
from movie_mlops.flows.replay.server import api
from movie_mlops.flows.worker import Worker
from movie_mlops.release import read_bundle
from movie_mlops.security import AuditLog, Pseudonyms

Rows = list[tuple[str, int, float, int]]
"""Who, which film, how much it is liked, when (Unix seconds)."""

Tell = Callable[[str], None]

_RELOAD: Final[Call[object]] = Call("POST", "/v1/admin/reload", {})


def replay(
    history: History,
    workspace: Workspace,
    config: ReplayConfig,
    platform_config: PlatformConfig,
    *,
    progress: Progress = SILENT,
    tell: Tell = lambda _line: None,
) -> Replayed:
    """Live a history: the first part is known, a model learns from it, and everything after goes through the API.

    Where the gate refuses the first model nothing serves, and people are given what is popular, as in service; another
    first model is made whenever so much more is known as the rule ``volume`` asks for, until the gate lets one pass.

    Args:
        history: What happened.
        workspace: An empty home.
        config: How it is lived.
        platform_config: The recipes and the gate.
        progress: Who listens.
        tell: Told in words of each release, and of whatever else the loop did.

    Raises:
        MovieMlopsError: A store or the API fails.
    """
    started = time.perf_counter()
    platform = Platform(workspace, platform_config)
    try:
        history.fill(platform.lake)
        made = run(None, dataset=workspace.dataset, home=workspace.home, config=platform_config)
        if made.refusal is not None:
            tell(made.refusal.problem)
        with (
            api(workspace, platform_config, config.rollout) as served,
            Client(ClientConfig(served.url)) as client,
            Client(ClientConfig(served.url, served.token)) as operator,
        ):
            living = _Living(history, platform, config, (client, operator), tell)
            living.live(progress)
        return living.outcome(time.perf_counter() - started)
    finally:
        platform.close()


@dataclass
class _Judged:
    """What was judged so far, by column."""

    users: list[str] = field(default_factory=list)
    at: list[int] = field(default_factory=list)
    warm: list[bool] = field(default_factory=list)
    gains: dict[str, list[float]] = field(default_factory=lambda: {LOOP: [], FROZEN: [], RECENT: []})

    @property
    def height(self) -> int:
        return len(self.users)

    def frame(self) -> pl.DataFrame:
        at = pl.from_epoch(pl.Series(self.at, dtype=pl.Int64), "s").dt.replace_time_zone("UTC")
        return pl.DataFrame({USER: self.users, AT: at, WARM: self.warm, **self.gains})


class _Living:
    """The history as it goes on."""

    def __init__(
        self, history: History, platform: Platform, config: ReplayConfig, clients: tuple[Client, Client], tell: Tell
    ) -> None:
        self._history, self._platform, self._config = history, platform, config
        (self._client, self._operator), self._tell = clients, tell
        self._known, self._recent = Known(), Recent(config.recent_days)
        past = history.past.with_columns(weight_expression(platform.config.feedback).alias(WEIGHT))
        self._take_in(_rows(past))
        self._worker = Worker(platform, "replay")
        self._loop = _loop(platform, config)
        self._judged, self._lived = _Judged(), 0
        self._changes: list[Change] = []
        self._tried = history.past.height
        self._landed_at = clock.microseconds(history.past[EVENT_TIME][-1]) // 1_000_000
        self._waited: int | None = None
        self._frozen = Frozen(None, self._recent.of_all_time())
        self._first = self._serving = self._take_first()
        # Nobody is given another model than the first.
        self._alone = self._first is not None
        self._same = [0, 0]
        self._told = 0

    def live(self, progress: Progress) -> None:
        lived, turn_at = self._history.lived, self._config.turn_events
        started, first = time.perf_counter(), lived[EVENT_TIME][0]
        with progress.task("Living the history", lived.height, "events") as advance:
            for batch in _batches(lived, self._config.batch):
                if self._config.speed is not None:
                    due = (batch[EVENT_TIME][0] - first).total_seconds() / self._config.speed
                    time.sleep(max(0.0, due - (time.perf_counter() - started)))
                rows = _rows(batch)
                self._judge(rows)
                self._client.send(*events_of(batch))  # type: ignore[arg-type] # as the API takes them
                self._take_in(rows)
                self._lived += len(rows)
                if self._lived >= turn_at:
                    turn_at += self._config.turn_events
                    self._turn(rows[-1][3])
                elif rows[-1][3] - self._landed_at >= self._config.land_days * DAY:
                    self._land(rows[-1][3])
                advance(len(rows))
        self._turn(clock.microseconds(lived[EVENT_TIME][-1]) // 1_000_000)

    def outcome(self, seconds: float) -> Replayed:
        compared, same = self._same
        return Replayed(
            dataset=self._history.dataset,
            past=self._history.past.height,
            lived=self._lived,
            judgements=self._judged.frame(),
            waited=self._judged.height if self._waited is None else self._waited,
            same=same / compared if compared else None,
            changes=self._changes,
            runs=LoopRuns(self._platform.database).newest(1000)[::-1],
            seconds=seconds,
        )

    def _judge(self, rows: Rows) -> None:
        """Give everybody who is about to like something a list, and hold it to what they like first."""
        following: dict[str, tuple[int, int]] = {}
        for user, film, weight, at in rows:
            if weight > 0 and film not in self._known.met.get(user, ()):
                following.setdefault(user, (film, at))
        k = self._config.k
        for user, (film, at) in following.items():
            shown = [item["movie_id"] for item in self._client.recommend(user, k=k, explain=False)["items"]]
            frozen = self._frozen.best(user, self._known, k)
            warm = bool(self._known.liked.get(user))
            if warm and self._alone:
                self._same[0] += 1
                self._same[1] += shown == frozen
            self._judged.users.append(user)
            self._judged.at.append(at)
            self._judged.warm.append(warm)
            lists = {LOOP: shown, FROZEN: frozen, RECENT: self._recent.best(user, self._known, k)}
            for arm, listed in lists.items():
                self._judged.gains[arm].append(gain(listed, film))

    def _take_in(self, rows: Rows) -> None:
        self._known.add(rows)
        self._recent.add(rows)

    def _land(self, at: int) -> None:
        """Have the worker bring what was sent into the lake, and the API read it before its next list."""
        self._worker.turn()
        self._operator.ask(_RELOAD)
        self._landed_at = at

    def _turn(self, at: int) -> None:
        """Let the worker and the loop do what there is to do."""
        self._land(at)
        if self._first is None:
            self._try_first()
        found = self._loop.turn()
        champion = self._platform.ledger.champion()
        if champion is None:
            return
        self._alone = champion.bundle_id == self._first and (found is None or not found.open)
        if champion.bundle_id != self._serving:
            self._serving = champion.bundle_id
            now = clock.from_unix(at)
            self._changes.append(Change(now, self._lived, self._judged.height, champion.bundle_id))
            self._tell(f"{now:%Y-%m-%d}, after {self._lived:,} events: {champion.bundle_id} serves.")
        if found is not None and not found.open and found.run_id != self._told:
            self._told = found.run_id
            self._tell(f"Run {found.run_id}, by {found.trigger}: {found.stage}. {found.steps[-1].sentence}")

    def _try_first(self) -> None:
        """Make a first model, as somebody would, where so much more is known since the last that was refused."""
        known, more = self._history.past.height + self._lived, self._config.triggers.volume.at
        if more is None or known < self._tried * (1 + more):
            return
        self._tried, workspace = known, self._platform.workspace
        made = run(None, dataset=workspace.dataset, home=workspace.home, config=self._platform.config)
        if made.refusal is not None:
            self._tell(made.refusal.problem)
        self._first = self._take_first()

    def _take_first(self) -> str | None:
        """Take what serves for the model that is never trained again; return it, ``None`` where nothing serves."""
        platform, champion = self._platform, self._platform.ledger.champion()
        if champion is None:
            return None
        bundle = read_bundle(platform.workspace.models / champion.bundle_id, trust=platform.keys.trust)
        self._frozen = Frozen((bundle.recommender, bundle.movie_ids), self._recent.of_all_time())
        self._waited = self._judged.height
        return champion.bundle_id


def _loop(platform: Platform, config: ReplayConfig) -> Loop:
    made = partial(run, None, dataset=platform.workspace.dataset, home=platform.workspace.home, config=platform.config)

    def make(careful: Careful) -> RunReport:
        return made(careful=careful)

    audit = AuditLog(platform.database, Pseudonyms.kept_in(platform.workspace.keys))
    return Loop(platform, LoopConfig(config.triggers, config.rollout.canary), make, audit)


def _batches(rows: pl.DataFrame, size: int) -> Iterator[pl.DataFrame]:
    for start in range(0, rows.height, size):
        yield rows[start : start + size]


def _rows(frame: pl.DataFrame) -> Rows:
    return frame.select(USER_ID, MOVIE_ID, WEIGHT, pl.col(EVENT_TIME).dt.epoch("s")).rows()
