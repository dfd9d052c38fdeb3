"""What came of answers, kept as it comes in: the same as if everything were joined when somebody asks."""

import json
import random
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from sqlalchemy import delete, select

from movie_mlops.core import clock
from movie_mlops.core.nouns import Interaction, Kind
from movie_mlops.events.consumers import positions
from movie_mlops.flows import Platform
from movie_mlops.flows.carrying import Carrying
from movie_mlops.flows.ingest import drain
from movie_mlops.flows.online_quality import online_quality
from movie_mlops.flows.outcomes import OUTCOMES, AnswerJoiner, KeptOutcomes, joiner
from movie_mlops.flows.worker import Turn, Worker, WorkerConfig
from movie_mlops.lake import INTERACTIONS, compact, erase_rows
from movie_mlops.monitoring.quality import QualityConfig
from movie_mlops.serving import IMPRESSIONS
from tests.fixtures.stage_6.given_answers import NOW, Given, ago, by_hand
from tests.fixtures.stage_6.kept_answers import CONFIG, GIVEN, SAID, USERS, filled, keep, stores


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    with stores(tmp_path) as platform:
        yield platform


@pytest.fixture
def everywhere(state_url: str, tmp_path: Path) -> Iterator[Platform]:
    """The same with every kind of state."""
    with stores(tmp_path, state_url) as platform:
        yield platform


@pytest.fixture(autouse=True)
def _frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


def caught_up(platform: Platform) -> None:
    """Bring events into the lake, and join until there is nothing to join."""
    drain(platform)
    joiner = AnswerJoiner(platform, CONFIG)
    while joiner.turn():
        pass


def told(platform: Platform, config: QualityConfig, now: datetime) -> tuple[str, int]:
    """Return all that is told of answers, floats to nine digits, and of how many it was kept what came of them."""
    found = online_quality(platform, config, now=now)
    document = json.loads(json.dumps(found.to_json()), parse_float=lambda text: f"{float(text):.9f}")
    document["kept"] = None
    return json.dumps(document, indent=1, sort_keys=True), found.kept


def asked(platform: Platform, monkeypatch: pytest.MonkeyPatch, now: datetime = NOW) -> int:
    """Hold what is told with what was kept to what is told without; return of how many answers it was kept."""
    found, kept = told(platform, CONFIG, now)
    with monkeypatch.context() as without:
        kept_of = KeptOutcomes.of
        without.setattr(KeptOutcomes, "of", lambda *asked: kept_of(*asked).clear())
        assert told(platform, CONFIG, now) == (found, 0)
    return kept


def said(user: str, movie: int, kind: Kind, days: float, event_id: str) -> Interaction:
    return Interaction(event_id, user, movie, kind, None, ago(days), "test")


