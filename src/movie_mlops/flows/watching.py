"""Watching without Prometheus: a running API is asked, or, where it does not answer, the stores behind it."""

import threading
from collections.abc import Callable, Iterator, Sequence

import httpx

from movie_mlops.core.errors import MovieMlopsError
from movie_mlops.core.measures import Sample
from movie_mlops.events.triggers import BudgetConfig
from movie_mlops.flows.measures import PlatformWatched
from movie_mlops.flows.platform import Platform
from movie_mlops.flows.steps import one_at_a_time
from movie_mlops.monitoring import FreshnessConfig, MonitoringError
from movie_mlops.monitoring.notify import Channel, Memory, Notice, NotifyConfig, Outbox, Samples, Watch


class Watching:
    """Looks, and has somebody told.

    Args:
        platform: The stores behind the API.
        url: The API's address.
        config: How often, and how it is told.
        on_error: Told of what could not be read or brought; of what stays so, once.
        budget: What the loop may spend a day.
        freshness: How old things may be.
    """

    def __init__(
        self,
        platform: Platform,
        url: str,
        config: NotifyConfig,
        on_error: Callable[[MovieMlopsError], None],
        *,
        budget: BudgetConfig | None = None,
        freshness: FreshnessConfig | None = None,
    ) -> None:
        self._kept_in = platform.workspace.watch
        self._measures = PlatformWatched(platform, budget, freshness)
        self._url = url.rstrip("/")
        self._config = config
        self._on_error = on_error
        self._failed: dict[str, str] = {}

    def look(self) -> tuple[Samples, bool]:
        """Return what is measured now, and whether an API said it."""
        try:
            answer = httpx.get(f"{self._url}/metrics", timeout=self._config.patience_seconds)
            answer.raise_for_status()
            samples = Samples.parse(answer.text)
        except httpx.HTTPError as error:
            self._fails(
                self._url,
                MonitoringError(
                    f"{self._url} does not answer ({type(error).__name__}).",
                    next_step="Start it with: movie-mlops serve; or give its address with --url.",
                ),
            )
        except MonitoringError as error:
            self._fails(self._url, error)
        else:
            self._failed.clear()
            return samples, True
        return Samples.of(self._stores()), False

    def work(
        self, stop: threading.Event, channels: Sequence[Channel], on_notice: Callable[[Notice], None] = lambda _: None
    ) -> None:
        """Look regularly until ``stop`` is set; at the end messages that wait are tried once more.

        What was told, and what was not brought yet, is kept in the home: a watch that is started again goes on there.

        Raises:
            BusyError: Another process watches this data set.
        """
        with one_at_a_time(self._kept_in.with_suffix(".lock"), "a watch of this data set"):
            self._work(stop, channels, on_notice)

    def _work(self, stop: threading.Event, channels: Sequence[Channel], on_notice: Callable[[Notice], None]) -> None:
        memory = Memory(self._kept_in, self._on_error)
        kept = memory.read()
        watch = Watch(self._config, remembered=kept.watch)
        outbox = Outbox(
            channels,
            self._config,
            self._on_error,
            waiting=kept.waiting,
            on_brought=lambda outbox: memory.keep(outbox.waiting),
        )
        for name in kept.waiting.keys() - {channel.name for channel in channels}:
            problem = f"{len(kept.waiting[name])} messages wait for {name}, which is told no more; they are dropped."
            self._on_error(MonitoringError(problem, next_step="Look at config/notify.yaml and the environment."))
        while not stop.is_set():
            samples, reached = self.look()
            notice = watch.look(samples, reached=reached)
            if notice is not None:
                on_notice(notice)
                outbox.put(notice)
            memory.keep(outbox.waiting, watch.remembered)
            stop.wait(self._config.every_seconds)
        if lost := outbox.close(self._config.patience_seconds):
            self._on_error(
                MonitoringError(
                    f"{lost} messages could not be brought to their receivers.",
                    next_step="Look at the receivers; the messages wait for the next 'movie-mlops monitor watch'.",
                )
            )

    def _stores(self) -> Iterator[Sample]:
        for name, read in self._measures.parts().items():
            try:
                yield from list(read())
            except (MovieMlopsError, OSError) as error:
                problem = f"The part {name} cannot be read: {error}"
                self._fails(name, MonitoringError(problem, next_step="Look at its store."))
            else:
                self._failed.pop(name, None)

    def _fails(self, what: str, error: MovieMlopsError) -> None:
        """Tell it where it is new: who looks every few seconds would tell nothing else."""
        if self._failed.get(what) != error.problem:
            self._failed[what] = error.problem
            self._on_error(error)
