"""API keys: what they look like, what is kept of them, and how long they hold."""

import string
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from movie_mlops.core import clock
from movie_mlops.security import (
    ApiKeyError,
    CredentialsUnreadableError,
    KeyRing,
    KeySecret,
    KeyStore,
    NewKey,
    Role,
    SecurityError,
    UnauthorisedError,
    read_key_secret,
)
from movie_mlops.security.api_keys import LENGTH, is_whole, new_key
from movie_mlops.state import Database, StateConfig, StateError
from tests.fixtures.stage_7.keyed import SECRET

LETTERS = string.digits + string.ascii_letters
WANTED = NewKey("shop", Role.SERVICE, "tests")
DAY = timedelta(days=1)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(StateConfig(f"sqlite:///{tmp_path / 'state.db'}"))
    yield database
    database.close()


def ring_of(database: Database, secret: KeySecret = SECRET, stale_seconds: float = 60) -> KeyRing:
    ring = KeyRing(database, secret, stale_seconds=stale_seconds)
    ring.refresh()
    return ring


def holds(ring: KeyRing, key: str) -> bool:
    try:
        ring.find(key)
    except UnauthorisedError:
        return False
    return True


@settings(max_examples=50, deadline=None)
@given(place=st.integers(0, LENGTH - 1), letter=st.sampled_from(LETTERS))
def test_a_letter_that_is_wrong_is_seen(place: int, letter: str) -> None:
    """Any one letter that is another one, missing or too many makes a key none, before any look-up."""
    key = new_key()
    assert is_whole(key)
    changed = key[:place] + letter + key[place + 1 :]
    assert is_whole(changed) is (changed == key)
    assert not is_whole(key[:place] + key[place + 1 :])
    assert not is_whole(key[:place] + letter + key[place:])


def test_keys_are_random_and_never_kept(database: Database) -> None:
    """No two keys are alike; the database holds a keyed hash, from which nobody makes a key or finds another's."""
    made = [KeyStore(database, SECRET).create(WANTED) for _ in range(20)]
    assert len({key for _, key in made}) == len({kept.key_id for kept, _ in made}) == 20
    with database.read() as connection:
        rows = str(connection.execute(text("SELECT * FROM api_keys")).all())
    for kept, key in made:
        assert key not in rows
        assert key[4:20] not in rows
        assert "digest" not in kept.document(clock.now())
    assert holds(ring_of(database), made[0][1])
    assert not holds(ring_of(database, KeySecret("another secret that is long enough, too")), made[0][1])


def test_the_secret_is_made_once_and_for_its_owner(tmp_path: Path) -> None:
    """It is made on first need and read again; one that others can read, or that is too short, is refused."""
    first = read_key_secret(tmp_path / "keys", None)
    assert first.digest("x") == read_key_secret(tmp_path / "keys", "").digest("x")
    file = tmp_path / "keys" / "access-secret"
    assert (file.stat().st_mode & 0o777, len(file.read_text())) == (0o600, 64)
    assert [path.name for path in file.parent.iterdir()] == ["access-secret"]
    file.chmod(0o640)
    with pytest.raises(SecurityError, match="Others can read"):
        read_key_secret(tmp_path / "keys", None)
    with pytest.raises(SecurityError, match="has 5 characters, fewer than 32"):
        read_key_secret(tmp_path, "short")


