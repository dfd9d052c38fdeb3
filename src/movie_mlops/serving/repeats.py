"""Answers that were worked out a moment ago: the same history, wish and release give the same list."""

import threading
from collections.abc import Callable

from movie_mlops.features import History
from movie_mlops.serving.model import Snapshot
from movie_mlops.serving.recommend import Answer
from movie_mlops.serving.wishes import Wish


class Repeats:
    """The newest answers of each snapshot, kept with it: whoever lets it go lets them go.

    Args:
        most: How many of one snapshot are kept; 0 keeps none.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._changing = threading.Lock()

    def of(self, snapshot: Snapshot, history: History, wish: Wish, make: Callable[[], Answer]) -> Answer:
        """Return the answer to a wish for a history; ``make`` works it out where it is not kept."""
        # No page is asked for twice, and the pages before make a long key.
        if not self._most or wish.cursor is not None:
            return make()
        key, kept = (history.digest(), wish), snapshot.answers
        with self._changing:
            found: Answer | None = kept.get(key)
            if found is not None:
                kept.move_to_end(key)
                return found
        answer = make()
        with self._changing:
            kept[key] = answer
            if len(kept) > self._most:
                kept.popitem(last=False)
        return answer
