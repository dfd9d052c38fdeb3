"""The transaction that records events: many batches in one commit, each of them all or nothing by itself."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, groupby
from typing import Final

from sqlalchemy import Connection

from movie_mlops.core import clock
from movie_mlops.core.errors import ItemFault, MovieMlopsError
from movie_mlops.core.nouns import Interaction
from movie_mlops.events.config import EventConfig
from movie_mlops.events.contract import are_sound, check
from movie_mlops.events.errors import ErasedUserError, EventConflictError, EventError, NoConsentError
from movie_mlops.events.stored import COLUMNS, INTO, from_rows, to_columns
from movie_mlops.security.people import People, Purpose
from movie_mlops.state import fetch_rows, insert_texts, run

_RECORDED: Final = f"SELECT {COLUMNS} FROM events WHERE event_id IN ({{}})"  # noqa: S608 - the table's own names
_IDS_AT_ONCE: Final = 5_000


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of a batch.

    Attributes:
        accepted: Events that are new, and now recorded.
        duplicates: Events that were recorded before, or stand in the batch twice.
    """

    accepted: int
    duplicates: int


class Batch:
    """What one caller wants to have recorded, and what became of it.

    Args:
        interactions: What happened.
        place: Under which request, as a place in its trace.
    """

    def __init__(self, interactions: Sequence[Interaction], place: str | None) -> None:
        self.sent = interactions
        self.interactions = interactions
        self.place = place
        self.error: MovieMlopsError | None = None
        self.new: Sequence[Interaction] = ()
        # Until something comes twice: most batches need nothing to be looked up in them.
        self.by_id: dict[str, Interaction] | None = None

    def look(self, *, now: datetime, config: EventConfig) -> None:
        """Find what is wrong with it, and what comes twice in it.

        Args:
            now: The present time.
            config: The limits.
        """
        try:
            for position, each in enumerate(self.sent):
                check(each, position=position, now=now, config=config)
            if len({each.event_id for each in self.sent}) < len(self.sent):
                self.by_id = _by_id(self.sent)
                self.interactions = list(self.by_id.values())
        except MovieMlopsError as error:
            self.error = error

    @property
    def outcome(self) -> Appended | MovieMlopsError:
        """What became of it."""
        return self.error or Appended(len(self.new), len(self.sent) - len(self.new))


def batches_of(
    batches: Sequence[Sequence[Interaction]], places: Sequence[str | None], *, now: datetime, config: EventConfig
) -> list[Batch]:
    """Return what callers want to have recorded, each looked through; where all of it is sound, by one look.

    Args:
        batches: What happened.
        places: For each, under which request, as a place in its trace.
        now: The present time.
        config: The limits.
    """
    given = [Batch(batch, place) for batch, place in zip(batches, places, strict=True)]
    everything = list(chain.from_iterable(batches))
    if not are_sound(everything, now=now, config=config) or not _all_differ(everything):
        for batch in given:
            batch.look(now=now, config=config)
    return given


def record(connection: Connection, batches: Sequence[Batch], now: datetime, people: People | None) -> list[Interaction]:
    """Record what is new of every batch, within the caller's transaction.

    A batch that says something else than what is recorded, or is of somebody of whom nothing is kept, is refused by
    itself; what becomes of each stands in it.

    Args:
        connection: One of :meth:`movie_mlops.state.Database.write`.
        batches: What is to be recorded, in order: of two with one event the first has it.
        now: The present time: when what has no time happened.
        people: Whose events are refused.

    Returns:
        What was recorded, each with its time.
    """
    _refuse_others(connection, batches, people)
    good = [batch for batch in batches if batch.error is None]
    many = sum(len(batch.interactions) for batch in good)
    if not many:
        return []
    if _all_differ(list(chain.from_iterable(batch.interactions for batch in good))):
        for batch in good:
            batch.new = batch.interactions
        run(connection, "SAVEPOINT attempt")
        dated, inserted = _insert(connection, good, now)
        if inserted == many:
            run(connection, "RELEASE SAVEPOINT attempt")
            return dated
        # Some are recorded already: which ones, and whether they say the same, has to be looked up.
        run(connection, "ROLLBACK TO SAVEPOINT attempt")
        run(connection, "RELEASE SAVEPOINT attempt")
    _leave_known(connection, good)
    dated, _ = _insert(connection, [batch for batch in good if batch.error is None], now)
    return dated


def says_the_same(first: Interaction, again: Interaction) -> bool:
    """Return whether an event that comes again says what it said."""
    # The log dates an event that comes without a time, so that sending it again must not be a conflict.
    same_time = again if again.event_time is not None else again._replace(event_time=first.event_time)
    return same_time == first


