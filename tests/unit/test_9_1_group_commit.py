"""Many requests share a commit, and none of them shares another's fate."""

import asyncio
from collections.abc import Iterator, Sequence

import pytest

from movie_mlops.core.nouns import Interaction
from movie_mlops.events import Appended, ErasedUserError, EventConfig, EventConflictError, EventError, EventLog
from movie_mlops.features import FeatureError, FeedbackConfig, Histories
from movie_mlops.security.people.people import LeftOut
from movie_mlops.serving.gathering import Gathering
from movie_mlops.state import Database, StateConfig
from tests.fixtures.stage_2.interactions import did


class Counting(EventLog):
    """A log that counts its commits and holds the first one up until others wait."""

    commits = 0
    gate: asyncio.Event | None = None
    failing: str | None = None

    def append_all(self, batches: Sequence[Sequence[Interaction]], places=None):
        """Record, and count."""
        self.commits += 1
        if self.failing in {each.user_id for batch in batches for each in batch}:
            raise FeatureError("The stored history cannot be read.", next_step="Build it anew.")
        return super().append_all(batches, places)


@pytest.fixture
def log(state_url: str) -> Iterator[Counting]:
    database = Database(StateConfig(state_url))
    yield Counting(database, Histories(database), FeedbackConfig())
    database.close()


def like(user: str, film: int, name: str) -> Interaction:
    return did(user, film, "like", at=film, event_id=name)


def test_each_batch_of_a_commit_stands_for_itself(log: Counting) -> None:
    """A bad one, one that contradicts what is recorded or the batch before it, and one that is empty harm no other."""
    log.append([like("a", 1, "old")])
    bad = did("", 1, "like", at=1)
    outcomes = log.append_all(
        [
            [like("a", 2, "new"), like("a", 1, "old")],
            [like("b", 3, "three"), bad],
            [like("b", 9, "old"), like("b", 4, "four")],
            [like("c", 5, "five"), like("c", 5, "five")],
            [like("d", 6, "five")],
            [],
            [like("c", 5, "five"), like("c", 7, "seven")],
        ]
    )
    good = [Appended(1, 1), Appended(1, 1), Appended(0, 0), Appended(1, 1)]
    assert [each for each in outcomes if isinstance(each, Appended)] == good
    assert [type(outcomes[place]) for place in (1, 2, 4)] == [EventError, EventConflictError, EventConflictError]
    assert [event.interaction.event_id for event in log.read(0, 99)] == ["old", "new", "five", "seven"]
    assert Histories(log._database).read("b").movie_ids.tolist() == []


def test_of_erased_people_nothing_is_recorded_and_the_rest_is(log: Counting) -> None:
    """In one commit the batch of somebody who was erased is refused, and the others are not."""

    class Gone:
        def left_out(self, users, _purpose, _connection):
            return LeftOut(frozenset({"gone"} & set(users)), frozenset())

    log._people = Gone()  # type: ignore[assignment]
    outcomes = log.append_all([[like("a", 1, "1")], [like("b", 1, "2"), like("gone", 1, "3")], [like("c", 1, "4")]])
    assert isinstance(outcomes[1], ErasedUserError)
    assert outcomes[1].position == 1
    assert [event.interaction.user_id for event in log.read(0, 9)] == ["a", "c"]


def test_requests_that_come_during_a_commit_share_the_next(log: Counting) -> None:
    """Of sixteen at one time the first is committed at once and the others together; each hears of its own events."""

    async def sixteen() -> list[list[object]]:
        gathering = Gathering(log)
        asked = (gathering.append([[like(f"u{number}", 1, f"e{number % 15}")]]) for number in range(16))
        return await asyncio.gather(*asked)

    outcomes = asyncio.run(sixteen())
    # The last of them has the id of the first, and says something else.
    assert [type(outcome) for [outcome] in outcomes] == [Appended] * 15 + [EventConflictError]
    assert log.count() == 15
    assert log.commits <= 2


def test_what_is_sent_upon_an_answer_is_in_the_next_group() -> None:
    """Who is told of a commit and sends more within a few turns of the loop need not wait for the group between."""
    groups: list[list[str]] = []

    class Sink:
        def append_all(self, batches, _places):
            groups.append([event.event_id for batch in batches for event in batch])
            return [Appended(1, 0)] * len(batches)

    async def told_and_on(gathering: Gathering) -> None:
        await gathering.append([[like("a", 1, "first")]])
        for _ in range(3):
            await asyncio.sleep(0)
        await gathering.append([[like("a", 2, "upon that")]])

    async def two() -> None:
        gathering = Gathering(Sink())  # type: ignore[arg-type]
        first = asyncio.create_task(told_and_on(gathering))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await asyncio.gather(first, gathering.append([[like("b", 1, "meanwhile")]]))

    asyncio.run(two())
    assert groups == [["first"], ["meanwhile", "upon that"]]


def test_a_history_that_cannot_be_read_is_nobody_elses_trouble(log: Counting) -> None:
    """Where the effect of one request fails, that one is told, and the others of its commit are recorded."""
    log.failing = "bad"

    async def three() -> list[object]:
        gathering = Gathering(log)
        asked = (gathering.append([[like(user, 1, user)]]) for user in ("a", "bad", "c"))
        return await asyncio.gather(*asked, return_exceptions=True)

    first, second, third = asyncio.run(three())
    assert (first, third) == ([Appended(1, 0)], [Appended(1, 0)])
    assert isinstance(second, FeatureError)
    assert sorted(event.interaction.user_id for event in log.read(0, 9)) == ["a", "c"]


def test_by_workers_an_event_is_recorded_and_no_more(log: Counting) -> None:
    """Where workers see to the effect, an acknowledged event is in the log and not yet in the history."""
    later = EventLog(log._database, Histories(log._database), FeedbackConfig(), EventConfig(effects="by-workers"))
    assert later.append([like("a", 1, "1")]) == Appended(1, 0)
    assert len(later.read(0, 9)) == 1
    assert len(Histories(log._database).read("a")) == 0
