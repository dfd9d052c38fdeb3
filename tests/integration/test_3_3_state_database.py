"""The state database under several processes, and what becomes of it when one of them ends."""

import signal
import threading
import time
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import Column, Connection, Integer, Table, Text, func, insert, select, text
from sqlalchemy.exc import IntegrityError

from movie_mlops.core.nouns import Workspace
from movie_mlops.state import METADATA, Database, StateConfig, StateError
from tests.fixtures.stage_3.postgres_server import PASSWORD, PostgresServer
from tests.fixtures.stage_3.processes import python

NUMBERS = Table(
    "test_numbers", METADATA, Column("number", Integer, primary_key=True), Column("word", Text, nullable=False)
)
OPEN = """
import sys
from movie_mlops.state import Database, StateConfig
import tests.integration.test_3_3_state_database
Database(StateConfig(sys.argv[1])).close()
"""
STOP_HALF_WAY = """
import sys
from sqlalchemy import text
from movie_mlops.state import Database, StateConfig
import tests.integration.test_3_3_state_database
with Database(StateConfig(sys.argv[1])).write() as connection:
    connection.execute(text("UPDATE test_numbers SET word = 'new'"))
    connection.execute(text("INSERT INTO test_numbers VALUES (2, 'new')"))
    print("in the middle", flush=True)
    sys.stdin.read()
"""
ONE = "SELECT number, word FROM test_numbers WHERE number = ?"


def put(connection: Connection, number: int, word: str = "old") -> None:
    connection.execute(insert(NUMBERS), {"number": number, "word": word})


def test_many_processes_open_a_new_database_at_once(state_url: str) -> None:
    """Every process that opens the same new database at the same moment gets it."""
    processes = [python(OPEN, state_url) for _ in range(8)]
    errors = [each.communicate(timeout=60)[1] for each in processes]
    assert [each.returncode for each in processes] == [0] * 8, errors


def test_a_writer_that_is_killed_leaves_the_old(state_url: str) -> None:
    """Promise P9: kill -9 in the middle of a write leaves what was there, and the next writer need not wait."""
    database = Database(StateConfig(state_url, busy_timeout_seconds=10))
    with database.write() as connection:
        put(connection, 1)
    writer = python(STOP_HALF_WAY, state_url)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "in the middle\n"
    # Readers see the old meanwhile, and wait for nobody.
    assert database.fetch(ONE, (1,)) == [(1, "old")]
    with database.read() as connection:
        assert connection.execute(select(NUMBERS)).all() == [(1, "old")]
    writer.send_signal(signal.SIGKILL)
    writer.communicate()
    with database.write() as connection:
        assert connection.execute(select(NUMBERS)).all() == [(1, "old")]
        put(connection, 2, "next")
    assert database.fetch(ONE, (2,)) == [(2, "next")]


def test_a_writer_waits_for_the_one_before_and_sees_what_it_wrote(state_url: str) -> None:
    """Promise P9: two processes that read and then write count every step; one waits until the other is done."""
    first, second = (Database(StateConfig(state_url)) for _ in range(2))
    order: list[str] = []

    def step(database: Database, name: str, inside: threading.Event) -> None:
        for _ in range(20):
            with database.write() as connection:
                order.append(f"{name} in")
                inside.set()
                number = connection.execute(select(func.coalesce(func.max(NUMBERS.c.number), 0))).scalar_one()
                put(connection, number + 1, name)
                order.append(f"{name} out")

    inside = threading.Event()
    threads = [threading.Thread(target=step, args=(database, name, inside)) for database, name in
               ((first, "a"), (second, "b"))]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with first.read() as connection:
        assert connection.execute(select(func.count()).select_from(NUMBERS)).scalar_one() == 40
    # Nobody went in while another was inside; a commit may be told of only after the next one began.
    assert sorted(order) == ["a in"] * 20 + ["a out"] * 20 + ["b in"] * 20 + ["b out"] * 20
    pairs = [order[place : place + 2] for place in range(0, len(order), 2)]
    assert all(entered[0] == left[0] for entered, left in pairs)


