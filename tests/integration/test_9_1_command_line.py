"""``movie-mlops events``: what is in the log, how far everybody is, what may go, and the dead letters."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from movie_mlops.core import clock
from movie_mlops.core.nouns import Workspace
from movie_mlops.events.stored import EVENTS
from movie_mlops.features.online.record import ROWS
from movie_mlops.flows import EventsConfig, Platform, PlatformConfig
from movie_mlops.flows.carrying import Carrying, CarryingConfig
from movie_mlops.flows.erasure import erase
from movie_mlops.flows.event_care import prune
from movie_mlops.flows.ingest import drain
from movie_mlops.flows.materialise import materialise
from tests.fixtures.stage_2.interactions import did
from tests.fixtures.stage_2.redis_server import RedisServer
from tests.fixtures.stage_4.command_line import CommandLine
from tests.fixtures.stage_9.shop import shop


@pytest.fixture
def command(tmp_path: Path) -> CommandLine:
    with shop(tmp_path) as platform:
        materialise(platform)
        platform.events.append([did(f"u{number}", number, "like", at=number) for number in range(1, 6)])
    return CommandLine(tmp_path, tmp_path)


def by_workers(tmp_path: Path) -> Platform:
    return Platform(Workspace(tmp_path, "shop"), PlatformConfig(events=EventsConfig(effects="by-workers")))


def test_the_log_is_shown_as_envelopes(command: CommandLine) -> None:
    """The newest, or those behind an offset; with --json each is an envelope on a line of its own."""
    lines = [json.loads(line) for line in command("events", "tail", "--count", "2", "--json").out.splitlines()]
    assert [(line["subject"], line["sequence"]) for line in lines] == [("u4", f"{4:020d}"), ("u5", f"{5:020d}")]
    shown = command("events", "tail", "--after", "2", "--count", "1").out.split()
    assert (shown[0], shown[2], shown[-1]) == ("3", "u3", "3")


def test_stats_tell_how_far_everybody_is(command: CommandLine, tmp_path: Path) -> None:
    """Events, erased ones, and the lake and every consumer with how much each is behind."""
    told = command("events", "stats", "--json").document
    assert (told["events"], told["erased"], told["offsets"]) == (5, 0, [1, 5])
    assert told["places"] == {"lake": {"offset": 0, "behind": 5}}
    platform = by_workers(tmp_path)
    platform.events.append([did("u1", 9, "like", at=9)])
    platform.close()
    assert command("events", "stats", "--json").document["places"]["online"] == {"offset": 5, "behind": 1}


def test_only_what_everybody_has_is_pruned(command: CommandLine, tmp_path: Path) -> None:
    """What the lake or a consumer lacks, what is younger than it must be, and the newest event stay."""
    refused = command("events", "prune")
    assert (refused.code, "events.keep_days" in refused.err) == (1, True)
    platform = by_workers(tmp_path)
    old = clock.to_iso(clock.now() - timedelta(days=30))
    with platform.database.write() as connection:
        connection.execute(EVENTS.update().where(EVENTS.c.offset <= 4).values(recorded_at=old))
    assert prune(platform, days=20).events == 0
    platform.events.append([did("u1", film, "like", at=film) for film in (9, 10)])
    # The lake has all of it; who sees to histories has not got the last two.
    drain(platform)
    with platform.database.write() as connection:
        connection.execute(EVENTS.update().values(recorded_at=old))
    assert (prune(platform, days=20, dry_run=True).events, prune(platform, days=40).events) == (5, 0)
    done = command("events", "prune", "--older-than", "20", "--json").document
    assert (done["events"], done["upto"]) == (5, 5)
    with platform.database.read() as connection:
        assert sorted(connection.execute(select(EVENTS.c.offset)).scalars()) == [6, 7]
    assert platform.events.last_offset() == 7
    assert len(platform.histories.read("u2")) == 1
    platform.close()


def test_dead_letters_are_listed_retried_and_dropped(command: CommandLine, tmp_path: Path) -> None:
    """A worker makes a letter of what it cannot deal with; once mended it is retried, and another is dropped."""
    platform = by_workers(tmp_path)
    with platform.database.write() as connection:
        broken = {"view": "histories", "stamp": 1, "written_at": 0, "packed": b"x"}
        connection.execute(delete(ROWS).where(ROWS.c.view == "histories", ROWS.c.key.in_(["bad", "worse"])))
        connection.execute(ROWS.insert(), [{**broken, "key": key} for key in ("bad", "worse")])
    platform.events.append([did(user, 1, "like", at=1) for user in ("bad", "good", "worse")])
    assert Carrying(platform, "test").once() == 1
    assert len(platform.histories.read("good")) == 1
    letters = command("events", "dead-letter", "list", "--json").document
    assert [(letter["offset"], letter["code"]) for letter in letters] == [(6, "feature"), (8, "feature")]
    assert "bad" not in letters[0]["reason"]
    first, second = (str(letter["id"]) for letter in letters)
    assert command("events", "dead-letter", "retry", first).code == 1
    with platform.database.write() as connection:
        connection.execute(delete(ROWS).where(ROWS.c.key == "bad"))
    assert command("events", "dead-letter", "retry", first, "--json").document == {"id": int(first), "made": True}
    assert command("events", "dead-letter", "drop", second).code == 0
    assert command("events", "dead-letter", "list", "--json").document == []
    assert command("events", "dead-letter", "drop", second).code == 1
    assert len(platform.histories.read("bad")) == 1
    platform.close()


def test_an_erasure_reaches_the_stream(command: CommandLine, tmp_path: Path) -> None:
    """Promise P28: what of somebody is on its way in Redis goes with the rest; the others' events stay."""
    server = RedisServer(tmp_path / "redis")
    try:
        platform = Platform(Workspace(tmp_path, "shop"), PlatformConfig(), redis=server.config())
        carrying = Carrying(platform, "test", CarryingConfig("redis", server.config()))
        carrying.once()
        stream = f"movie-mlops:events:{platform.events.name}"
        assert server.client().xlen(stream) == 5
        erase(platform, "u3", by="a test")
        held = b" ".join(fields[b"event"] for _, fields in server.client().xrange(stream))
        assert (server.client().xlen(stream), b'"u3"' in held, b'"u4"' in held) == (4, False, True)
        platform.close()
    finally:
        server.kill()