def test_a_key_ends(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key holds until it expires or is revoked, and the server knows with its next question."""
    store = KeyStore(database, SECRET)
    (brief, brief_key), (_, long_key) = store.create(NewKey("a", Role.SERVICE, "t", lasts=DAY)), store.create(WANTED)
    ring = ring_of(database)
    assert [holds(ring, key) for key in (brief_key, long_key)] == [True, True]
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + DAY)
    assert [holds(ring, key) for key in (brief_key, long_key)] == [False, True]
    with pytest.raises(ApiKeyError, match="is expired already"):
        store.revoke(brief.key_id, by="t")
    store.revoke(store.listed()[1].key_id, by="t")
    ring.refresh()
    assert not holds(ring, long_key)
    assert [key.standing(clock.now()) for key in store.listed()] == ["expired", "revoked"]


def test_a_clock_that_is_set_back_lets_no_revoked_key_in(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was revoked stays so whatever the time; what ends by the time ends by it, and a year back is a year more."""
    store = KeyStore(database, SECRET)
    (gone, gone_key), (_, brief_key) = store.create(WANTED), store.create(NewKey("b", Role.SERVICE, "t", lasts=DAY))
    store.revoke(gone.key_id, by="t")
    now = clock.now()
    for moved in (-365 * DAY, timedelta(0), 365 * DAY):
        monkeypatch.setattr(clock, "now", lambda moved=moved: now + moved)
        ring = ring_of(database)
        assert [holds(ring, key) for key in (gone_key, brief_key)] == [False, moved < DAY]


def test_rotation_overlaps(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """For the overlap both keys hold, then the new one alone; it is like the one before and names it."""
    store = KeyStore(database, SECRET)
    old, old_key = store.create(NewKey("ann's", Role.VIEWER, "t", "ann", "read", 30 * DAY, 5.0, 100.0))
    new, new_key_ = store.rotate(old.key_id, overlap=DAY, lasts=None, by="u")
    assert (new.role, new.user_id, new.scope, new.per_second, new.follows) == (
        Role.VIEWER,
        "ann",
        "read",
        5.0,
        old.key_id,
    )
    assert new.expires_at is not None
    assert new.expires_at - new.created_at == 30 * DAY
    ring = ring_of(database)
    assert [holds(ring, key) for key in (old_key, new_key_)] == [True, True]
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + DAY)
    assert [holds(ring, key) for key in (old_key, new_key_)] == [False, True]
    with pytest.raises(ApiKeyError, match="is expired already"):
        store.rotate(old.key_id, overlap=DAY, lasts=None, by="u")


def test_a_rotation_prolongs_nothing(database: Database) -> None:
    """A key that would end within the overlap ends when it would have."""
    store = KeyStore(database, SECRET)
    old, _ = store.create(NewKey("a", Role.SERVICE, "t", lasts=timedelta(hours=1)))
    store.rotate(old.key_id, overlap=DAY, lasts=None, by="u")
    assert store.listed()[0].expires_at == old.expires_at


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (NewKey(" ", Role.SERVICE, "t"), "needs a name"),
        (NewKey("a\n", Role.SERVICE, "t"), "needs a name"),
        (NewKey("a", Role.VIEWER, "t"), "A viewer's key is for one user"),
        (NewKey("a", Role.ADMIN, "t", user_id="ann"), "is for no single user"),
        (NewKey("a", Role.VIEWER, "t", user_id=""), "cannot be read"),
        (NewKey("a", Role.SERVICE, "t", scope="all"), "There is no scope 'all'"),
    ],
)
def test_a_key_that_makes_no_sense_is_refused(database: Database, wanted: NewKey, said: str) -> None:
    """What is asked is said to be wrong in a sentence, and nothing is made."""
    store = KeyStore(database, SECRET)
    with pytest.raises(ApiKeyError, match=said):
        store.create(wanted)
    assert not store.listed()
    with pytest.raises(ApiKeyError, match="There is no key 'x'"):
        store.revoke("x", by="t")


def test_keys_outlive_a_database_that_is_away_for_a_while(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Known keys go on for as long as is set; afterwards nobody can say whether they hold, and nobody is let in."""
    _, key = KeyStore(database, SECRET).create(WANTED)
    ring = KeyRing(database, SECRET, stale_seconds=60)
    with pytest.raises(CredentialsUnreadableError):
        ring.find(key)
    ring.refresh()

    def away(*_: object) -> None:
        raise StateError("away", next_step="-")

    monkeypatch.setattr(database, "fetch", away)
    with pytest.raises(StateError):
        ring.refresh()
    assert holds(ring, key)
    monkeypatch.setattr(ring, "_stale_seconds", -1.0)
    with pytest.raises(CredentialsUnreadableError):
        ring.find(key)


def test_use_is_noted_now_and_then(database: Database) -> None:
    """When a key was used is written by the next question, and then not again for five minutes, however often it is."""
    store = KeyStore(database, SECRET)
    _, key = store.create(WANTED)
    ring = ring_of(database)
    assert store.listed()[0].last_used_at is None
    ring.find(key)
    ring.refresh()
    noted = store.listed()[0].last_used_at
    assert noted is not None
    for _ in range(3):
        ring.find(key)
        ring.refresh()
    assert store.listed()[0].last_used_at == noted
    assert store.listed()[0].change == 1