def test_a_writer_does_not_wait_for_ever(state_url: str) -> None:
    """Who cannot get the write lock in time is told so, has written nothing, and can try again."""
    holder, hasty = Database(StateConfig(state_url)), Database(StateConfig(state_url, busy_timeout_seconds=0.3))
    with holder.write() as connection:
        put(connection, 1)
        with pytest.raises(StateError), hasty.write() as late:
            put(late, 2)
    with hasty.write() as connection:
        assert connection.execute(select(NUMBERS.c.number)).scalars().all() == [1]


def test_a_reader_has_one_snapshot(state_url: str) -> None:
    """What is committed while a transaction reads is not in it, and is in the next one and in quick reads."""
    database = Database(StateConfig(state_url))
    with database.read() as reading:
        assert reading.execute(select(NUMBERS)).all() == []
        with database.write() as connection:
            put(connection, 1)
        assert database.fetch(ONE, (1,)) == [(1, "old")]
        assert reading.execute(select(NUMBERS)).all() == []
    with database.read() as reading:
        assert reading.execute(select(NUMBERS)).all() == [(1, "old")]


def test_many_commits_are_carried_into_the_file_once(tmp_path: Path) -> None:
    """What a dozen megabytes of commits write is in the log until there is more of it; then the file has it."""
    file, database = tmp_path / "state.db", Database(StateConfig(f"sqlite:///{tmp_path / 'state.db'}"))

    def write(megabytes: range) -> None:
        for number in megabytes:
            with database.write() as connection:
                put(connection, number, "x" * 2**20)

    write(range(12))
    assert file.stat().st_size < 2**20
    write(range(12, 48))
    assert file.stat().st_size > 12 * 2**20
    database.close()


def test_what_goes_wrong_in_a_block_undoes_it(state_url: str) -> None:
    """A broken rule of a table leaves nothing written and stays what it is; a table that is not there is said."""
    database = Database(StateConfig(state_url))
    with pytest.raises(IntegrityError), database.write() as connection:
        connection.execute(insert(NUMBERS), [{"number": 1, "word": "twice"}] * 2)
    with pytest.raises(StateError, match="test_missing"):
        database.fetch("SELECT 1 FROM test_missing")
    with database.read() as connection:
        assert connection.execute(select(NUMBERS)).all() == []


