"""Lineage over the real stores of the main job: back to the source, forward to what was served."""

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from movie_mlops.core.nouns import Workspace
from movie_mlops.features import TrainingSets, TrainingSetSpec
from movie_mlops.flows import Platform, PlatformConfig, UnknownThingError
from movie_mlops.flows.lineage import Lineage
from movie_mlops.release import BundleError, Graph, Kind
from movie_mlops.serving import Impression
from movie_mlops.serving.impressions import Impressions
from tests.fixtures.stage_4.command_line import CommandLine, copied

RECOMMENDATION = "0123456789abcdef" * 2


@pytest.fixture(scope="module")
def platform(finished: CommandLine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """The platform after the main job on the sample, in a copy, with two answers and a training set."""
    home = copied(finished, tmp_path_factory.mktemp("lineage")).home
    platform = Platform(Workspace(home, "sample"), PlatformConfig())
    impressions = Impressions(platform.database)
    for name, at in ((RECOMMENDATION, 1), ("f" * 32, 2)):
        moment = datetime(2026, 12, at, 9, 30, tzinfo=UTC)
        impressions.keep(Impression(name, moment, "42", 1, "personalised", [(1, 0.5), (6, 0.25)], {"k": 2}))
    impressions.flush()
    sets = TrainingSets(platform.workspace.training_sets, platform.lake)
    sets.build(TrainingSetSpec("taste", features=("film_features:likes_30d",)), platform.config.feedback)
    yield platform
    platform.close()


def by_kind(graph: Graph) -> dict[Kind, list[str]]:
    titles: dict[Kind, list[str]] = {}
    for node in graph.nodes:
        titles.setdefault(node.kind, []).append(node.title)
    return titles


def reached(graph: Graph, start: str) -> set[str]:
    """Return all that is behind a node, by walking back."""
    behind = {cause.node_id for cause in graph.causes(start)}
    return behind.union(*(reached(graph, cause) for cause in behind))


def test_a_recommendation_goes_back_to_the_sources_fingerprint(platform: Platform) -> None:
    """From one answer: release, bundle, tables' versions, the source's fingerprint and batch, code, seed, libraries."""
    graph = Lineage(platform).of(RECOMMENDATION)
    behind = {node.kind: node for node in graph.nodes if node.node_id in reached(graph, graph.thing)}
    assert behind.keys() == set(Kind) - {Kind.RECOMMENDATION, Kind.ANSWERS, Kind.TRAINING_SET}
    assert by_kind(graph)[Kind.TABLE] == ["interactions@0", "movies@0"]
    source = behind[Kind.SOURCE]
    noted = platform.lake.history("interactions")[-1].note
    assert (source.title, source.facts["fingerprint"]) == (noted["source"], noted["fingerprint"])
    assert str(source.facts["interactions"]).endswith("rows good")
    assert behind[Kind.CONFIGURATION].facts["seed"] == "none needed"
    assert behind[Kind.LIBRARIES].facts["numpy"]
    assert behind[Kind.CODE].facts["sha256"]
    assert graph.node(graph.thing).facts["films"] == "1, 6"


@pytest.mark.parametrize("what", ["bundle", "release", "table"])
def test_forward_stands_what_it_served(platform: Platform, what: str) -> None:
    """From a bundle, a release or a table's version: the releases, how many answers, to whom, and when the last one."""
    champion = platform.ledger.champion()
    assert champion is not None
    thing = {"bundle": champion.bundle_id, "release": "1", "table": "interactions@0"}[what]
    graph = Lineage(platform).of(thing)
    (answers,) = [node for node in graph.nodes if node.kind is Kind.ANSWERS]
    assert answers.title == "2 recommendations"
    assert answers.facts == {"users": "1", "the last": "2026-12-02T09:30:00Z"}
    assert graph.thing in reached(graph, answers.node_id)
    assert f"bundle:{champion.bundle_id}" in reached(graph, answers.node_id)
    assert json.loads(json.dumps(graph.to_json()))["thing"] == graph.thing


def test_a_bundle_is_found_by_every_name_of_it(platform: Platform) -> None:
    """A bundle's version, an alias, the beginning of its id or its hash: each is the lineage of its id."""
    champion = platform.ledger.champion()
    assert champion is not None
    asked = Lineage(platform).of(champion.bundle_id)
    for name in ("sample@1", "sample@champion", champion.bundle_id[:-3], champion.bundle_id[-12:-2]):
        assert Lineage(platform).of(name).to_json() == asked.to_json()
    assert asked.node(asked.thing).facts["name"] == "sample@1"
    with pytest.raises(BundleError, match="'sample' has no version or alias '9'"):
        Lineage(platform).of("sample@9")


def test_a_tables_version_names_all_that_was_made_of_it(platform: Platform) -> None:
    """From a version of the lake: the feature tables, training sets and bundles that were made of it, and no other."""
    titles = by_kind(Lineage(platform).of("interactions@0"))
    assert titles[Kind.TABLE] == ["film_features@0", "interactions@0", "movies@0", "user_features@0"]
    assert titles[Kind.TRAINING_SET] == ["taste@1"]
    assert len(titles[Kind.BUNDLE]) == 1
    assert by_kind(Lineage(platform).of("film_features"))[Kind.TABLE] == [
        "film_features@0",
        "interactions@0",
        "movies@0",
    ]


@pytest.mark.parametrize("name", ["taste", "taste@1"])
def test_a_training_set_has_a_lineage(platform: Platform, name: str) -> None:
    """A training set names its tables' versions, and the definitions of its features."""
    titles = by_kind(Lineage(platform).of(name))
    assert (titles[Kind.TRAINING_SET], titles[Kind.TABLE]) == (["taste@1"], ["interactions@0", "movies@0"])


@pytest.mark.parametrize(
    ("thing", "hint"),
    [
        ("interaction@0", "Did you mean 'interactions@0'"),
        ("interactions@7", "Ask for interactions@0"),
        ("taste@2", "Did you mean 'taste@1'"),
        ("99", "movie-mlops release history"),
        ("0" * 32, "recommendation_id"),
        ("../etc", "movie-mlops models list"),
        ("", "movie-mlops lake tables"),
    ],
)
def test_what_is_unknown_is_said_with_the_nearest_name(platform: Platform, thing: str, hint: str) -> None:
    """An unknown id, version or name is an error with what to try, and never an empty picture."""
    with pytest.raises(UnknownThingError, match=hint):
        Lineage(platform).of(thing)


def test_a_bundle_whose_folder_is_gone_keeps_its_place(finished: CommandLine, tmp_path: Path) -> None:
    """A release whose bundle was deleted is told with the bundle as gone, and why; nothing behind it is made up."""
    home = copied(finished, tmp_path).home
    platform = Platform(Workspace(home, "sample"), PlatformConfig())
    champion = platform.ledger.champion()
    assert champion is not None
    shutil.rmtree(platform.workspace.models / champion.bundle_id)
    graph = Lineage(platform).of("1")
    bundle = graph.node(f"bundle:{champion.bundle_id}")
    assert bundle.gone
    assert "There is no bundle at" in str(bundle.facts["why"])
    assert graph.causes(bundle.node_id) == []
    platform.close()
