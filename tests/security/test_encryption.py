"""Envelopes: what is sealed opens for its key and place alone, and never again once the key is destroyed."""

import logging
import stat
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from movie_mlops.security.envelope import (
    GENERAL,
    DataKeys,
    EnvelopeError,
    Envelopes,
    KeyDestroyedError,
    MasterKey,
    MasterKeys,
    Seal,
    TamperedError,
    read_master_keys,
    renew_master_key,
)
from movie_mlops.state import Database, StateConfig

ONE, TWO = MasterKey(b"\x01" * 32), MasterKey(b"\x02" * 32)
PLACE = "a test"


def envelopes(url: str, masters: MasterKeys | None = None) -> Envelopes:
    return Envelopes(DataKeys(Database(StateConfig(url))), masters or MasterKeys(ONE))


def test_what_is_sealed_opens_with_its_key_and_place(state_url: str) -> None:
    """What another process seals is opened here; each owner has a key of their own, which no name tells."""
    sealing = envelopes(state_url)
    named = sealing.prepare(["ann", "bob", GENERAL])
    seal = sealing.seal(named["ann"], b"liked Heat", place=PLACE)
    opening = envelopes(state_url)
    assert opening.open(seal, place=PLACE) == b"liked Heat"
    assert opening.prepare(["ann", "bob", GENERAL]) == named
    assert len(set(named.values())) == 3
    assert b"Heat" not in seal.data
    assert not any(name in seal.key_id for name in ("ann", "bob"))


@cache
def prepared() -> tuple[Envelopes, str]:
    """One key for all examples."""
    sealing = envelopes("sqlite://")
    return sealing, sealing.prepare(["ann"])["ann"]


@settings(max_examples=40, deadline=None)
@given(data=st.binary(max_size=64), place=st.integers(min_value=0), flip=st.integers(min_value=1, max_value=255))
def test_any_byte_that_was_changed_is_found(data: bytes, place: int, flip: int) -> None:
    """Promise P8: whichever byte of nonce, content or tag is changed, or cut off, it does not open."""
    sealing, key_id = prepared()
    seal = sealing.seal(key_id, data, place=PLACE)
    assert sealing.open(seal, place=PLACE) == data
    changed = bytearray(seal.data)
    changed[place % len(changed)] ^= flip
    for wrong in (bytes(changed), seal.data[: place % len(seal.data)], seal.data + b"\0"):
        with pytest.raises(TamperedError):
            sealing.open(Seal(key_id, wrong), place=PLACE)


def test_another_owner_and_another_place_do_not_open_it(state_url: str) -> None:
    """A section that is moved to another person or another back-up is refused, although its key is there."""
    sealing = envelopes(state_url)
    named = sealing.prepare(["ann", "bob"])
    seal = sealing.seal(named["ann"], b"liked Heat", place=PLACE)
    with pytest.raises(TamperedError):
        sealing.open(seal, place="another")
    with pytest.raises(TamperedError):
        sealing.open(Seal(named["bob"], seal.data), place=PLACE)


def test_no_nonce_is_used_twice() -> None:
    """The same words sealed twenty thousand times are never the same bytes, and never under the same nonce."""
    sealing = envelopes("sqlite://")
    key_id = sealing.prepare(["ann"])["ann"]
    seals = [sealing.seal(key_id, b"the same", place=PLACE).data for _ in range(20_000)]
    assert len({seal[:12] for seal in seals}) == len(seals)
    assert len({seal[12:] for seal in seals}) == len(seals)