class TestPostgres:
    """What only a server can do."""

    def test_data_sets_do_not_meet(self, postgres_server: PostgresServer, tmp_path) -> None:
        """Two data sets on one server are as far apart as two files; their writers do not wait for each other."""
        with postgres_server.database() as name:
            server = SecretStr(postgres_server.url(name))
            one, other = (Database(StateConfig.of(Workspace(tmp_path, word), server)) for word in ("one", "my other"))
            with one.write() as connection:
                put(connection, 1, "one")
                with other.write() as second:
                    put(second, 1, "other")
            assert (one.fetch(ONE, (1,)), other.fetch(ONE, (1,))) == ([(1, "one")], [(1, "other")])
            schemas = "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'movie%' ORDER BY nspname"
            assert len(postgres_server.sql(schemas, name)) == 2
            assert postgres_server.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", name) == []

    def test_a_user_with_no_more_rights_than_it_needs(self, postgres_server: PostgresServer) -> None:
        """The owner of a schema that is there needs no right on the database; without one the error says what."""
        with postgres_server.database() as name:
            postgres_server.sql("CREATE ROLE modest LOGIN", name)
            url = postgres_server.url(name).replace("tests@", "modest@")
            with pytest.raises(StateError, match=r"permission denied.*may use \(or make\) the schema"):
                Database(StateConfig(url))
            postgres_server.sql("CREATE SCHEMA movie_mlops AUTHORIZATION modest", name)
            database = Database(StateConfig(url))
            with database.write() as connection:
                put(connection, 1)
            assert database.fetch(ONE, (1,)) == [(1, "old")]

    def test_a_password_is_asked_for_and_not_told(self, postgres_server: PostgresServer) -> None:
        """Through the port with the right password all is well; a wrong one is refused, and neither is repeated."""
        with postgres_server.database() as name:
            Database(StateConfig(postgres_server.port_url(name))).close()
            with pytest.raises(StateError, match="password authentication failed") as refused:
                Database(StateConfig(postgres_server.port_url(name, "another-canary")))
        assert "canary" not in str(refused.value)
        assert PASSWORD not in str(refused.value)

    def test_a_database_that_cannot_hold_every_text_is_refused(self, postgres_server: PostgresServer) -> None:
        """A database in an old encoding would fail on the first name that it has no letters for: it is refused now."""
        url = postgres_server.url(postgres_server.new_database("LATIN1"))
        with pytest.raises(StateError, match=r"LATIN1.*createdb --encoding=UTF8"):
            Database(StateConfig(url))

    @pytest.mark.parametrize("mode", ["immediate", "fast"])
    def test_a_server_that_was_started_again_is_used_again(self, postgres_server: PostgresServer, mode: str) -> None:
        """While the server is down every call says so at once; when it is back all work, and nothing is lost."""
        with postgres_server.database() as name:
            database = Database(StateConfig(postgres_server.url(name)))
            with database.write() as connection:
                put(connection, 1)
            database.fetch(ONE, (1,))
            postgres_server.stop(mode)
            started = time.monotonic()
            with pytest.raises(StateError, match="cannot be used"):
                database.fetch(ONE, (1,))
            with pytest.raises(StateError, match="cannot be used"), database.read() as connection:
                pass
            with pytest.raises(StateError, match="cannot be used"), database.write() as connection:
                put(connection, 2)
            assert time.monotonic() - started < 2
            postgres_server.start()
            assert database.fetch(ONE, (1,)) == [(1, "old")]
            with database.write() as connection:
                put(connection, 2, "new")
            with database.read() as connection:
                assert connection.execute(select(NUMBERS.c.number).order_by(NUMBERS.c.number)).scalars().all() == [1, 2]

    def test_a_server_that_is_frozen_keeps_nobody_waiting(self, postgres_server: PostgresServer) -> None:
        """A server that takes a question and does not answer is given up in time, and not asked by the next at once."""
        with postgres_server.database() as name:
            database = Database(StateConfig(postgres_server.url(name), answer_timeout_seconds=0.3))
            with database.write() as connection:
                put(connection, 1)
            database.fetch(ONE, (1,))
            postgres_server.freeze(signal.SIGSTOP)
            try:
                started = time.monotonic()
                for _ in range(50):
                    with pytest.raises(StateError, match="did not answer"):
                        database.fetch(ONE, (1,))
                assert time.monotonic() - started < 2
            finally:
                postgres_server.freeze(signal.SIGCONT)
            deadline = time.monotonic() + 20
            while time.monotonic() < deadline:
                try:
                    assert database.fetch(ONE, (1,)) == [(1, "old")]
                    break
                except StateError:
                    time.sleep(0.05)
            else:
                pytest.fail("the server is not asked again")

    def test_threads_share_few_connections(self, postgres_server: PostgresServer) -> None:
        """Many threads that read at once use no more connections than they may, and each gets its own answer."""
        with postgres_server.database() as name:
            database = Database(StateConfig(postgres_server.url(name), quick_connections=3))
            with database.write() as connection:
                for number in range(20):
                    put(connection, number, str(number))
            wrong: list[object] = []

            def read(number: int) -> None:
                found = [database.fetch(ONE, (number,)) for _ in range(100)]
                wrong.extend(rows for rows in found if rows != [(number, str(number))])

            threads = [threading.Thread(target=read, args=(number,)) for number in range(20)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert wrong == []
            with database.read() as connection:
                count = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
                assert connection.execute(count).scalar_one() <= 3 + 1
