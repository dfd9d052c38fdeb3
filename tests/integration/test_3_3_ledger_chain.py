"""The ledger's chain: what was changed, removed or inserted is named, and nothing is added on top of it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from movie_mlops.release import Ledger, LedgerAlteredError
from movie_mlops.state import Database, StateConfig

A, B, C, D = (f"edlae-{letter * 12}" for letter in "abcd")
TRIGGERS = [f"{table}_refuse_{change}" for table in ("releases", "release_seals") for change in ("update", "delete")]
COPY = (
    "INSERT INTO releases (release_id, bundle_id, model, action, at, reason, gate, approved_by, previous_release_id)"
    " SELECT {id}, bundle_id, model, action, at, reason, gate, approved_by, {before} FROM releases WHERE release_id = 1"
)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(StateConfig(f"sqlite:///{tmp_path / 'state.db'}"))
    yield database
    database.close()


def promote(database: Database, *bundles: str) -> Ledger:
    ledger = Ledger(database)
    for bundle in bundles:
        champion = ledger.champion()
        ledger.promote(
            bundle,
            reason=f"for {bundle}",
            gate={"passed": True, "checks": [{"low": 0.1, "name": "beats-popular"}]},
            approved_by="gate",
            expected=champion.bundle_id if champion else None,
        )
    return ledger


def tamper(database: Database, *statements: str) -> None:
    """Do what the database refuses, as somebody would who has its file."""
    with database.write() as connection:
        for trigger in TRIGGERS:
            connection.execute(text(f"DROP TRIGGER IF EXISTS {trigger}"))
        for statement in statements:
            connection.execute(text(statement))


def reseal(database: Database, release_id: int) -> None:
    """Seal a changed row anew, as somebody would who knows how."""
    from movie_mlops.release import chain  # noqa: PLC0415 - its inside, for this forgery alone

    with database.read() as connection:
        row = next(row for row in connection.execute(chain._ROWS) if row.release_id == release_id)
    ((before,),) = database.fetch("SELECT before FROM release_seals WHERE release_id = ?", [release_id])
    forged = chain._seal_of(row, before)
    tamper(database, f"UPDATE release_seals SET sha256 = '{forged}' WHERE release_id = {release_id}")


def test_a_whole_ledger_is_said_to_be_whole(database: Database) -> None:
    """Promise P10: each release is sealed with the one before it, and the newest seal stands for all of them."""
    ledger = promote(database, A, B)
    ledger.rollback("odd lists", "kim")
    chain = ledger.verify()
    assert (chain.broken, chain.releases, chain.sealed, chain.taken_in) == (None, 3, 3, 0)
    assert chain.head == chain.seals[-1]
    assert len(set(chain.seals)) == 3
    assert json.loads(json.dumps(chain.to_json()))["whole"] is True
    # A ledger that says the same but for one word has other seals from there on.
    assert all(len(seal) == 64 for seal in chain.seals)


@pytest.mark.parametrize(
    ("statements", "release_id", "what"),
    [
        (["UPDATE releases SET reason = 'because' WHERE release_id = 2"], 2, "changed"),
        (["UPDATE releases SET at = at - 1 WHERE release_id = 4"], 4, "changed"),
        (["UPDATE releases SET gate = '{\"passed\": false}' WHERE release_id = 1"], 1, "changed"),
        (["UPDATE releases SET gate = 'no JSON' WHERE release_id = 3"], 3, "changed"),
        (["UPDATE releases SET previous_release_id = 77 WHERE release_id = 3"], 3, "changed"),
        (["UPDATE release_seals SET sha256 = 'x' WHERE release_id = 2"], 2, "changed"),
        (["DELETE FROM releases WHERE release_id = 1"], 1, "removed"),
        (["DELETE FROM releases WHERE release_id = 3"], 3, "removed"),
        (["DELETE FROM releases WHERE release_id = 4"], 4, "removed"),
        ([f"DELETE FROM {table} WHERE release_id = 2" for table in ("releases", "release_seals")], 2, "removed"),
        ([COPY.format(id=9, before=4)], 9, "inserted"),
        ([COPY.format(id=-1, before=77)], -1, "inserted"),
        (["DELETE FROM release_seals WHERE release_id = 2"], 2, "inserted"),
    ],
)
def test_what_was_done_to_the_ledger_is_named(
    database: Database, statements: list[str], release_id: int, what: str
) -> None:
    """A row that was changed, removed or inserted behind the ledger's back is named, and nothing more is released."""
    ledger = promote(database, A, B, C, D)
    tamper(database, *statements)
    broken = ledger.verify().broken
    assert broken is not None
    assert (broken.number, broken.what) == (release_id, what)
    assert broken.sentence.startswith(f"Release {release_id} was {what}: it ")
    before = database.fetch("SELECT count(*) FROM releases")
    with pytest.raises(LedgerAlteredError, match=f"Release {release_id} was {what}.*goes on serving.*release verify"):
        ledger.promote("edlae-eeeeeeeeeeee", reason="r", gate={}, approved_by="t", expected=_champion(database))
    assert database.fetch("SELECT count(*) FROM releases") == before


def _champion(database: Database) -> str:
    return str(database.fetch("SELECT bundle_id FROM releases ORDER BY release_id DESC LIMIT 1")[0][0])


def test_a_row_that_was_changed_and_sealed_anew_is_named(database: Database) -> None:
    """Who also forges the seal of the row is found out by the next row, which remembers the real one."""
    ledger = promote(database, A, B, C)
    noted = ledger.verify().head
    tamper(database, "UPDATE releases SET approved_by = 'nobody' WHERE release_id = 2")
    reseal(database, 2)
    broken = ledger.verify().broken
    assert broken is not None
    assert (broken.number, broken.what) == (2, "changed")
    # Of the newest row nobody inside knows better: that is what a noted seal is for.
    tamper(database, f"UPDATE releases SET bundle_id = '{D}' WHERE release_id = 3")
    reseal(database, 3)
    assert noted not in ledger.verify().seals


def test_releases_from_before_the_seals_are_taken_in(database: Database) -> None:
    """A ledger that is older than its seals is taken in whole by the next release, and marked as such."""
    ledger = promote(database, A, B)
    tamper(database, "DELETE FROM release_seals")
    chain = ledger.verify()
    assert (chain.broken, chain.releases, chain.sealed, chain.head) == (None, 2, 0, None)
    promote(database, C)
    chain = ledger.verify()
    assert (chain.broken, chain.releases, chain.sealed, chain.taken_in) == (None, 3, 3, 2)
    promote(database, D)
    assert ledger.verify().taken_in == 2
    tamper(database, "UPDATE releases SET reason = 'x' WHERE release_id = 1")
    broken = ledger.verify().broken
    assert broken is not None
    assert (broken.number, broken.what) == (1, "changed")


@pytest.mark.parametrize("table", ["releases", "release_seals"])
def test_the_database_refuses_to_change_either_table(database: Database, table: str) -> None:
    """Neither a release nor its seal can be changed or deleted by a statement."""
    from sqlalchemy.exc import IntegrityError  # noqa: PLC0415 - for this test alone

    promote(database, A)
    for statement in (f"UPDATE {table} SET release_id = 5", f"DELETE FROM {table}"):
        with pytest.raises(IntegrityError, match="only ever appended to"), database.write() as connection:
            connection.execute(text(statement))
