"""Group commit: requests that come while the disk is busy are recorded together by the next commit.

A commit waits for the disk, and so does every request that is to be told that its events are on it. One at a time they
would wait in line; together they wait once. Nobody waits for company: the first commit begins at once, and whatever has
come when it ends, and what it did is told, is the next group.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context, copy_context
from typing import Final, NamedTuple

from movie_mlops.core.errors import MovieMlopsError
from movie_mlops.core.nouns import Interaction
from movie_mlops.core.tracing import CURRENT
from movie_mlops.serving.errors import OverloadedError
from movie_mlops.serving.ports import Appended, EventSink

_MOST: Final = 10_000
"""So many events are recorded by one commit, where more than one request has them."""
_TURNS: Final = 4
"""So often the loop goes round between two groups."""

Outcome = Appended | MovieMlopsError
Batches = Sequence[Sequence[Interaction]]


class _Waiting(NamedTuple):
    batches: Batches
    place: str | None
    context: Context
    answer: asyncio.Future[list[Outcome]]


class Gathering:
    """The events that wait for the next commit.

    Args:
        sink: Where events go.
        most_waiting: How many requests may wait for the next commit; further ones are refused.
        on_refused: Called for each of these.
    """

    def __init__(
        self, sink: EventSink, *, most_waiting: int = 32, on_refused: Callable[[], None] = lambda: None
    ) -> None:
        self._sink = sink
        self._most_waiting = most_waiting
        self._on_refused = on_refused
        self._waiting: list[_Waiting] = []
        self._work_task: asyncio.Task[None] | None = None
        # A thread of its own: a commit that others wait for must not itself wait for one.
        self._writer = ThreadPoolExecutor(1, "events")

    async def append(self, batches: Batches) -> list[Outcome]:
        """Record batches, each all or nothing by itself; when it returns, they are on disk.

        Returns:
            What became of each: how many were new, or why it is refused.

        Raises:
            OverloadedError: So many wait that it would not be recorded in time; nothing was.
            MovieMlopsError: A store refuses; nothing was recorded.
        """
        if len(self._waiting) >= self._most_waiting:
            self._on_refused()
            raise OverloadedError
        under = CURRENT.get()
        answer: asyncio.Future[list[Outcome]] = asyncio.get_running_loop().create_future()
        place = None if under is None else under.place.write()
        self._waiting.append(_Waiting(batches, place, copy_context(), answer))
        if self._work_task is None:
            self._work_task = asyncio.create_task(self._work())
        return await answer

    async def _work(self) -> None:
        try:
            while self._waiting:
                group = self._next_group()
                try:
                    await self._commit(group)
                except Exception as error:  # noqa: BLE001 - every waiting request is told what it was
                    await self._apart(group, error)
                # They are answered first, for while the next group is recorded both would want the one interpreter;
                # and what they send upon that, as far as it is here by then, is in it. An idle loop goes round at once.
                for _ in range(_TURNS):
                    await asyncio.sleep(0)
        finally:
            self._work_task = None

    def _next_group(self) -> list[_Waiting]:
        many = 0
        for number, each in enumerate(self._waiting):
            many += sum(map(len, each.batches))
            if number and many > _MOST:
                break
        else:
            number = len(self._waiting)
        group, self._waiting = self._waiting[:number], self._waiting[number:]
        return group

    async def _commit(self, group: Sequence[_Waiting]) -> None:
        batches = [batch for each in group for batch in each.batches]
        places = [each.place for each in group for _ in each.batches]
        # Under the first of the requests: a commit has one place in a trace, and each event keeps its own.
        context = group[0].context
        outcomes = await asyncio.get_running_loop().run_in_executor(
            self._writer, context.run, self._sink.append_all, batches, places
        )
        start = 0
        for each in group:
            end = start + len(each.batches)
            if not each.answer.done():
                each.answer.set_result(list(outcomes[start:end]))
            start = end

    async def _apart(self, group: Sequence[_Waiting], error: Exception) -> None:
        """Record each request by itself: what one of them fails on is nothing to the others."""
        if len(group) == 1:
            if not group[0].answer.done():
                group[0].answer.set_exception(error)
            return
        for each in group:
            try:
                await self._commit([each])
            except Exception as own:  # noqa: BLE001 - the request is told what it was
                await self._apart([each], own)
