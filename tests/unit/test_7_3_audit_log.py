"""The audit log: only ever added to, whole or said not to be, and with nobody's name in it."""

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from movie_mlops.core import clock
from movie_mlops.security import AuditLog, Outcome, Pseudonyms, Refusals
from movie_mlops.state import Database, StateConfig

KEY = bytes(range(32))
COPY = (
    "INSERT INTO audit_entries"
    " (entry_id, at, action, who, target, origin, outcome, request_id, facts, previous_entry_id)"
    " SELECT {id}, at, action, who, target, origin, outcome, request_id, facts, {before} FROM audit_entries"
    " WHERE entry_id = 1"
)
SWAP = [
    f"UPDATE audit_entries SET {column} = {new} WHERE {column} = {old}"
    for column in ("entry_id",)
    for old, new in ((2, 99), (3, 2), (99, 3))
]


@pytest.fixture
def database(state_url: str) -> Iterator[Database]:
    database = Database(StateConfig(state_url))
    yield database
    database.close()


@pytest.fixture
def in_a_file(tmp_path: Path) -> Iterator[Database]:
    database = Database(StateConfig(f"sqlite:///{tmp_path / 'state.db'}"))
    yield database
    database.close()


def log_of(database: Database, times: int = 0) -> AuditLog:
    log = AuditLog(database, Pseudonyms(KEY))
    for number in range(times):
        log.note(
            "release.promote",
            who="kim",
            outcome=Outcome.DONE,
            target=f"ease-{number}",
            origin="command line, account 0",
            request_id=f"r-{number}",
            facts={"reason": f"for {number}", "share": 0.1},
        )
    return log


def tamper(database: Database, *statements: str) -> None:
    """Do what the database refuses, as somebody would who has its file."""
    with database.write() as connection:
        for table in ("audit_entries", "audit_seals"):
            for change in ("update", "delete"):
                connection.execute(text(f"DROP TRIGGER IF EXISTS {table}_refuse_{change}"))
        for statement in statements:
            connection.execute(text(statement))


def test_an_entry_says_who_did_what_on_what_when_from_where(database: Database) -> None:
    """What was noted is found by who, what, on what, outcome, request and time; all of it can be exported."""
    log = log_of(database, 3)
    began = clock.now()
    log.note("models.alias", who="lee", outcome=Outcome.FAILED, facts={"error": "registry"})
    newest, *older = log.search()
    assert (newest.action, newest.who, newest.outcome, newest.target) == ("models.alias", "lee", "failed", "")
    assert [entry.target for entry in older] == ["ease-2", "ease-1", "ease-0"]
    assert (older[0].origin, older[0].request_id) == ("command line, account 0", "r-2")
    assert abs(older[0].at - clock.now()) < timedelta(minutes=1)
    for wanted, targets in (
        ({"who": "kim", "limit": 2}, ["ease-2", "ease-1"]),
        ({"action": "release."}, ["ease-2", "ease-1", "ease-0"]),
        ({"action": "%"}, []),
        ({"target": "ease-1"}, ["ease-1"]),
        ({"request_id": "r-0"}, ["ease-0"]),
        ({"outcome": Outcome.FAILED}, [""]),
        ({"since": began}, [""]),
        ({"until": began, "who": "lee"}, []),
    ):
        assert [entry.target for entry in log.search(**wanted)] == targets, wanted  # type: ignore[arg-type]
    exported = list(log.export())
    assert [row["entry_id"] for row in exported] == [1, 2, 3, 4]
    assert [row["before"] for row in exported] == ["", *(row["sha256"] for row in exported[:-1])]
    assert json.loads(json.dumps(exported))[0]["facts"] == {"reason": "for 0", "share": 0.1}


def test_the_database_itself_refuses_to_change_an_entry(database: Database) -> None:
    """Neither an entry nor its seal can be changed or removed by whoever uses the database as the platform does."""
    log = log_of(database, 1)
    for statement in ("UPDATE audit_entries SET who = 'x'", "DELETE FROM audit_entries", "DELETE FROM audit_seals"):
        with pytest.raises(DBAPIError, match="only ever appended to"), database.write() as connection:
            connection.execute(text(statement))
    assert log.verify().whole


@pytest.mark.parametrize(
    ("statements", "number", "what"),
    [
        *(
            ([f"UPDATE audit_entries SET {column} = 'x' WHERE entry_id = 2"], 2, "changed")
            for column in ("action", "who", "target", "origin", "outcome", "request_id", "facts")
        ),
        (["UPDATE audit_entries SET at = at - 1 WHERE entry_id = 4"], 4, "changed"),
        (["UPDATE audit_entries SET facts = '{\"share\": 0.2}' WHERE entry_id = 1"], 1, "changed"),
        (["UPDATE audit_seals SET sha256 = 'x' WHERE entry_id = 3"], 3, "changed"),
        (["DELETE FROM audit_entries WHERE entry_id = 1"], 1, "removed"),
        (["DELETE FROM audit_entries WHERE entry_id = 3"], 3, "removed"),
        (["DELETE FROM audit_entries WHERE entry_id = 4"], 4, "removed"),
        ([f"DELETE FROM audit_{table} WHERE entry_id = 2" for table in ("entries", "seals")], 2, "removed"),
        (SWAP, 2, "changed"),
        ([COPY.format(id=9, before=4)], 9, "inserted"),
        (["DELETE FROM audit_seals"], 1, "inserted"),
    ],
)
def test_what_was_done_to_the_log_is_named(in_a_file: Database, statements: list[str], number: int, what: str) -> None:
    """An entry that was changed, removed, moved or inserted behind the log's back is found and named."""
    log = log_of(in_a_file, 4)
    noted = log.verify().head
    assert noted is not None
    assert log.verify(noted).whole
    tamper(in_a_file, *statements)
    found = log.verify()
    assert found.broken is not None
    assert (found.broken.number, found.broken.what) == (number, what)
    assert found.broken.sentence.startswith(f"Entry {number} was {what}: it ")
    # A log that somebody spoilt goes on taking entries: to silence it must not be that easy.
    log.note("release.rollback", who="lee", outcome=Outcome.DONE)
    again = log.verify().broken
    assert again is not None
    assert (again.number, again.what) == (number, what)


