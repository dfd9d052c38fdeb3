"""``movie-mlops monitor watch``: real receivers on this machine, which are there, away, or refuse."""

import json
import resource
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_string, policy
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import text, update

from movie_mlops.cli.app import run
from movie_mlops.core import clock
from movie_mlops.core.errors import MovieMlopsError
from movie_mlops.flows import Platform
from movie_mlops.flows.errors import BusyError
from movie_mlops.flows.watching import Watching
from movie_mlops.flows.worker import WORKERS, seen
from movie_mlops.monitoring.notify import (
    FileChannel,
    MailChannel,
    MailConfig,
    Memory,
    Notice,
    NotifyConfig,
    NotToldError,
    Outbox,
    RefusedNoticeError,
    Remembered,
    Told,
    WebhookChannel,
)
from movie_mlops.monitoring.notify.memory import Kept
from tests.fixtures.stage_6.prometheus import until
from tests.fixtures.stage_6.receivers import mail_server, webhook
from tests.fixtures.stage_9.shop import shop

NOTICE = Notice(
    datetime(2026, 3, 1, tzinfo=UTC),
    (Told("ApiAbsent", "page", "No API answers.", datetime(2026, 3, 1, tzinfo=UTC), "https://example.org/#apiabsent"),),
)
QUICK = NotifyConfig(
    every_seconds=0.02, group_seconds=0.01, patience_seconds=5, longest_wait_seconds=0.1, most_waiting=3
)
PATIENCE_S = 30


def hook(port: int) -> WebhookChannel:
    return WebhookChannel(SecretStr(f"http://127.0.0.1:{port}/services/a-canary"), 5)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def test_each_receiver_gets_the_message_with_what_to_do(tmp_path: Path) -> None:
    """A webhook, a mail server and a file get what is wrong, since when, and where it is said what to do."""
    FileChannel(tmp_path / "logs" / "alerts.jsonl").send(NOTICE)
    (line,) = (tmp_path / "logs" / "alerts.jsonl").read_text().splitlines()
    assert json.loads(line)["firing"][0]["runbook"] == "https://example.org/#apiabsent"
    with webhook() as receiver:
        hook(receiver.port).send(NOTICE)
        assert receiver.took.get(timeout=PATIENCE_S) == (200, {"text": NOTICE.text})
    with mail_server() as receiver:
        config = MailConfig("127.0.0.1", receiver.port, False, "", "watch@example.org", ("on-call@example.org",))
        MailChannel(config, None, 5).send(NOTICE)
        mail = receiver.took.get(timeout=PATIENCE_S)
    assert "Subject: movie-mlops: ApiAbsent firing" in mail
    assert "To: on-call@example.org" in mail
    assert "https://example.org/#apiabsent" in message_from_string(mail, policy=policy.SMTP).get_content()


def test_a_receiver_that_is_down_is_tried_again_and_keeps_nobody_waiting(tmp_path: Path) -> None:
    """Messages wait for a receiver that is away or says 503, and come in order; others have theirs at once."""
    port, told, failed = free_port(), FileChannel(tmp_path / "alerts.jsonl"), threading.Event()
    outbox = Outbox([hook(port), told], QUICK, lambda _: failed.set(), first_wait_seconds=0.01)
    first, second = NOTICE, Notice(NOTICE.at, (), NOTICE.firing)
    outbox.put(first)
    outbox.put(second)
    assert failed.wait(PATIENCE_S)
    with webhook(port, [503, 429]) as receiver:
        took = [receiver.took.get(timeout=PATIENCE_S) for _ in range(4)]
        assert outbox.close(PATIENCE_S) == 0
    assert [status for status, _ in took] == [503, 429, 200, 200]
    assert [body["text"] for _, body in took] == [first.text] * 3 + [second.text]
    assert len((tmp_path / "alerts.jsonl").read_text().splitlines()) == 2


def test_a_receiver_that_stays_away_costs_the_oldest_messages_and_no_waiting() -> None:
    """So many messages wait and no more; at the end it is told how many were not brought."""
    outbox = Outbox([hook(free_port())], QUICK, lambda _: None, first_wait_seconds=60)
    for _ in range(10):
        outbox.put(NOTICE)
    assert outbox.close(PATIENCE_S) == 3


