"""Where heavy work is done: in this process, or on the workers of a cluster; the port, and the engine that is here.

Work is a function of what all parts share and of one part, and gives a result that hangs on these alone. So it can be
done anywhere, and again where a worker was lost, and neither the engine nor the number of workers changes a result.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, TypeVar

S = TypeVar("S")
P = TypeVar("P")
R = TypeVar("R")


class Engine(Protocol):
    """What does the work.

    Attributes:
        name: What it is called on the command line.
        workers: How many parts are done at once, elsewhere; 0 where they are done here, one after the other.
    """

    name: str

    @property
    def workers(self) -> int:
        """How many parts are done at once, elsewhere; 0 where they are done here, one after the other."""
        ...

    def each(self, work: Callable[[S, P], R], shared: S, parts: Iterable[P]) -> Iterator[R]:
        """Yield ``work(shared, part)`` of each part, in their order.

        Args:
            work: A function of a module, so that a worker finds it by its name.
            shared: Brought to each worker once.
            parts: Brought to one worker each; they, and the results, are plain data.
        """
        ...

    def keep(self, parts: Sequence[P]) -> AbstractContextManager[Iterable[P]]:
        """Bring parts that :meth:`each` will be given more than once to the workers, to stay there for the block."""
        ...


class InThisProcess:
    """One part after the other; each may use all cores, and nothing is copied."""

    name = "local"
    workers = 0

    def each(self, work: Callable[[S, P], R], shared: S, parts: Iterable[P]) -> Iterator[R]:
        """See :meth:`Engine.each`."""
        return (work(shared, part) for part in parts)

    @contextmanager
    def keep(self, parts: Sequence[P]) -> Iterator[Iterable[P]]:
        """See :meth:`Engine.keep`."""
        yield parts


HERE: Engine = InThisProcess()
"""No cluster."""