def test_a_destroyed_key_opens_nothing_any_more(state_url: str) -> None:
    """Promise P28: neither here nor where an old copy of the keys is brought in; others' keys stay."""
    database = Database(StateConfig(state_url))
    keys = DataKeys(database)
    sealing = Envelopes(keys, MasterKeys(ONE))
    named = sealing.prepare(["ann", "bob"])
    seals = {owner: sealing.seal(key_id, owner.encode(), place=PLACE) for owner, key_id in named.items()}
    copy = [(key.key_id, key.wrapped, key.master_id) for key in keys.for_copies()]
    wrapped = keys.of(["ann"])["ann"].wrapped
    assert sealing.destroy("ann") == named["ann"]
    assert sealing.destroy("ann") is None
    keys.bring(copy)
    for holder in (sealing, Envelopes(keys, MasterKeys(ONE))):
        with pytest.raises(KeyDestroyedError):
            holder.open(seals["ann"], place=PLACE)
        assert holder.open(seals["bob"], place=PLACE) == b"bob"
    assert sealing.prepare(["ann"])["ann"] != named["ann"]
    with database.read() as connection:
        rows = connection.exec_driver_sql("SELECT * FROM data_keys").all()
    assert not any(wrapped == value for row in rows for value in row)
    with pytest.raises(EnvelopeError):
        sealing.destroy(GENERAL)


def test_the_master_key_is_changed_while_others_work(state_url: str) -> None:
    """A process with both keys re-wraps, while one that began with the old one goes on opening everything."""
    old = envelopes(state_url)
    named = old.prepare([f"user {n}" for n in range(40)])
    seals = {owner: old.seal(key_id, owner.encode(), place=PLACE) for owner, key_id in named.items()}
    both = envelopes(state_url, MasterKeys(TWO, before=ONE))
    assert both.open(seals["user 1"], place=PLACE) == b"user 1"
    assert both.rewrap() == 40
    assert both.rewrap() == 0
    new = envelopes(state_url, MasterKeys(TWO))
    for holder in (old, both, new):
        assert all(holder.open(seal, place=PLACE) == owner.encode() for owner, seal in seals.items())
    with pytest.raises(EnvelopeError, match=f"wrapped by the master key {TWO.key_id}, which is not here"):
        envelopes(state_url).open(seals["user 1"], place=PLACE)


def test_a_wrapped_key_that_was_changed_is_refused(state_url: str) -> None:
    """A key that somebody put in the place of another's is refused before it opens anything."""
    database = Database(StateConfig(state_url))
    keys = DataKeys(database)
    named = Envelopes(keys, MasterKeys(ONE)).prepare(["ann", "bob"])
    with database.write() as connection:
        theirs = keys.of(["bob"])["bob"].wrapped.hex()
        blob = f"'\\x{theirs}'" if connection.dialect.name == "postgresql" else f"x'{theirs}'"
        connection.exec_driver_sql(f"UPDATE data_keys SET wrapped = {blob} WHERE key_id = '{named['ann']}'")
    with pytest.raises(TamperedError):
        Envelopes(keys, MasterKeys(ONE)).seal(named["ann"], b"x", place=PLACE)


def test_master_keys_are_made_once_for_their_owner(tmp_path: Path) -> None:
    """The file is its owner's alone and is used again; one that others may read is refused; a new one keeps the old."""
    first = read_master_keys(tmp_path, None, None)
    assert read_master_keys(tmp_path, None, None) == first
    path = tmp_path / "master-key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    renew_master_key(tmp_path)
    second = read_master_keys(tmp_path, None, None)
    assert second.before == first.current
    assert second.current != first.current
    with pytest.raises(EnvelopeError, match="still there"):
        renew_master_key(tmp_path)
    path.chmod(0o640)
    with pytest.raises(EnvelopeError, match="Others than its owner"):
        read_master_keys(tmp_path, None, None)


def test_master_keys_never_show_themselves(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Promise P27: neither a key nor what was given for one with a slip is in a repr, an error or the log."""
    caplog.set_level(logging.DEBUG)
    secret = "ab" * 32
    key = MasterKey.read(secret)
    (tmp_path / "key").write_text(f"{secret}\n")
    assert MasterKey.read(str(tmp_path / "key")) == key
    assert secret not in f"{key} {key!r} {MasterKeys(key)!r} {key.key_id}"
    assert repr(key.secret) not in repr(MasterKeys(key))
    for slip in (secret[:-1], f"{secret}a", str(tmp_path)):
        with pytest.raises(EnvelopeError) as told:
            MasterKey.read(slip)
        assert slip not in str(told.value)
    assert secret[:16] not in caplog.text
