"""Downloads that resume, are checked, and appear under their name only when they are whole."""

import hashlib
import os
import zipfile
from pathlib import Path
from typing import Final

import httpx

from movie_mlops.core.progress import SILENT, Progress
from movie_mlops.ingest.errors import DownloadError
from movie_mlops.ingest.releases import Checks

_TIMEOUT: Final = httpx.Timeout(30.0, connect=10.0)
_ATTEMPTS: Final = 5
_OK: Final = 200
_PARTIAL: Final = 206
_NOT_FOUND: Final = 404
_RANGE_NOT_SATISFIABLE: Final = 416
_DELETED: Final = "It was deleted; run the same command again."
_AGAIN: Final = "Run the same command again: it goes on where it stopped."


def download_zip(url: str, target: Path, *, checks: Checks, progress: Progress = SILENT) -> None:
    """Fetch the zip at ``url`` into ``target`` through ``<target>.part``, going on where an earlier try stopped.

    A connection that is cut is taken up again, five times at most. The server is asked with ``If-Range`` whether the
    file is still the one that the part was cut from; where it is not, the download starts over.

    Raises:
        DownloadError: No connection, an unwelcome answer, a cut-off that lasts, or a failed check (the part is
            deleted).
    """
    part = target.with_name(target.name + ".part")
    with httpx.Client(timeout=_TIMEOUT, follow_redirects=True) as client:
        _fetch_whole(client, url, part, progress)
    _verify(part, url, checks)
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(target)
    _stamp_of(part).unlink(missing_ok=True)


def _fetch_whole(client: httpx.Client, url: str, part: Path, progress: Progress) -> None:
    for attempt in range(1, _ATTEMPTS + 1):
        before = _size(part)
        try:
            _fetch_rest(client, url, part, progress)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise DownloadError(
                f"No connection to {httpx.URL(url).host} ({error}).",
                next_step="Check the network, or fetch the zip elsewhere and name it:"
                " --source movielens:/path/to/file.zip",
            ) from error
        except httpx.TransportError as error:
            if attempt == _ATTEMPTS or _size(part) == before:
                raise DownloadError(
                    f"The download of {url} was cut off after {_size(part)} bytes ({error}).", next_step=_AGAIN
                ) from error
        else:
            return


def _fetch_rest(client: httpx.Client, url: str, part: Path, progress: Progress) -> None:
    """Fetch what ``part`` does not hold yet, and append it."""
    start, stamp = _size(part), _read_stamp(part)
    # Without its stamp nobody knows which file the part was cut from.
    headers = {"Range": f"bytes={start}-", "If-Range": stamp} if start and stamp else {}
    with client.stream("GET", url, headers={**headers, "Accept-Encoding": "identity"}) as response:
        if response.status_code == _RANGE_NOT_SATISFIABLE and headers:
            if response.headers.get("Content-Range") != f"bytes */{start}":
                _forget(part)
                raise DownloadError(f"The part of {url} that was fetched earlier does not fit.", next_step=_AGAIN)
            return
        _check_status(response, url)
        resumed = response.status_code == _PARTIAL
        part.parent.mkdir(parents=True, exist_ok=True)
        _stamp_of(part).write_text(response.headers.get("ETag") or response.headers.get("Last-Modified") or "")
        length = response.headers.get("Content-Length")
        total = int(length) + (start if resumed else 0) if length else None
        title = f"Downloading {part.name.removesuffix('.part')}"
        with progress.task(title, total, "B") as advance, part.open("ab" if resumed else "wb") as file:
            advance(start if resumed else 0)
            for chunk in response.iter_bytes():
                file.write(chunk)
                advance(len(chunk))


def _check_status(response: httpx.Response, url: str) -> None:
    if response.status_code in (_OK, _PARTIAL):
        return
    if response.status_code == _NOT_FOUND:
        raise DownloadError(
            f"There is no {url} (404).",
            next_step="Fetch the release's zip by hand from https://grouplens.org/datasets/movielens/ and name it:"
            " --source movielens:/path/to/file.zip",
        )
    raise DownloadError(
        f"The server answered {response.status_code} {response.reason_phrase} for {url}.",
        next_step="Try again later.",
    )


def _verify(part: Path, url: str, checks: Checks) -> None:
    found = {"size": str(_size(part))}
    for name in ("sha256", "md5"):
        if getattr(checks, name) is not None:
            with part.open("rb") as file:
                found[name] = hashlib.file_digest(file, name).hexdigest()
    for name, value in found.items():
        expected = getattr(checks, name)
        if expected is not None and value != str(expected):
            _forget(part)
            raise DownloadError(
                f"The download of {url} is not the file that was published: {name} is {value}, not {expected}.",
                next_step=_DELETED,
            )
    if not zipfile.is_zipfile(part):
        _forget(part)
        raise DownloadError(f"What came from {url} is not a zip.", next_step=_DELETED)


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _stamp_of(part: Path) -> Path:
    """Return the file beside ``part`` that holds the server's mark (ETag or date) of the file it was cut from."""
    return part.with_name(part.name + ".stamp")


def _read_stamp(part: Path) -> str:
    stamp = _stamp_of(part)
    mark = stamp.read_text() if stamp.exists() else ""
    # A weak ETag promises the same meaning, not the same bytes: servers must not resume on it.
    return "" if mark.startswith("W/") else mark


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    _stamp_of(part).unlink(missing_ok=True)
