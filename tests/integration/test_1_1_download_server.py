"""Downloads from a real HTTP server that resumes, cuts off, lies and is not there."""

import hashlib
import io
import re
import socket
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from movie_mlops.core.progress import SILENT
from movie_mlops.ingest import DownloadError, SourceOptions, open_source
from movie_mlops.ingest.download import download_zip
from movie_mlops.ingest.releases import Checks


def make_zip(rating: str = "4.0") -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("ml-25m/ratings.csv", "userId,movieId,rating,timestamp\n" + f"1,1,{rating},964982703\n" * 2000)
        archive.writestr("ml-25m/movies.csv", "movieId,title,genres\n1,Heat (1995),Crime\n")
    return content.getvalue()


ZIP = make_zip()


class Server:
    """A file server with the faults that a test asks for."""

    def __init__(self) -> None:
        self.content = ZIP
        self.etag = '"one"'
        self.status = 200
        self.cut_after: int | None = None
        self.cuts_left = 0
        self.ranges: list[str | None] = []
        self.url = ""


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            state.ranges.append(asked)
            if state.status != 200:
                self.send_error(state.status)
                return
            start = 0
            if asked and self.headers.get("If-Range", state.etag) == state.etag:
                start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1])
            if start and start >= len(state.content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(state.content)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            body = state.content[start:]
            self.send_response(206 if start else 200)
            self.send_header("ETag", state.etag)
            self.send_header("Content-Length", str(len(body)))
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(state.content) - 1}/{len(state.content)}")
            self.end_headers()
            if state.cuts_left and state.cut_after is not None:
                state.cuts_left -= 1
                self.wfile.write(body[: state.cut_after])
                self.close_connection = True
                return
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever)
    thread.start()
    state.url = f"http://127.0.0.1:{http.server_port}"
    yield state
    http.shutdown()
    thread.join()
    http.server_close()


class Told:
    """A progress that remembers."""

    def __init__(self) -> None:
        self.total: float | None = None
        self.done = 0.0

    @contextmanager
    def task(self, title: str, total: float | None = None, unit: str = ""):
        """Open a task."""
        self.total, self.done = total, 0.0

        def advance(amount: float) -> None:
            self.done += amount

        yield advance


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def fetch(server: Server, target: Path, checks: Checks | None = None, progress=SILENT) -> None:
    download_zip(f"{server.url}/ml-25m.zip", target, checks=checks or Checks(), progress=progress)


def test_a_release_is_downloaded_once(server: Server, tmp_path: Path) -> None:
    """A release is fetched from its address, read, and not fetched a second time."""
    options = SourceOptions(movielens_url=server.url)
    for _ in range(2):
        source = open_source("movielens:ml-latest-small", downloads=tmp_path / "downloads", options=options)
        source.prepare(SILENT)
        assert source.interactions().frame.height == 2000
        assert source.interactions().file == "ml-latest-small.zip/ml-25m/ratings.csv"
        assert source.dataset == "ml-latest-small"
    assert server.ranges == [None]
    assert files(tmp_path / "downloads") == ["ml-latest-small.zip"]


def test_progress_counts_bytes(server: Server, tmp_path: Path) -> None:
    """The progress ends at the size of the file."""
    told = Told()
    fetch(server, tmp_path / "a.zip", progress=told)
    assert (told.done, told.total) == (len(ZIP), len(ZIP))


def test_a_cut_off_download_goes_on_by_itself(server: Server, tmp_path: Path) -> None:
    """A connection that is cut is taken up where it stopped, and the file is whole."""
    server.cut_after, server.cuts_left = 1000, 2
    told = Told()
    fetch(server, tmp_path / "a.zip", Checks(len(ZIP), hashlib.sha256(ZIP).hexdigest()), told)
    assert (tmp_path / "a.zip").read_bytes() == ZIP
    assert server.ranges[1:] == ["bytes=1000-", "bytes=2000-"]
    assert (told.done, told.total) == (len(ZIP), len(ZIP))
    assert files(tmp_path) == ["a.zip"]