def test_the_newest_entries_taken_away_with_their_seals_are_missed_by_a_noted_seal(in_a_file: Database) -> None:
    """Of the newest entries nobody inside knows better: that is what a seal is for that was noted elsewhere."""
    log = log_of(in_a_file, 4)
    noted = log.verify().head
    tamper(in_a_file, *(f"DELETE FROM audit_{table} WHERE entry_id = 4" for table in ("entries", "seals")))
    assert log.verify().whole
    assert not log.verify(noted).whole


def test_entries_of_many_writers_are_one_chain(database: Database) -> None:
    """Four threads write fifteen entries each at once: sixty entries, one chain, times in order."""
    log = log_of(database)
    threads = [
        threading.Thread(
            target=lambda name=name: [log.note("a", who=name, outcome=Outcome.DONE) for _ in range(15)]  # type: ignore[misc]
        )
        for name in "abcd"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = log.verify()
    assert (found.entries, found.whole) == (60, True)
    times = [entry.at for entry in log.search()]
    assert times == sorted(times, reverse=True)
    assert len(set(times)) == 60


def test_nobody_and_no_secret_is_told_in_clear(in_a_file: Database, tmp_path: Path) -> None:
    """Promise P27: tokens, passwords and e-mail addresses are taken out; users and machines are told by pseudonyms.

    The pseudonym of one person is the same in every process of the home, so that their entries can be found, and
    another one in another home.
    """
    log = log_of(in_a_file)
    log.note(
        "erase",
        who="ann@example.org",
        outcome=Outcome.DONE,
        target=log.pseudonyms.user("ann smith"),
        origin=log.pseudonyms.address("203.0.113.77"),
        facts={
            "reason": "asked by ann@example.org, token=hunter2",
            "urls": ["redis://:hunter2@db/0"],
            "a\0b": "\ud800",
        },
    )
    (entry,) = log.search(target=log.pseudonyms.user("ann smith"))
    told = json.dumps(entry.to_json())
    for secret in ("ann", "example.org", "hunter2", ".77"):
        assert secret not in told, secret
    assert entry.origin.startswith("203.0.113.0/24 address-")
    assert log.verify().whole
    one, same = Pseudonyms.kept_in(tmp_path / "keys"), Pseudonyms.kept_in(tmp_path / "keys")
    assert one.user("ann") == same.user("ann") != Pseudonyms(KEY).user("ann")
    assert (tmp_path / "keys" / "audit.key").stat().st_mode & 0o777 == 0o600
    assert [one.address(host) for host in ("127.0.0.1", "::1", None, "unix")] == [
        "127.0.0.1",
        "::1",
        "unknown",
        "unknown",
    ]
    assert one.address("2001:db8:1:2::3").startswith("2001:db8:1::/48 address-")


def test_a_flood_of_refusals_is_a_few_entries(in_a_file: Database) -> None:
    """Ten thousand wrong tokens of a minute are one entry a source, and of a thousand sources twenty-one at most."""
    log = log_of(in_a_file)
    refusals = Refusals(log)
    for number in range(10_000):
        refusals.count("POST /console/sign-in", status=401, host="198.51.100.7", request_id=f"r-{number}")
    refusals.write()
    (entry,) = log.search()
    assert (entry.outcome, entry.facts, entry.request_id) == ("refused", {"status": 401, "times": 10_000}, "r-0")
    refusals.write()
    assert len(log.search()) == 1
    for number in range(1000):
        refusals.count(
            "POST /v1/admin/promote", status=401, host=f"10.0.{number // 250}.{number % 250}", request_id="r"
        )
    refusals.write()
    sums = log.search(action="POST /v1/admin")
    assert len(sums) == 21
    assert sum(entry.facts["times"] for entry in sums) == 1000
    assert {entry.facts["times"] for entry in sums if entry.origin == "others"} == {980}


def test_sums_that_could_not_be_written_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the database is away nothing is forgotten; the next time has all of it, and the bound still holds."""
    database = Database(StateConfig(f"sqlite:///{tmp_path / 'state.db'}"))
    log = log_of(database)
    refusals = Refusals(log, most=2)
    for host in ("10.0.0.1", "10.0.0.2"):
        refusals.count("a", status=401, host=host, request_id="r")
    with monkeypatch.context() as away:
        away.setattr(log, "note", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            refusals.write()
    refusals.count("a", status=401, host="10.0.0.3", request_id="r")
    refusals.write()
    assert sum(entry.facts["times"] for entry in log.search()) == 3
    assert len(log.search()) <= 3
    database.close()
