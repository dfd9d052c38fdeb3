"""Accounts of the console: which passwords are taken, what is kept of them, and how somebody signs in."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from movie_mlops.security import Account, AccountError, Accounts, AccountStore, Argon2Cost, Role
from movie_mlops.security import accounts as module
from movie_mlops.state import Database, StateConfig
from tests.fixtures.stage_7.keyed import SECRET

CHEAP = Argon2Cost(memory_kib=32, iterations=1, lanes=1)
GOOD = "four horses eat plums"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(StateConfig(f"sqlite:///{tmp_path / 'state.db'}"))
    yield database
    database.close()


@pytest.fixture
def store(database: Database) -> AccountStore:
    return AccountStore(database, SECRET, cost=CHEAP)


def server(database: Database, cost: Argon2Cost = CHEAP, stale_seconds: float = 60) -> Accounts:
    accounts = Accounts(database, SECRET, stale_seconds=stale_seconds, cost=cost)
    accounts.refresh()
    return accounts


def kept(database: Database) -> str:
    """Return what stands in the database."""
    return str(database.fetch("SELECT password FROM console_accounts")[0][0])


def write(database: Database, statement: str) -> None:
    """Do what whoever has the database can do."""
    with database.write() as connection:
        connection.execute(text(statement))


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("short enough", ""),
        ("eleven char", "has 11 characters"),
        ("x" * 129, "has 129 characters"),
        ("abababababababab", "fewer than 5 different"),
        ("password1234", "tries first"),
        ("P@ssw0rd2024!", "tries first"),
        ("123456789012", "tries first"),
        ("qwertyuiop12", "tries first"),
        ("abcdefghijklmnop", "tries first"),
        ("letmein-welcome-1", "tries first"),
        ("MovieMlops2026", "tries first"),
        ("kimberley-kimberley", "tries first"),
        ("correct horse battery staple", ""),
        ("tr0ub4dor&3-and-more", ""),
        ("ünïcödé pässwörter", ""),
    ],
)
def test_what_everybody_tries_first_is_refused(store: AccountStore, password: str, why: str) -> None:
    """At least twelve characters, not all alike, not a word that is tried first, however it is spelt, nor the name."""
    if not why:
        assert store.add("kimberley", Role.ANALYST, password, by="tests").role is Role.ANALYST
        return
    with pytest.raises(AccountError, match=why) as refused:
        store.add("kimberley", Role.ANALYST, password, by="tests")
    assert password not in str(refused.value)
    assert not store.listed()


def test_a_password_is_kept_as_argon2id(store: AccountStore, database: Database) -> None:
    """Another hash each time, none of the password in it; it holds for its name, its role and its secret alone."""
    store.add("kim", Role.ANALYST, GOOD, by="tests")
    first = kept(database)
    assert first.startswith("$argon2id$v=19$m=32,t=1,p=1$")
    assert Argon2Cost().words == "$argon2id$v=19$m=65536,t=3,p=4$"
    store.change_password("kim", GOOD)
    assert kept(database) != first
    assert "password" not in store.listed()[0].document()
    accounts = server(database)
    found = accounts.sign_in("kim", GOOD)
    assert found is not None
    assert (found.name, found.roles) == ("account:kim", {Role.ANALYST})
    assert accounts.sign_in("kim", "four horses eat plumS") is None
    assert accounts.sign_in("kim", "") is None
    write(database, "UPDATE console_accounts SET role = 'admin'")
    assert server(database).sign_in("kim", GOOD) is None
    write(database, "UPDATE console_accounts SET role = 'analyst', name = 'lee'")
    assert server(database).sign_in("lee", GOOD) is None


def test_two_ways_to_write_a_letter_are_one_password(store: AccountStore, database: Database) -> None:
    """What one keyboard sends as one character and another as two opens the same account."""
    store.add("kim", Role.ADMIN, "caf\u00e9 with four plums", by="tests")
    assert server(database).sign_in("kim", "cafe\u0301 with four plums") is not None


def test_nobody_learns_which_names_there_are(
    store: AccountStore, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong name costs the same work as a wrong password: one comparison, with a hash that cost as much."""
    store.add("kim", Role.OPERATOR, GOOD, by="tests")
    accounts, compared = server(database), []
    real = module.is_password

    def noted(password: str, hashed: str, pepper: bytes) -> bool:
        compared.append((hashed.rpartition("p=")[0], len(hashed), len(pepper)))
        return real(password, hashed, pepper)

    monkeypatch.setattr(module, "is_password", noted)
    assert [accounts.sign_in(name, "wrong") for name in ("kim", "nobody", "no name at all")] == [None] * 3
    assert len(compared) == 3
    assert len(set(compared)) == 1


def test_a_password_is_kept_anew_when_guessing_becomes_cheaper(store: AccountStore, database: Database) -> None:
    """Whoever signs in after the cost was raised is kept at the new cost; not the other way, nor for a wrong one."""
    store.add("kim", Role.OPERATOR, GOOD, by="tests")
    first, dearer = kept(database), Argon2Cost(memory_kib=64, iterations=1, lanes=1)
    assert server(database, dearer).sign_in("kim", "a wrong one") is None
    assert server(database).sign_in("kim", GOOD) is not None
    assert kept(database) == first
    accounts = server(database, dearer)
    assert accounts.sign_in("kim", GOOD) is not None
    anew = kept(database)
    assert anew.startswith(dearer.words)
    assert accounts.sign_in("kim", GOOD) is not None
    assert server(database).sign_in("kim", GOOD) is not None
    assert kept(database) == anew


def test_accounts_are_made_and_taken_away(store: AccountStore, database: Database) -> None:
    """One of a name, of a role that sees the console; a session ends with the password and with the account."""
    made = store.add("kim", Role.OPERATOR, GOOD, by="ann")
    assert isinstance(made, Account)
    with pytest.raises(AccountError, match="already"):
        store.add("kim", Role.ADMIN, GOOD, by="ann")
    for name in ("", "k", "Kim", "kim.lee", "~kim", "../kim", "k" * 33):
        with pytest.raises(AccountError, match="no name"):
            store.add(name, Role.ADMIN, GOOD, by="ann")
    for role in (Role.VIEWER, Role.SERVICE):
        with pytest.raises(AccountError, match="not for a"):
            store.add("lee", role, GOOD, by="ann")
    accounts = server(database)
    before = accounts.by_name("kim")
    assert before is not None
    store.change_password("kim", secrets.token_urlsafe(16))
    accounts.refresh()
    after = accounts.by_name("kim")
    assert after is not None
    assert (before[0], before[1] == after[1]) == (after[0], False)
    assert server(database, stale_seconds=-1).by_name("kim") is None
    store.remove("kim")
    accounts.refresh()
    assert (accounts.by_name("kim"), accounts.is_empty) == (None, True)
    for act in (lambda: store.remove("kim"), lambda: store.change_password("kim", GOOD)):
        with pytest.raises(AccountError, match="no account 'kim'"):
            act()