def test_a_download_that_stays_cut_is_resumed_by_the_next_command(server: Server, tmp_path: Path) -> None:
    """Where the cut-offs last, the part stays, nothing bears the final name, and the next command goes on."""
    server.cut_after, server.cuts_left = 1000, 5
    with pytest.raises(DownloadError, match=r"cut off after 5000 bytes .*Run the same command again"):
        fetch(server, tmp_path / "a.zip")
    assert files(tmp_path) == ["a.zip.part", "a.zip.part.stamp"]
    fetch(server, tmp_path / "a.zip")
    assert server.ranges[-1] == "bytes=5000-"
    assert (tmp_path / "a.zip").read_bytes() == ZIP


def test_a_file_that_changed_on_the_server_starts_over(server: Server, tmp_path: Path) -> None:
    """A part of an older file is never joined with the rest of a newer one."""
    server.cut_after, server.cuts_left = 1000, 5
    with pytest.raises(DownloadError):
        fetch(server, tmp_path / "a.zip")
    server.content, server.etag = make_zip("3.5"), '"two"'
    fetch(server, tmp_path / "a.zip")
    assert (tmp_path / "a.zip").read_bytes() == server.content


def test_a_part_that_was_whole_already_is_finished(server: Server, tmp_path: Path) -> None:
    """A command that was killed after the last byte is finished by the next, without fetching again."""
    (tmp_path / "a.zip.part").write_bytes(ZIP)
    (tmp_path / "a.zip.part.stamp").write_text('"one"')
    fetch(server, tmp_path / "a.zip")
    assert (tmp_path / "a.zip").read_bytes() == ZIP


def test_a_part_longer_than_the_file_is_thrown_away(server: Server, tmp_path: Path) -> None:
    """A part that cannot belong to the file is deleted, and the next command starts over."""
    (tmp_path / "a.zip.part").write_bytes(ZIP + b"more")
    (tmp_path / "a.zip.part.stamp").write_text('"one"')
    with pytest.raises(DownloadError, match="does not fit"):
        fetch(server, tmp_path / "a.zip")
    fetch(server, tmp_path / "a.zip")
    assert (tmp_path / "a.zip").read_bytes() == ZIP


@pytest.mark.parametrize(
    ("checks", "word"),
    [
        (Checks(sha256="0" * 64), "sha256 is [0-9a-f]{64}, not 0000"),
        (Checks(md5="0" * 32), "md5 is"),
        (Checks(size=7), f"size is {len(ZIP)}, not 7"),
    ],
)
def test_a_file_with_a_wrong_checksum_is_deleted(server: Server, tmp_path: Path, checks: Checks, word: str) -> None:
    """A download that is not the published file is refused and deleted."""
    with pytest.raises(DownloadError, match=word):
        fetch(server, tmp_path / "a.zip", checks)
    assert files(tmp_path) == []


def test_a_pinned_release_is_checked(server: Server, tmp_path: Path) -> None:
    """A release whose checksum is known is not taken from a server that sends something else."""
    source = open_source("movielens:ml-25m", downloads=tmp_path, options=SourceOptions(movielens_url=server.url))
    with pytest.raises(DownloadError, match="not the file that was published: size is"):
        source.prepare(SILENT)
    assert files(tmp_path) == []


def test_a_page_instead_of_a_zip_is_refused(server: Server, tmp_path: Path) -> None:
    """A log-in page, as hotels send, is not taken for the release."""
    server.content = b"<html>Welcome to the hotel</html>"
    with pytest.raises(DownloadError, match="is not a zip"):
        fetch(server, tmp_path / "a.zip")
    assert files(tmp_path) == []


@pytest.mark.parametrize(("status", "sentence"), [(404, r"There is no .*\(404\)\. Fetch"), (503, "answered 503")])
def test_an_unwelcome_answer_is_told(server: Server, tmp_path: Path, status: int, sentence: str) -> None:
    """A missing file or a busy server is told in one sentence, and nothing is left behind."""
    server.status = status
    with pytest.raises(DownloadError, match=sentence):
        fetch(server, tmp_path / "a.zip")
    assert files(tmp_path) == []


def test_no_network_is_told(tmp_path: Path) -> None:
    """Without a connection the message says so and names the other way; nothing is left behind."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        options = SourceOptions(movielens_url=url)
        source = open_source("movielens:ml-100k", downloads=tmp_path, options=options)
        with pytest.raises(DownloadError, match=r"No connection to 127\.0\.0\.1 .*--source movielens:/path") as caught:
            source.prepare(SILENT)
    assert caught.value.retryable
    assert files(tmp_path) == []
