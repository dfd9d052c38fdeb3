"""Asking stores that may not answer: each by a thread of its own, and nobody is waited for longer than said."""

import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Final, Generic, TypeVar

T = TypeVar("T")

_LOG: Final = logging.getLogger("movie_mlops.serving.asking")


class _Errand(Generic[T]):
    """One thing that is asked again and again; while it is not answered, it is not asked a second time."""

    def __init__(self, name: str, work: Callable[[], T]) -> None:
        self._name = name
        self._work = work
        self._wanted: queue.SimpleQueue[Future[T] | None] = queue.SimpleQueue()
        self._going: Future[T] | None = None
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def begin(self) -> "Future[T]":
        """Ask, or join whoever has."""
        with self._lock:
            if self._going is None:
                self._going = Future()
                if self._thread is None:
                    # Not kept waiting for at the end of the process: what it asks may never answer.
                    self._thread = threading.Thread(target=self._run, name=f"asking-{self._name}", daemon=True)
                    self._thread.start()
                self._wanted.put(self._going)
            return self._going

    def end(self) -> None:
        """Ask no more."""
        self._wanted.put(None)

    def _run(self) -> None:
        while (asked := self._wanted.get()) is not None:
            try:
                outcome = self._work()
            # Whatever it is, it is the answer to whoever asked.
            except Exception as error:  # noqa: BLE001 - said above
                self._forget()
                asked.set_exception(error)
            else:
                self._forget()
                asked.set_result(outcome)

    def _forget(self) -> None:
        with self._lock:
            self._going = None


class Asking(Generic[T]):
    """Asks several parts at once.

    Args:
        parts: What is asked, by name.
        seconds: How long all of them together are waited for.
    """

    def __init__(self, parts: Mapping[str, Callable[[], T]], seconds: float) -> None:
        self._errands = {name: _Errand(name, work) for name, work in parts.items()}
        self._seconds = seconds
        self._told: dict[str, str] = {}

    def ask(self) -> dict[str, T | None]:
        """Return what each part says; ``None`` for one that fails, or says nothing in time."""
        asked = {name: errand.begin() for name, errand in self._errands.items()}
        until = time.monotonic() + self._seconds
        return {name: self._answer(name, future, until) for name, future in asked.items()}

    def end(self) -> None:
        """Ask no more; the threads end as soon as they can."""
        for errand in self._errands.values():
            errand.end()

    def _answer(self, name: str, future: "Future[T]", until: float) -> T | None:
        try:
            answer = future.result(max(0.0, until - time.monotonic()))
        # A part that fails must not take the others with it.
        except Exception as error:  # noqa: BLE001 - said above
            problem = str(error) or f"no answer in {self._seconds:g} seconds"
            if self._told.get(name) != problem:
                _LOG.warning("%s cannot be read: %s", name, problem)
            self._told[name] = problem
            return None
        self._told.pop(name, None)
        return answer