def _by_id(interactions: Iterable[Interaction]) -> dict[str, Interaction]:
    """Return each event once.

    Raises:
        EventConflictError: Some have one id, and say different things.
    """
    found: dict[str, Interaction] = {}
    others = []
    for position, each in enumerate(interactions):
        first = found.setdefault(each.event_id, each)
        if first is not each and not says_the_same(first, each):
            others.append((position, each.event_id))
    if others:
        raise EventConflictError(others)
    return found


def _refuse_others(connection: Connection, batches: Sequence[Batch], people: People | None) -> None:
    """Let nothing in of somebody of whom nothing may be kept."""
    if people is None:
        return
    users = (each.user_id for batch in batches if batch.error is None for each in batch.interactions)
    gone = people.left_out(users, Purpose.HISTORY, connection)
    for batch in batches if gone.all else ():
        if batch.error is None:
            faults = [
                _fault(position, unwilling=each.user_id in gone.unwilling)
                for position, each in enumerate(batch.sent)
                if each.user_id in gone.all
            ]
            batch.error = _refusal(faults) if faults else None


def _fault(position: int, *, unwilling: bool) -> ItemFault:
    if unwilling:
        reason = "is of somebody who does not permit that their history is kept"
        return ItemFault(position, "user_id", reason, NoConsentError.code)
    return ItemFault(position, "user_id", "is of somebody whose data was erased", ErasedUserError.code)


def _refusal(faults: Sequence[ItemFault]) -> EventError:
    """Return the error of the first of what is wrong; all of it stands in it."""
    problem = f"Event {faults[0].position} {faults[0].reason}; nothing of the batch was recorded."
    if faults[0].code == NoConsentError.code:
        asking = "Send the others without it, or ask them: movie-mlops security consent."
        return NoConsentError(problem, next_step=asking, faults=faults)
    return ErasedUserError(problem, next_step="Send the others without it.", faults=faults)


def _leave_known(connection: Connection, batches: Sequence[Batch]) -> None:
    """Leave to each batch what neither the log nor a batch before it has; one that contradicts them is refused."""
    ids = list(dict.fromkeys(each.event_id for batch in batches for each in batch.interactions))
    known = {each.event_id: each for each in _stored(connection, ids)}
    for batch in batches:
        others = [
            (position, each.event_id)
            for position, each in enumerate(batch.sent)
            if each.event_id in known and not says_the_same(known[each.event_id], each)
        ]
        if others:
            batch.error, batch.new = EventConflictError(others), ()
            continue
        batch.new = [each for each in batch.interactions if each.event_id not in known]
        known.update({each.event_id: each for each in batch.new})


def _stored(connection: Connection, ids: Sequence[str]) -> Iterator[Interaction]:
    for start in range(0, len(ids), _IDS_AT_ONCE):
        some = ids[start : start + _IDS_AT_ONCE]
        for event in from_rows(fetch_rows(connection, _RECORDED.format(",".join("?" * len(some))), some)):
            yield event.interaction


def _all_differ(interactions: Sequence[Interaction]) -> bool:
    return len({each.event_id for each in interactions}) == len(interactions)


def _insert(connection: Connection, batches: Sequence[Batch], now: datetime) -> tuple[list[Interaction], int]:
    """Insert what is new; return it, each with its time, and how many of them the log had not got.

    What has no time happened now, a microsecond apart, so that of two words in one batch the one that was sent later is
    the later one.
    """
    dated = [
        each
        if each.event_time is not None
        else Interaction(*each[:5], now + timedelta(microseconds=number), each.source)
        for number, each in enumerate(chain.from_iterable(batch.new for batch in batches))
    ]
    if not dated:
        return [], 0
    columns, recorded_at, inserted = to_columns(dated), clock.to_iso(now), 0
    for source, place, begin, end in _runs(batches):
        some = columns if end - begin == len(dated) else tuple(column[begin:end] for column in columns)
        inserted += insert_texts(connection, INTO, (source, recorded_at, place), some)
    return dated, inserted


def _runs(batches: Sequence[Batch]) -> Iterator[tuple[str, str | None, int, int]]:
    """Yield where all that is new has one source and one place, and from where to where that is so; in order."""
    said = ((each.source, batch.place) for batch in batches for each in batch.new)
    begin = 0
    for (source, place), run_of_same in groupby(said):
        end = begin + sum(1 for _ in run_of_same)
        yield source, place, begin, end
        begin = end
