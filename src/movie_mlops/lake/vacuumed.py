"""Which versions a vacuum gave up: kept beside the table, written before the first file goes."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from movie_mlops.core import clock
from movie_mlops.core.digests import Plain, canonical_json
from movie_mlops.lake.errors import CareError
from movie_mlops.lake.storage import Storage

_FOLDER: Final = "_vacuumed"


def forgotten(storage: Storage, table: str) -> dict[int, datetime]:
    """Return the versions that can no longer be read, each with the time of the vacuum that gave it up.

    Raises:
        CareError: A record is damaged.
    """
    given_up: dict[int, datetime] = {}
    for file in storage.files(f"{table}/{_FOLDER}"):
        path = f"{table}/{_FOLDER}/{file.path}"
        try:
            told = json.loads(storage.read(path))
            given_up |= {int(version): datetime.fromisoformat(told["time"]) for version in told["versions"]}
        except (ValueError, LookupError, TypeError) as error:
            raise CareError(
                f"The record of a vacuum of table {table!r} is damaged ({storage.address(path)}).",
                next_step="Remove that file: movie-mlops lake verify will then report the versions that it gave up.",
            ) from error
    return given_up


def forget(storage: Storage, table: str, versions: Iterable[int], *, at: datetime) -> None:
    """Write down that these versions are given up."""
    told: Plain = {"time": clock.to_iso(at), "versions": sorted(versions)}
    storage.write(f"{table}/{_FOLDER}/{at:%Y%m%dT%H%M%S%f}.json", canonical_json(told))
