"""What commands of security open; imported inside commands only."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from movie_mlops.cli import door
from movie_mlops.core.nouns import Workspace
from movie_mlops.security import AccountStore, KeySecret, KeyStore, read_key_secret
from movie_mlops.settings import Settings


def key_secret(settings: Settings) -> KeySecret:
    """Return what API keys are hashed with; it is made on first need."""
    given = settings.access_secret.get_secret_value() if settings.access_secret else None
    return read_key_secret(Workspace(settings.home, "").keys, given)


@contextmanager
def key_store(home: Path | None, dataset: str | None) -> Iterator[KeyStore]:
    """Open the API keys of the data set that a command means."""
    found = door.settings(home)
    opened = door.database(door.workspace(home, dataset))
    try:
        yield KeyStore(opened, key_secret(found))
    finally:
        opened.close()


@contextmanager
def account_store(home: Path | None, dataset: str | None) -> Iterator[AccountStore]:
    """Open the accounts of the data set that a command means."""
    found = door.settings(home)
    opened = door.database(door.workspace(home, dataset))
    try:
        yield AccountStore(opened, key_secret(found))
    finally:
        opened.close()
