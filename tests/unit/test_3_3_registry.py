"""Names, versions and aliases: a record of its own, moved by compare-and-swap, made again from the folders."""

import os
import shutil
from datetime import UTC, datetime

import pytest

from movie_mlops.core import clock
from movie_mlops.flows.shelf import find_bundle
from movie_mlops.release import (
    AliasConflictError,
    Aliases,
    BundleError,
    Ledger,
    Registry,
    RegistryError,
    list_bundles,
    name_of,
)
from movie_mlops.release.references import NAME
from movie_mlops.state import Database, StateConfig
from tests.fixtures.stage_3.tiny_model import FACTS, write_tiny

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
WORDS = {"by": "kim", "reason": "a test"}


@pytest.fixture(autouse=True)
def at_noon(monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: NOON)


@pytest.fixture
def models(tmp_path):
    return tmp_path / "models"


@pytest.fixture
def database(state_url):
    database = Database(StateConfig(state_url))
    yield database
    database.close()


@pytest.fixture
def registry(database, models):
    return Registry(database, models)


@pytest.fixture
def aliases(database):
    return Aliases(database)


def shelved(registry, models, scale=1.0, **facts):
    return registry.register(
        write_tiny(models, scale=scale, facts={**FACTS, **facts}).manifest, origin="trained", by="x"
    )


def test_versions_count_from_one_for_each_name(registry, models):
    """Each data set's bundles are numbered on their own, and a bundle that has a number keeps it."""
    first, second = shelved(registry, models), shelved(registry, models, scale=2.0)
    other = shelved(registry, models, dataset="ml-1m")
    again = shelved(registry, models)
    assert [one.label for one in (first, second, other, again)] == ["sample@1", "sample@2", "ml-1m@1", "sample@1"]
    assert [one.label for one in registry.all()] == ["ml-1m@1", "sample@1", "sample@2"]
    assert registry.find(first.bundle_id) == first
    assert first.at == NOON


@pytest.mark.parametrize("dataset", ["../up", "", "a@b", "-x", None, 3])
def test_a_data_set_that_cannot_be_a_name_leaves_the_models_name(models, dataset):
    """A bundle always has a name that commands can take."""
    name = name_of(write_tiny(models, facts={**FACTS, "dataset": dataset}).manifest)
    assert name == "tiny-model"
    assert NAME.fullmatch(name)


def test_a_lost_registry_is_made_again_from_the_folders(registry, models, tmp_path):
    """Versions come back in the order in which the manifests were written; what cannot be read has none."""
    labels = {}
    for number, scale in enumerate((3.0, 1.0, 2.0), 1):
        one = shelved(registry, models, scale=scale)
        labels[one.bundle_id] = one.label
        os.utime(models / one.bundle_id / "manifest.json", (number, number))
    damaged = write_tiny(models, scale=4.0).path
    (damaged / "manifest.json").write_text("{}")
    lost = Registry(Database(StateConfig(f"sqlite:///{tmp_path / 'new.db'}")), models)
    assert {one.bundle_id: one.label for one in lost.adopt()} == labels
    assert {one.origin for one in lost.all()} == {"found"}
    assert lost.adopt() == []


def test_the_manifest_outlives_the_folder(registry, models):
    """What a bundle said of itself is still known when its folder is gone, and its version is not given again."""
    one = shelved(registry, models)
    shutil.rmtree(models / one.bundle_id)
    manifest = registry.manifest(one.bundle_id)
    assert manifest is not None
    assert manifest.facts == FACTS
    assert shelved(registry, models, scale=2.0).label == "sample@2"
    assert registry.manifest("tiny-model-000000000000") is None


def test_an_alias_moves_only_from_where_it_was_seen(registry, aliases, models):
    """Two who move an alias at once cannot both win: the second is told where it points by now."""
    one, two = (shelved(registry, models, scale=scale).bundle_id for scale in (1.0, 2.0))
    aliases.move("sample", "best", one, expected=None, **WORDS)
    with pytest.raises(AliasConflictError, match=f"sample@best is {one} by now, not missing"):
        aliases.move("sample", "best", two, expected=None, **WORDS)
    aliases.move("sample", "best", two, expected=one, **WORDS)
    assert aliases.all() == {("sample", "best"): two}
    assert aliases.of(two) == ["best"]
    assert aliases.move("sample", "best", two, expected=one, **WORDS) is None
    aliases.move("sample", "best", None, expected=two, **WORDS)
    assert aliases.all() == {}
    assert [(move.bundle_id, move.by, move.reason, move.at) for move in aliases.moves()] == [
        (None, "kim", "a test", NOON),
        (two, "kim", "a test", NOON),
        (one, "kim", "a test", NOON),
    ]


