"""A bundle made again from what it says of its origin: the same bytes, or what differs by name."""

import json
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import movie_mlops
from movie_mlops.core.nouns import Workspace
from movie_mlops.core.progress import SILENT
from movie_mlops.evaluation import Feedback
from movie_mlops.features import FeedbackConfig, feedback
from movie_mlops.flows import DirtyTreeError, NotReproducibleError, Platform, PlatformConfig, Recipe
from movie_mlops.flows.features import known_feedback, known_movies, users_at
from movie_mlops.flows.provenance import code_commit, require_committed
from movie_mlops.flows.reproduce import reproduce
from movie_mlops.flows.train import train
from movie_mlops.lake import INTERACTIONS, MOVIES, SCHEMAS, USERS, Lake, LakeConfig, vacuum
from movie_mlops.recommenders import create, restore
from movie_mlops.release import BundleError, Standing, TrustList, read_bundle, write_bundle
from tests.fixtures.stage_2.interactions import did, table
from tests.fixtures.stage_3.keys import SIGNER, trusting
from tests.fixtures.stage_4.command_line import CommandLine, copied

# One that learns from the films' facts too, and has all films of the catalogue among its items.
RECIPES = (*PlatformConfig().recipes, Recipe(name="by-facts", model="edlae-content"))


@pytest.fixture(scope="module")
def platform(finished: CommandLine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """The platform after the main job on the sample, in a copy."""
    home = copied(finished, tmp_path_factory.mktemp("reproduce")).home
    platform = Platform(Workspace(home, "sample"), PlatformConfig())
    platform.keys.trust.put(SIGNER.public_key, Standing.TRUSTED, "the tests")
    yield platform
    platform.close()


def lake_of(platform: Platform) -> LakeConfig:
    return LakeConfig(platform.workspace.lakes).of("sample")


def champion(platform: Platform) -> Path:
    serving = platform.ledger.champion()
    assert serving is not None
    return platform.workspace.models / serving.bundle_id


def altered(
    bundle: Path, trust: TrustList, target: Path, facts: dict[str, Any] | None = None, **planted: float
) -> Path:
    """Return a sound bundle that says something else, or whose arrays hold something else at one place."""
    whole = read_bundle(bundle, trust=trust)
    arrays = {name: np.array(array) for name, array in whole.recommender.arrays().items()}
    for name, value in planted.items():
        arrays[name].reshape(-1)[7] += value
    model = restore(whole.manifest.model, whole.manifest.params, arrays)
    said = {**whole.manifest.facts, **(facts or {})}
    return write_bundle(target, model=model, movie_ids=whole.movie_ids, facts=said, signer=SIGNER).path


@pytest.mark.parametrize(
    "recipe",
    [pytest.param(one, id=one.name, marks=[] if one.name == "ease" else [pytest.mark.long]) for one in RECIPES],
)
def test_every_model_of_the_default_recipes_is_made_again(platform: Platform, recipe: Any) -> None:
    """Promise P7: from lake version, configuration, parameters and seed a clean process makes the same bytes again."""
    version = platform.lake.version(INTERACTIONS)
    known = known_feedback(platform.lake, platform.config.feedback, version=version)
    versions = {INTERACTIONS: version, MOVIES: platform.lake.version(MOVIES)}
    facts = {"dataset": "sample", "lake_versions": versions}
    movies = partial(known_movies, platform.lake, version=versions[MOVIES])
    users = partial(users_at, platform.lake, versions)
    made = train(platform, known, recipe, movies=movies, users=users, facts=facts, progress=SILENT)
    again = reproduce(platform.workspace.models / made["bundle_id"], lake_of(platform), trust=platform.keys.trust)
    assert again.equal, again.sentences()
    assert (again.made, again.changes) == (made["bundle_id"], ())
    assert len(again.files) >= 2
    assert again.sentences()[0].startswith("Equal: ")


def test_a_model_that_knows_traits_of_users_is_made_again(platform: Platform) -> None:
    """Promise P7: where a model learned from what is known of users, it is made again from the users of its time."""
    lake = platform.lake
    version = lake.version(INTERACTIONS)
    known = known_feedback(lake, platform.config.feedback, version=version)
    people = known["user_id"].unique().sort().to_list()
    told = pl.DataFrame({"user_id": people, "gender": [("F", "M")[place % 2] for place in range(len(people))]})
    missing = [pl.lit(None, kind).alias(name) for name, kind in SCHEMAS[USERS].items() if name not in told.columns]
    whole = told.with_columns(missing).select(list(SCHEMAS[USERS]))
    versions = {table: lake.version(table) for table in (INTERACTIONS, MOVIES)}
    versions[USERS] = lake.append(USERS, whole)
    recipe = Recipe(name="by-traits", model="blend", params={"members": [{"model": "ease"}], "expectation": 1.0})
    movies, users = partial(known_movies, lake, version=versions[MOVIES]), partial(users_at, lake, versions)
    facts = {"dataset": "sample", "lake_versions": versions}
    made = train(platform, known, recipe, movies=movies, users=users, facts=facts, progress=SILENT)
    # What is said of people later changes nothing.
    lake.overwrite(USERS, whole.with_columns(pl.lit("X").alias("gender")))
    folder = platform.workspace.models / made["bundle_id"]
    assert read_bundle(folder, trust=platform.keys.trust).manifest.facts["traits"] == ["gender:F", "gender:M"]
    again = reproduce(folder, lake_of(platform), trust=platform.keys.trust, seals=platform.lake.seals)
    assert again.equal, again.sentences()


def test_a_planted_difference_is_named_to_the_value(platform: Platform, tmp_path: Path) -> None:
    """Promise P7: of a bundle in which one number is another one, array, place and size of the difference are said."""
    planted = altered(champion(platform), platform.keys.trust, tmp_path / "models", weights=0.5)
    outcome = reproduce(planted, lake_of(platform), trust=platform.keys.trust)
    assert not outcome.equal
    differing = [file for file in outcome.files if not file.equal]
    assert [(file.file, file.different) for file in differing] == [("weights.npy", 1)]
    assert differing[0].largest == pytest.approx(0.5)
    assert f"weights.npy: 1 of {differing[0].values:,} values differ, by 0.5 at most, first at [0, 7]." in "\n".join(
        outcome.sentences()
    )
    assert "Every input that the bundle names is what it was" in outcome.sentences()[-1]
    assert json.loads(json.dumps(outcome.to_json()))["equal"] is False


def test_an_input_that_is_not_what_it_was_is_named(platform: Platform, tmp_path: Path) -> None:
    """Library, BLAS, code and uncommitted changes are each named, then and now, also where the bytes are equal."""
    facts = read_bundle(champion(platform), trust=platform.keys.trust).manifest.facts
    packages: Any = facts["packages"]
    other = altered(
        champion(platform),
        platform.keys.trust,
        tmp_path / "models",
        {
            "packages": {**packages, "numpy": "1.2.3"},
            "machine": {"processor": "m68k", "blas": "openblas 0.1"},
            "code_sha256": "0" * 64,
            "code_commit": "0123456789abcdef+changes",
        },
    )
    outcome = reproduce(other, lake_of(platform), trust=platform.keys.trust)
    assert outcome.equal
    changes = {change.what: change for change in outcome.changes}
    assert sorted(changes) == ["blas", "code", "numpy", "processor"]
    assert changes["numpy"].sentence == f"numpy: 1.2.3 then, {np.__version__} now."
    assert changes["code"].recorded == "commit 0123456789ab with changes that were not committed"
    assert "It is the same although not every input is:" in outcome.sentences()


def opinions(users: range) -> list[Any]:
    return [did(f"u{user}", (user * step) % 11, "like", at=step) for user in users for step in (1, 2, 3)]


@pytest.fixture
def small(tmp_path: Path) -> tuple[LakeConfig, Path, TrustList]:
    """A lake with two versions, and a bundle that was made from the first."""
    config = LakeConfig(tmp_path / "lake")
    lake = Lake(config)
    version = lake.append(INTERACTIONS, table(opinions(range(30))).collect())
    known = Feedback.of(feedback(lake.scan(INTERACTIONS, version=version), FeedbackConfig()))
    matrix, times = known.training()
    model = create("ease")
    model.fit(matrix, times=times)
    plain = PlatformConfig().model_dump(mode="json", include={"feedback"})
    facts = {"dataset": "tiny", "lake_versions": {INTERACTIONS: version}, **plain}
    bundle = write_bundle(tmp_path / "models", model=model, movie_ids=known.movie_ids, facts=facts, signer=SIGNER)
    lake.overwrite(INTERACTIONS, table(opinions(range(60))).collect())
    return config, bundle.path, trusting(tmp_path)


def test_a_version_that_was_vacuumed_cannot_be_tried(small: tuple[LakeConfig, Path, TrustList]) -> None:
    """Of a bundle whose lake version was given up, that is said, with the version and the day; nothing is made up."""
    config, bundle, trust = small
    assert len(reproduce(bundle, config, trust=trust).files) == 4
    assert vacuum(Lake(config), INTERACTIONS, keep_days=0).given_up == (0,)
    with pytest.raises(NotReproducibleError, match=r"cannot be tried: .* version 0 of interactions\. .*given up"):
        reproduce(bundle, config, trust=trust)


def test_a_lake_that_was_made_anew_is_noticed(small: tuple[LakeConfig, Path, TrustList], tmp_path: Path) -> None:
    """The same version number over other rows is another input: the arrays differ, by their shapes here."""
    _, bundle, trust = small
    other = LakeConfig(tmp_path / "other")
    Lake(other).append(INTERACTIONS, table([did("u1", film, "like", at=film) for film in range(5)]).collect())
    trained_on = {"users": 30, "films": 11, "positives": 88, "sha256": "0" * 64}
    outcome = reproduce(altered(bundle, trust, tmp_path / "said", {"trained_on": trained_on}), other, trust=trust)
    assert not outcome.equal
    said = outcome.changes[0].sentence
    assert said.startswith("what it learned from: 88 positives of 30 users and 11 films (SHA-256 000")
    assert "weights.npy is <f4 [5, 5] instead of <f4 [11, 11]." in [file.sentence for file in outcome.files]


@pytest.mark.parametrize("missing", ["feedback", "lake_versions"])
def test_a_bundle_that_does_not_say_enough_is_refused(
    small: tuple[LakeConfig, Path, TrustList], tmp_path: Path, missing: str
) -> None:
    """What a bundle does not say is not guessed: the sentence names it."""
    config, bundle, trust = small
    silent = altered(bundle, trust, tmp_path / "silent", {missing: None})
    with pytest.raises(NotReproducibleError, match=f"does not say its {missing}.*movie-mlops run"):
        reproduce(silent, config, trust=trust)


def test_a_damaged_bundle_is_not_compared(small: tuple[LakeConfig, Path, TrustList]) -> None:
    """Promise P8: what is compared is what was written: a flipped bit is refused before anything is made."""
    config, bundle, trust = small
    array = bundle / "weights.npy"
    whole = bytearray(array.read_bytes())
    whole[-1] ^= 1
    array.write_bytes(bytes(whole))
    with pytest.raises(BundleError, match=r"weights\.npy"):
        reproduce(bundle, config, trust=trust)


def test_code_for_production_is_committed_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tree with changes is refused for production, with the files' names; committed, or no tree at all, is not."""

    def git(*words: str) -> None:
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *identity, *words], cwd=tmp_path, check=True, capture_output=True)

    source = tmp_path / "__init__.py"
    source.write_text("")
    monkeypatch.setattr(movie_mlops, "__file__", str(source))
    require_committed()
    git("init")
    git("add", "-A")
    git("commit", "-m", "one", "--no-verify")
    require_committed()
    source.write_text("changed = True\n")
    assert str(code_commit()).endswith("+changes")
    with pytest.raises(DirtyTreeError, match=r"__init__\.py differ from commit .*without --production"):
        require_committed()