def test_what_was_kept_gives_the_figures_of_the_join(everywhere: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    """From kept outcomes alone all is told as by joining answers and words anew; the place in the log is at its end."""
    assert online_quality(everywhere, CONFIG, now=NOW).kept == 0
    caught_up(everywhere)
    assert asked(everywhere, monkeypatch) == len(GIVEN)
    assert positions(everywhere.database)["answers"] == everywhere.events.last_offset()
    # Three days ago less was known: who said something since is joined anew.
    assert asked(everywhere, monkeypatch, now=ago(3)) < asked(everywhere, monkeypatch)
    # Of whom the log knows more than the lake, everything is joined anew; of others it is not.
    everywhere.events.append([said("u03", 5, Kind.LIKE, 0.5, "late"), said("nobody", 5, Kind.LIKE, 0.5, "other")])
    assert asked(everywhere, monkeypatch) == len(GIVEN) - 2
    # What was kept for five days says nothing of two.
    assert online_quality(everywhere, replace(CONFIG, horizon_days=2), now=NOW).kept == 0


def test_each_answer_has_what_came_of_it(platform: Platform) -> None:
    """Liked, disliked, watched, clicked or nothing, with place, delay, release and arm; as worked out by hand."""
    caught_up(platform)
    expected = by_hand(GIVEN, SAID, timedelta(days=CONFIG.horizon_days), CONFIG.new_films, platform.config.feedback)
    with platform.database.read() as connection:
        rows = {(row.user_id, row.at): row for row in connection.execute(select(OUTCOMES))}
    assert len(rows) == len(GIVEN)
    assert {row.arm for row in rows.values()} == {"none", "test: a"}
    for given, one in zip(GIVEN, expected, strict=True):
        row = rows[given.user, clock.to_iso(given.at)]
        assert row.release == "ease-0123456789ab"
        assert (row.credited, row.displeased, row.new_user) == (len(one.credited), one.displeased, one.new)
        if one.credited:
            delays = [(at - given.at).total_seconds() for at in one.credited.values()]
            places = [given.items.index(movie) + 1 for movie in one.credited]
            assert (row.outcome, row.position, row.delay_seconds) == ("liked", min(places), min(delays))
        elif not one.reacted:
            assert (row.outcome, row.position, row.delay_seconds) == ("none", None, None)
        else:
            assert (row.outcome in {"disliked", "watched", "other"}, row.delay_seconds) == (True, None)
    assert {"liked", "disliked"} <= {row.outcome for row in rows.values()}
    keep(platform, [Given("looker", ago(0.1), [4, 5, 6]), Given("silent", ago(0.1), [4])])
    platform.events.append([said("looker", 6, Kind.VIEW, 0.05, "v"), said("looker", 5, Kind.CLICK, 0.04, "c")])
    caught_up(platform)
    with platform.database.read() as connection:
        found = connection.execute(select(OUTCOMES).where(OUTCOMES.c.user_id.in_(["looker", "silent"])))
        told = {row.user_id: (row.outcome, row.position, row.positives) for row in found}
    assert told == {"looker": ("clicked", 2, "[]"), "silent": ("none", None, "[]")}


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(1, 20))])
def test_whatever_happens_in_whatever_order_figures_are_those_of_the_join(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Promise P19: late events, late answers, deaths in the middle, other loads, erasures: nothing is told wrongly."""
    chance = random.Random(seed)
    for step in range(8):
        what = chance.random()
        user, days = chance.choice(USERS), chance.uniform(0.1, 24)
        if what < 0.3:
            kind = chance.choice([Kind.LIKE, Kind.SKIP, Kind.WATCH, Kind.VIEW, Kind.WITHDRAW])
            platform.events.append([said(user, chance.randrange(1, 10), kind, days, f"s{step}")])
        elif what < 0.5:
            keep(platform, [Given(user, ago(days), chance.sample(range(1, 10), 4))])
        elif what < 0.6:
            keep(platform, [Given(chance.choice(["new", "newer"]), ago(days), [1, 2])])
        elif what < 0.7:
            row = {"event_id": [f"l{step}"], "user_id": [user], "movie_id": [step % 9 + 1], "kind": ["like"]}
            frame = pl.DataFrame({**row, "source": ["file"], "event_time": [ago(days)], "ingested_at": [NOW]})
            platform.lake.append(INTERACTIONS, filled(frame, INTERACTIONS))
        elif what < 0.85:
            drain(platform)
        else:
            with monkeypatch.context() as dying, suppress(KilledError):
                dying.setattr(joiner, "move", killed)
                caught_up(platform)
        if chance.random() < 0.6:
            AnswerJoiner(platform, CONFIG).turn()
        if step % 4 == 3:
            asked(platform, monkeypatch)
    caught_up(platform)
    with platform.database.read() as connection:
        given = set(connection.execute(select(IMPRESSIONS.c.recommendation_id)).scalars())
        # What was written days late has no outcome, and is joined when somebody asks.
        assert set(connection.execute(select(OUTCOMES.c.recommendation_id)).scalars()) <= given
    assert asked(platform, monkeypatch) > 0


class KilledError(Exception):
    """The process is no more."""


def killed(*_: object) -> None:
    raise KilledError


def test_effect_and_place_are_one_transaction(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    """Promise P19: killed before its place moves, the joiner leaves neither outcomes nor place; the next makes both."""
    drain(platform)
    one = AnswerJoiner(platform, CONFIG)
    one.turn()
    platform.events.append([said("u01", 9, Kind.LIKE, 7.5, "late")])
    drain(platform)
    before, rows = positions(platform.database)["answers"], outcomes(platform)
    with monkeypatch.context() as dying:
        dying.setattr(joiner, "move", killed)
        with pytest.raises(KilledError):
            one.turn()
    assert (positions(platform.database)["answers"], outcomes(platform)) == (before, rows)
    assert one.turn() == 2
    assert positions(platform.database)["answers"] == platform.events.last_offset() > before
    assert outcomes(platform) != rows


def outcomes(platform: Platform) -> list[tuple[object, ...]]:
    with platform.database.read() as connection:
        return [tuple(row) for row in connection.execute(select(OUTCOMES).order_by(OUTCOMES.c.recommendation_id))]


def test_an_erasure_or_a_compaction_leaves_what_was_kept_of_others(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is joined anew because other people's rows went or files were written again; after a load everybody is."""
    caught_up(platform)
    erase_rows(platform.lake, INTERACTIONS, pl.col("user_id") == "u07", note={"why": "an erasure"})
    with platform.database.write() as connection:
        for table in (IMPRESSIONS, OUTCOMES):
            connection.execute(delete(table).where(table.c.user_id == "u07"))
    compact(platform.lake, INTERACTIONS)
    assert asked(platform, monkeypatch) == len(GIVEN) - 2
    row = {"event_id": ["l"], "user_id": ["u01"], "movie_id": [9], "kind": ["like"], "source": ["file"]}
    frame = pl.DataFrame({**row, "event_time": [ago(7.5)], "ingested_at": [NOW]})
    platform.lake.append(INTERACTIONS, filled(frame, INTERACTIONS))
    assert online_quality(platform, CONFIG, now=NOW).kept == 0
    assert AnswerJoiner(platform, CONFIG).turn() == len(GIVEN) - 2


def test_an_answer_that_was_erased_meanwhile_does_not_come_back(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the join and its commit somebody's answers go: no outcome of theirs is written."""
    drain(platform)
    inner = AnswerJoiner._join

    def join(self: AnswerJoiner, rows: Any) -> Any:
        values = inner(self, rows)
        with platform.database.write() as connection:
            connection.execute(delete(IMPRESSIONS).where(IMPRESSIONS.c.user_id == "u05"))
        return values

    monkeypatch.setattr(AnswerJoiner, "_join", join)
    AnswerJoiner(platform, CONFIG).turn()
    assert "u05" not in {row[1] for row in outcomes(platform)}
    assert len(outcomes(platform)) == len(GIVEN) - 2


def test_who_is_slower_writes_nothing(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two join at once: the one that began earlier and ends later leaves what the other wrote."""
    drain(platform)
    slow, fast = AnswerJoiner(platform, CONFIG), AnswerJoiner(platform, CONFIG)
    slow.turn()
    platform.events.append([said("u01", 9, Kind.LIKE, 7.5, "late")])
    drain(platform)
    inner = slow._join

    def join(rows: Any) -> Any:
        values = inner(rows)
        assert fast.turn() == 2
        platform.events.append([said("u01", 8, Kind.LIKE, 7.4, "later")])
        drain(platform)
        assert fast.turn() == 2
        made.append(outcomes(platform))
        return values

    made: list[list[tuple[object, ...]]] = []
    monkeypatch.setattr(slow, "_join", join)
    assert (slow.turn(), outcomes(platform)) == (0, made[0])


def test_a_program_is_left_out_of_what_was_kept_too(platform: Platform) -> None:
    """Who does more than a person could is left out by what the lake has, though their answers were joined."""
    keep(platform, [Given("loud", ago(9), [1])])
    at = ago(8)
    platform.events.append(
        [
            Interaction(f"x{number}", "loud", number, Kind.VIEW, None, at + timedelta(seconds=number), "t")
            for number in range(1, 102)
        ]
    )
    before = online_quality(platform, CONFIG, now=NOW)
    caught_up(platform)
    found = online_quality(platform, CONFIG, now=NOW)
    assert (found.kept, found.programs, found.left_out) == (len(GIVEN), ["loud"], before.left_out)


def test_a_worker_joins_now_and_then_and_nobody_waits_for_it(platform: Platform) -> None:
    """A worker's turn joins what is new, the next one has nothing to do; consumers do not turn because it is behind."""
    worker = Worker(platform, "one", WorkerConfig(join_seconds=0), quality=CONFIG)
    assert worker.turn().joined == len(GIVEN)
    assert worker.turn() == Turn(0, None, 0)
    platform.events.append([said("u01", 9, Kind.LIKE, 7.5, "late")])
    assert positions(platform.database)["answers"] < platform.events.last_offset()
    assert Carrying(platform, "one").once() == 0
    assert worker.turn().joined == 2
    assert Worker(
        platform, "two", WorkerConfig(join_seconds=0), quality=replace(CONFIG, new_films=1)
    ).turn().joined == len(GIVEN)
