"""Logs: one line an event, nothing in it that is nobody's business, and no answer that waits for a disk."""

import json
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from movie_mlops.core.logs import REQUEST_ID, LogConfig, LogLines
from movie_mlops.core.logs.redaction import Redaction
from tests.fixtures.stage_5.platform import Platform, running

LOG = logging.getLogger("movie_mlops.serving.tests")


def written(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a log."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    """A platform with a release."""
    platform = Platform(tmp_path)
    platform.promote(platform.train())
    yield platform
    platform.database.close()


def test_each_request_is_one_line_under_its_id(platform: Platform, tmp_path: Path) -> None:
    """Promise P27: time, level, room, id, route, status and seconds, and a pseudonym in place of the user.

    A well-formed X-Request-ID is taken over, any other is replaced; answer, problem document and log have the same.
    """
    path = tmp_path / "api.log"
    with LogLines(LogConfig(path)) as lines, running(platform.app(lines=lines)) as url:
        for query in ("?k=1", "?k=1"):
            # The second goes the short way.
            answer = httpx.get(
                f"{url}/v1/users/ann@example.org/recommendations{query}", headers={"x-request-id": "a-1"}
            )
            assert answer.headers["x-request-id"] == "a-1"
        wrong = httpx.get(f"{url}/v1/movies/77", headers={"x-request-id": "two\twords"})
    own = wrong.json()["request_id"]
    assert own == wrong.headers["x-request-id"] != "two\twords"
    requests = [line for line in written(path) if line["event"] == "request"]
    assert [line["request_id"] for line in requests] == ["a-1", "a-1", own]
    assert [line["status"] for line in requests] == [200, 200, 404]
    first, second, third = requests
    assert first["route"] == "/v1/users/{user_id}/recommendations"
    assert (first["method"], first["room"], first["level"]) == ("GET", "serving", "info")
    assert 0 < first["seconds"] < 60
    assert first["time"].endswith("Z")
    assert first["user"] == second["user"]
    assert first["user"].startswith("user-")
    assert "user" not in third
    assert "ann" not in path.read_text()


def test_what_is_said_during_a_request_has_its_id_in_every_thread(tmp_path: Path) -> None:
    """A message of any room says under which request it was, and its error is told with it, on one line."""
    path = tmp_path / "api.log"
    with LogLines(LogConfig(path)):
        REQUEST_ID.set("r-7")
        try:
            message = "it broke\non two lines"
            raise RuntimeError(message)  # noqa: TRY301 - what is logged
        except RuntimeError:
            LOG.exception("a request failed")
        REQUEST_ID.set(None)
        logging.getLogger("some.library").warning("a warning")
        logging.getLogger("some.library").info("not ours, and no warning")
    failed, warned = written(path)
    assert (failed["room"], failed["level"], failed["request_id"]) == ("serving", "error", "r-7")
    assert "on two lines" in failed["error"]
    assert (warned["room"], warned["event"]) == ("some", "a warning")
    assert "request_id" not in warned


@pytest.mark.parametrize(
    ("said", "secret"),
    [
        ("Authorization: Bearer abc.DEF-123456", "abc.DEF"),
        ("{'authorization': 'Basic dXNlcjpwYXNz'}", "dXNlcjpwYXNz"),
        ("sent Bearer s3cr3t-token-value", "s3cr3t"),
        ("the key mmk_0123456789abcdefghijABCDEFGHIJ was shown", "0123456789abc"),
        ("given eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm4ifQ.c2ln", "eyJzdWIi"),
        ("cookie: movie_mlops_console=123.abcdef; other=xyz", "abcdef"),
        ("Set-Cookie: session=xyzzy; HttpOnly", "xyzzy"),
        ("postgresql://movies:hunter2@db:5432/state refuses", "hunter2"),
        ("redis://:hunter2@localhost:6379/0", "hunter2"),
        ("redis://:hun/ter@2@localhost:6379/0", "ter@2"),
        ("MOVIE_MLOPS_ADMIN_TOKEN=hunter2 is wrong", "hunter2"),
        ("password = 'two words here'", "two words"),
        ('{"api_key": "hunter2", "k": 1}', "hunter2"),
        ("?token=hunter2&k=5", "hunter2"),
        ("mail to ann.b+c@mail.example.org failed", "ann.b"),
        ("request failed: GET /v1/users/ann smith/recommendations", "ann"),
        ("GET /v1/users/ann/or/bob/history", "bob"),
        ("/v1/users/ann", "ann"),
        ("no history of user_id=ann", "ann"),
        ("no history of user 'ann smith'", "smith"),
    ],
)
def test_secrets_and_people_are_taken_out(tmp_path: Path, said: str, secret: str) -> None:
    """Promise P27: no token, cookie, password, e-mail address or user id that was planted is in the file."""
    path = tmp_path / "api.log"
    with LogLines(LogConfig(path)):
        LOG.error("it was said: %s", said, extra={"facts": {"again": said}})
        try:
            raise ValueError(said)  # noqa: TRY301 - what is logged
        except ValueError:
            LOG.exception("and failed")
    assert len(written(path)) == 2
    # Python's own traceback quotes the source, which names the variable alone.
    assert secret not in path.read_text()


def test_a_pseudonym_is_one_person_in_one_process_only() -> None:
    """The same user has the same pseudonym, however it is named; another process has another."""
    one, two = Redaction(), Redaction()
    assert one.user_of("/v1/users/a/b/rows") == one.user("a/b") != two.user("a/b")
    assert one.user("a/b") in one.words("GET /v1/users/a/b/rows failed")
    assert one.user_of("/v1/movies/1") is None


def test_files_are_put_aside_and_never_more_than_said(tmp_path: Path) -> None:
    """A hundred lines come into three files of a bounded size, the newest lines in the first, none torn."""
    path = tmp_path / "logs" / "api.log"
    with LogLines(LogConfig(path, most_bytes=1000, files=3)) as lines:
        for number in range(100):
            LOG.info("line %d", number)
    assert lines.dropped == 0
    files = sorted(path.parent.iterdir())
    assert [file.name for file in files] == ["api.log", "api.log.1", "api.log.2"]
    assert all(0 < file.stat().st_size <= 1000 for file in files)
    kept = [line["event"] for file in reversed(files) for line in written(file)]
    assert kept == [f"line {number}" for number in range(100 - len(kept), 100)]


def test_a_file_that_cannot_be_written_stops_no_answer_and_is_counted(platform: Platform, tmp_path: Path) -> None:
    """The folder of the log is a file: every answer is given, and each line that was not written is counted."""
    (tmp_path / "taken").write_text("")
    with LogLines(LogConfig(tmp_path / "taken" / "api.log")) as lines, running(platform.app(lines=lines)) as url:
        for _ in range(3):
            assert httpx.get(f"{url}/v1/users/ann/recommendations").status_code == 200
        while lines.dropped < 3:
            threading.Event().wait(0.01)
        page = httpx.get(f"{url}/metrics").text
    [told] = [line for line in page.splitlines() if line.startswith("movie_mlops_log_lines_dropped_total")]
    assert float(told.split()[1]) >= 3


FULL = """
import logging, resource, signal, sys
from pathlib import Path
from movie_mlops.core.logs import LogConfig, LogLines
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
log = logging.getLogger("movie_mlops.core.tests")
with LogLines(LogConfig(Path(sys.argv[1]))) as lines:
    for number in range(50):
        log.info("line %d", number)
print(lines.dropped)
"""


def test_a_disk_that_is_full_tears_no_line_and_each_that_is_lost_is_counted(tmp_path: Path) -> None:
    """The system takes 1,000 bytes and no more: whole lines are there, and the others are counted to the last."""
    path = tmp_path / "api.log"
    done = subprocess.run([sys.executable, "-c", FULL, str(path)], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    kept = written(path)
    assert 0 < path.stat().st_size <= 1000
    assert len(kept) + int(done.stdout) == 50
    assert [line["event"] for line in kept] == [f"line {number}" for number in range(len(kept))]


def test_two_processes_do_not_write_one_file(tmp_path: Path) -> None:
    """Whoever comes second loses its own lines, which are counted; afterwards the file is free."""
    path = tmp_path / "api.log"
    with LogLines(LogConfig(path)) as first:
        LOG.info("one")
        while not (path.exists() and path.read_text()):
            threading.Event().wait(0.01)
        with LogLines(LogConfig(path)) as second:
            second.put("info", "serving", "two", {})
        assert second.dropped == 1
        assert first.dropped == 0
    assert [line["event"] for line in written(path)] == ["one"]
    with LogLines(LogConfig(path)) as third:
        LOG.info("three")
    assert third.dropped == 0


def test_more_lines_than_may_wait_are_dropped_and_told(tmp_path: Path) -> None:
    """Whoever logs never waits: beyond the bound lines are counted, and the log says itself how many are missing."""
    path = tmp_path / "api.log"
    lines = LogLines(LogConfig(path, most_waiting=2))
    for number in range(5):
        lines.put("info", "serving", f"line {number}", {})
    assert lines.dropped == 3
    with lines:
        pass
    assert [line["event"] for line in written(path)] == ["3 lines were dropped", "line 0", "line 1"]


def test_text_is_for_people_and_one_line_too(tmp_path: Path) -> None:
    """In the form `text` a line reads from left to right, and a message of two lines is still one."""
    path = tmp_path / "api.log"
    with LogLines(LogConfig(path, form="text")) as lines:
        lines.request(
            request_id="a-1", method="GET", route="/healthz", path="/healthz", status=200, seconds=0.0012345678
        )
        LOG.warning("two\nlines")
    first, second = path.read_text().splitlines()
    assert first.split(" ", 1)[1] == (
        "info serving request request_id=a-1 method=GET route=/healthz status=200 seconds=0.001235"
    )
    assert second.endswith(r"warning serving two\nlines")