def test_what_is_refused_for_good_is_not_sent_again() -> None:
    """A webhook that is gone (404) and a recipient that nobody knows are told as errors; the next message goes on."""
    errors: list[MovieMlopsError] = []
    with webhook(answers=[404]) as receiver:
        outbox = Outbox([hook(receiver.port)], QUICK, errors.append)
        outbox.put(NOTICE)
        outbox.put(NOTICE)
        took = [receiver.took.get(timeout=PATIENCE_S)[0] for _ in range(2)]
        assert outbox.close(PATIENCE_S) == 0
    assert took == [404, 200]
    assert [type(error) for error in errors] == [RefusedNoticeError]
    with mail_server() as receiver:
        receiver.answers = [550]
        config = MailConfig("127.0.0.1", receiver.port, False, "", "watch@example.org", ("nobody@example.org",))
        with pytest.raises(RefusedNoticeError, match=r"takes nothing for nobody@example\.org"):
            MailChannel(config, None, 5).send(NOTICE)


def test_no_password_goes_out_unencrypted_and_no_secret_into_an_error() -> None:
    """A server without STARTTLS gets neither password nor message; errors name no more of a webhook than its host."""
    with mail_server() as receiver:
        for user in ("watch", ""):
            config = MailConfig("127.0.0.1", receiver.port, True, user, "watch@example.org", ("on-call@example.org",))
            with pytest.raises(NotToldError, match="cannot be sent"):
                MailChannel(config, SecretStr("a-canary"), 5).send(NOTICE)
        assert receiver.took.empty()
    with pytest.raises(NotToldError) as error:
        hook(free_port()).send(NOTICE)
    assert "a-canary" not in str(error.value)
    with pytest.raises(MovieMlopsError, match="is no address"):
        WebhookChannel(SecretStr("hooks.example.org/a-canary"), 5)


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    with shop(tmp_path) as platform:
        seen(platform.database, "worker")
        yield platform


def test_a_stuck_consumer_and_its_end_are_told_without_prometheus(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stores are watched also where no API answers: a silent worker and the API are told, together, and the end."""
    hours, real = [1.0], clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(hours=hours[0]))
    stop, looked = threading.Event(), threading.Semaphore(0)
    with webhook() as receiver:
        watching = Watching(platform, f"http://127.0.0.1:{free_port()}", QUICK, lambda _: None)
        look = watching.look
        monkeypatch.setattr(watching, "look", lambda: (look(), looked.release())[0])
        watcher = threading.Thread(target=watching.work, args=(stop, [hook(receiver.port)]))
        watcher.start()
        try:
            looks(looked)
            hours[0] = 1.07
            told = receiver.took.get(timeout=PATIENCE_S)[1]["text"]
            assert told.startswith("movie-mlops: ApiAbsent, WorkerSilent firing\n")
            assert "/runbooks-guide.md#workersilent" in told
            seen(platform.database, "worker")
            assert receiver.took.get(timeout=PATIENCE_S)[1]["text"].startswith("movie-mlops: WorkerSilent resolved\n")
        finally:
            stop.set()
            watcher.join(PATIENCE_S)
    assert not watcher.is_alive()


def test_a_watch_that_is_started_again_goes_on_where_the_one_before_was(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What was told is not told again, what was not brought is, and the end of what an earlier one told is told."""
    hours, real, port = [1.0], clock.now, free_port()
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(hours=hours[0]))
    errors: list[MovieMlopsError] = []
    kept, told = platform.workspace.watch, tmp_path / "alerts.jsonl"

    def begun(stop: threading.Event) -> threading.Thread:
        watching = Watching(platform, f"http://127.0.0.1:{free_port()}", QUICK, errors.append)
        looked = threading.Semaphore(0)
        look = watching.look
        monkeypatch.setattr(watching, "look", lambda: (look(), looked.release())[0])
        watcher = threading.Thread(target=watching.work, args=(stop, [FileChannel(told), hook(port)]))
        watcher.start()
        looks(looked)
        return watcher

    stop = threading.Event()
    first = begun(stop)
    hours[0] = 1.07
    # For the webhook alone: until it is kept that the file has it, the file would be told again, as is documented.
    until(lambda: list(json.loads(kept.read_text())["waiting"]) == ["the webhook at 127.0.0.1"], "the message waits")
    # This is what a watch that is killed leaves: the file is replaced as a whole, and nothing else is kept.
    left = kept.read_bytes()
    stop.set()
    first.join(PATIENCE_S)
    assert any("wait for the next" in error.next_step for error in errors)
    kept.write_bytes(left)
    assert len(told.read_text().splitlines()) == 1
    stop = threading.Event()
    with webhook(port) as receiver:
        second = begun(stop)
        try:
            assert receiver.took.get(timeout=PATIENCE_S)[1]["text"].startswith("movie-mlops: ApiAbsent, WorkerSilent f")
            with pytest.raises(BusyError, match="already running a watch of this data set"):
                Watching(platform, "http://127.0.0.1:1", QUICK, errors.append).work(threading.Event(), [])
            seen(platform.database, "worker")
            assert receiver.took.get(timeout=PATIENCE_S)[1]["text"].startswith("movie-mlops: WorkerSilent resolved\n")
        finally:
            stop.set()
            second.join(PATIENCE_S)
    lines = [json.loads(line) for line in told.read_text().splitlines()]
    assert [(len(line["firing"]), len(line["resolved"])) for line in lines] == [(2, 0), (0, 1)]
    assert '"waiting": {}' in kept.read_text()