def test_the_champion_is_what_the_ledger_says(registry, aliases, models, database):
    """No alias disagrees with the ledger about what serves: 'champion' is read there, and moved nowhere else."""
    one, two = (shelved(registry, models, scale=scale).bundle_id for scale in (1.0, 2.0))
    ledger = Ledger(database)
    for bundle_id, expected in ((one, None), (two, one)):
        ledger.promote(bundle_id, reason="r", gate={}, approved_by="gate", expected=expected)
        assert aliases.all()["sample", "champion"] == bundle_id
    ledger.rollback("odd lists", "kim")
    assert aliases.all()["sample", "champion"] == one
    with pytest.raises(RegistryError, match=r"only the ledger moves it.*release promote"):
        aliases.move("sample", "champion", two, expected=one, **WORDS)


@pytest.mark.parametrize("alias", ["3", "Best", "a b", "", "a" * 33, "x@y", "../x"])
def test_what_cannot_be_an_alias_is_refused(registry, aliases, models, alias):
    """An alias is never mistaken for a version, a name or a path."""
    one = shelved(registry, models)
    with pytest.raises(RegistryError, match="cannot be an alias"):
        aliases.move("sample", alias, one.bundle_id, expected=None, **WORDS)


def test_an_alias_names_only_versions_of_its_name(registry, aliases, models):
    """ml-1m@best never points at a bundle of another data set, nor at one that has no name."""
    one = shelved(registry, models)
    for bundle_id, what in ((one.bundle_id, "is a version of 'sample'"), ("tiny-model-000000000000", "has no name")):
        with pytest.raises(RegistryError, match=what):
            aliases.move("ml-1m", "best", bundle_id, expected=None, **WORDS)


@pytest.mark.parametrize("words", [{"by": " ", "reason": "r"}, {"by": "kim", "reason": ""}])
def test_nothing_is_done_that_nobody_answers_for(registry, aliases, models, words):
    """Who and why are never empty, for a move and for an act."""
    one = shelved(registry, models)
    with pytest.raises(RegistryError, match="has no reason, or nobody"):
        aliases.move("sample", "best", one.bundle_id, expected=None, **words)
    with pytest.raises(RegistryError, match="has no reason, or nobody"):
        registry.note(one.bundle_id, "signed", **words)
    assert registry.acts(one.bundle_id) == []


@pytest.mark.parametrize("table", ["registered_bundles", "alias_moves", "registry_acts"])
def test_the_record_is_only_ever_appended_to(registry, aliases, models, database, table):
    """Neither a change nor a removal of a row gets past the database."""
    one = shelved(registry, models)
    aliases.move("sample", "best", one.bundle_id, expected=None, **WORDS)
    registry.note(one.bundle_id, "signed", **WORDS)
    for statement in (f"UPDATE {table} SET by = 'me'", f"DELETE FROM {table}"):
        with pytest.raises(Exception, match="only ever appended to"), database.write() as connection:
            connection.exec_driver_sql(statement)


def test_a_bundle_is_found_by_whatever_it_is_called(registry, aliases, models):
    """An id, name@version, name@alias, or the beginning of an id or of its hash: one resolver."""
    one, two = (shelved(registry, models, scale=scale).bundle_id for scale in (1.0, 2.0))
    aliases.move("sample", "best", two, expected=None, **WORDS)
    hashed = two.rpartition("-")[2]
    for reference, bundle_id in (
        (one, one),
        ("sample@1", one),
        ("sample@best", two),
        (two[:-3], two),
        (hashed[:5], two),
    ):
        assert find_bundle(registry, aliases, models, reference) == bundle_id


@pytest.mark.parametrize(
    ("reference", "sentence"),
    [
        ("tiny", "is the beginning of 2 bundles"),
        ("", "There is no bundle ''"),
        ("sample@3", r"no version or alias '3' \(versions: 1 to 2\)"),
        ("sample@", "no version or alias ''"),
        ("other@1", r"No bundle is called 'other' \(there are sample\)"),
        ("../../etc", "There is no bundle"),
        ("sample@²", "no version or alias"),
    ],
)
def test_what_names_no_bundle_is_one_clear_sentence(registry, aliases, models, reference, sentence):
    """Nothing, and more than one, is never guessed at."""
    shelved(registry, models)
    shelved(registry, models, scale=2.0)
    with pytest.raises(BundleError, match=sentence):
        find_bundle(registry, aliases, models, reference)


def test_a_bundle_whose_folder_is_gone_is_named_so(registry, aliases, models):
    """A version whose folder was removed is still known, and nothing is read in its place."""
    one = shelved(registry, models)
    shutil.rmtree(models / one.bundle_id)
    assert list_bundles(models) == []
    for reference in ("sample@1", one.bundle_id):
        with pytest.raises(BundleError, match="is not there any more"):
            find_bundle(registry, aliases, models, reference)