def test_a_watch_goes_on_where_it_can_keep_nothing(tmp_path: Path) -> None:
    """A memory that is no such file, or that cannot be written, is told once; a message is a whole line or none."""
    errors: list[str] = []
    memory = Memory(tmp_path / "watch.json", lambda error: errors.append(error.problem))
    (tmp_path / "watch.json").write_text('{"watch": {"standing": {"Bad": {"since": "yesterday"')
    assert memory.read() == Kept()
    assert len(errors) == 1
    (tmp_path / "watch.json").unlink()
    (tmp_path / "watch.json").mkdir()
    for number in range(3):
        memory.keep(dict, Remembered(last_notice=NOTICE.at + timedelta(seconds=number)))
    assert len(errors) == 2
    assert "cannot be written" in errors[1]
    (tmp_path / "watch.json").rmdir()
    memory.keep(lambda: {"a": (NOTICE,)})
    assert memory.read() == Kept(Remembered(last_notice=NOTICE.at + timedelta(seconds=2)), {"a": (NOTICE,)})
    path = tmp_path / "alerts.jsonl"
    FileChannel(path).send(NOTICE)
    whole = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) + 20, limits[1]))
        with pytest.raises(NotToldError, match="cannot be written"):
            FileChannel(path).send(NOTICE)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == whole


def looks(looked: threading.Semaphore) -> None:
    """Wait until a whole look was taken after now: one that has begun may be of before."""
    while looked.acquire(blocking=False):
        pass
    for _ in range(2):
        assert looked.acquire(timeout=PATIENCE_S)


def test_a_part_that_cannot_be_read_hides_no_other(platform: Platform) -> None:
    """With the log of events gone the workers are still watched; it is told which part is missing, once."""
    errors: list[str] = []
    with platform.database.write() as connection:
        connection.execute(text("ALTER TABLE events RENAME TO gone"))
    url = f"http://127.0.0.1:{free_port()}"
    watching = Watching(platform, url, QUICK, lambda error: errors.append(error.problem))
    for _ in range(3):
        samples, reached = watching.look()
    assert not reached
    assert samples.values("movie_mlops_worker_age_seconds") != []
    assert [problem[:26] for problem in errors[1:]] == ["The part events cannot be "]


def test_once_says_what_is_wrong_and_trial_reaches_everybody(
    platform: Platform, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """``--once`` ends with 1 where anything is wrong; ``--trial`` sends a message that says that it is one."""
    where = ["--home", str(tmp_path), "--dataset", "shop"]
    long_ago = clock.to_iso(clock.now() - timedelta(hours=1))
    with platform.database.write() as connection:
        connection.execute(update(WORKERS).values(seen_at=long_ago))
    url = f"http://127.0.0.1:{free_port()}"
    assert run(["monitor", "watch", "--once", "--url", url, "--json", *where]) == 1
    found = {one["alert"]: one["state"] for one in json.loads(capsys.readouterr().out)}
    assert {alert for alert, state in found.items() if state == "wrong"} - {"DiskNearlyFull"} == {
        "ApiAbsent",
        "WorkerSilent",
    }
    assert found["DriftFound"] == "unknown"
    with webhook() as receiver:
        monkeypatch.setenv("MOVIE_MLOPS_NOTIFY_WEBHOOK", f"http://127.0.0.1:{receiver.port}/services/a-canary")
        assert run(["monitor", "watch", "--trial", *where]) == 0
        assert "This is a trial; nothing is wrong." in receiver.took.get(timeout=PATIENCE_S)[1]["text"]
    said = capsys.readouterr()
    assert said.out.splitlines() == ["Sent to the file alerts.jsonl.", "Sent to the webhook at 127.0.0.1."]
    assert "a-canary" not in said.out + said.err
    assert (tmp_path / "logs" / "alerts.jsonl").exists()
