"""The registry's commands on a finished home: names, cards, comparisons, archives, clearing away, signatures."""

import os
import re
import shutil
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from movie_mlops.cli.main import main
from movie_mlops.core import clock
from movie_mlops.core.nouns import Workspace
from movie_mlops.flows import Platform, PlatformConfig
from movie_mlops.release import read_bundle, read_manifest, write_bundle
from tests.fixtures.stage_3.registry_home import Home
from tests.fixtures.stage_4.command_line import CommandLine, copied

COMMANDS = ("list", "show", "compare", "verify", "card", "alias", "aliases", "export", "import", "gc", "sign", "keys")


@pytest.fixture
def home(
    finished: CommandLine, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Home:
    # Away from the checkout, whose .env may name a key that signs.
    monkeypatch.chdir(tmp_path)
    return Home(copied(finished, tmp_path).home, capsys)


def champion(home: Home) -> str:
    return next(row["bundle"] for row in home.document("list") if row["serving"])


def test_the_main_job_leaves_a_named_signed_bundle_with_a_card(home):
    """After two commands and no configuration a bundle has a name, a version, its aliases, a signature and a card."""
    [row] = home.document("list")
    assert (row["name"], row["version"], row["aliases"]) == ("sample", 1, ["candidate", "champion"])
    assert (row["serving"], row["problem"], row["recipe"]) == ("yes", "", "ease")
    known = home.document("show", "sample@champion")["registry"]
    assert (known["origin"], known["by"]) == ("trained", "main job")
    [key] = home.document("keys", "list")
    assert (known["signed_by"], key["standing"]) == (key["key"], "trusted")
    for kind in ("html", "md"):
        assert (home.path / "reports" / "sample" / f"card-{row['bundle']}.{kind}").stat().st_size > 1000
    told = home("show", "sample@1")
    assert f"{row['bundle']}  (sample@1, trained " in told
    assert "It passed the gate." in told


def test_every_command_explains_itself(capsys):
    """Each command of the registry has a help that names its arguments, and wrong usage is code 2."""
    for command in COMMANDS:
        assert main(["models", command, "--help"]) == 0
        assert "--home" in (told := capsys.readouterr().out) or command == "keys"
        assert "Usage" in told
    assert main(["models", "alias"]) == 2


def test_an_alias_of_ones_own_moves_on_record(home):
    """An alias is set, moved from where it was seen, refused from elsewhere, taken away; every move is listed."""
    first, second = champion(home), home.another().bundle_id
    home("alias", "sample@1", "holiday", "--reason", "for December", "--by", "kim")
    refusal = home.refused("alias", second, "holiday", "--reason", "r", "--expected", "none")
    assert f"sample@holiday is {first} by now, not missing" in refusal
    home("alias", "sample@2", "holiday", "--reason", "better", "--expected", "sample@1")
    assert home.document("show", "sample@holiday")["bundle_id"] == second
    home("alias", "sample@2", "holiday", "--reason", "over", "--remove")
    moves = [move for move in home.document("aliases") if move["alias"] == "sample@holiday"]
    assert [(move["bundle_id"], move["by"], move["reason"]) for move in moves] == [
        (None, "operator", "over"),
        (second, "operator", "better"),
        (first, "kim", "for December"),
    ]
    assert "only the ledger moves it" in home.refused("alias", first, "champion", "--reason", "r")


def test_two_bundles_side_by_side(home):
    """What differs is listed, what does not is not; users whose lists change are counted."""
    home.another()
    found = home.document("compare", "sample@1", "sample@2")
    assert list(found["differs"]) == ["params regularisation"]
    assert found["differs"]["params regularisation"] == [250.0, 900.0]
    assert found["paired"] is None
    assert "was not kept" in found["note"]
    assert found["lists"]["users"] == 200
    assert found["lists"]["shared"] < 0.5
    same = home.document("compare", "sample@1", "sample@1")
    assert (same["differs"], same["lists"]["shared"], same["lists"]["come"]) == ({}, 1.0, [])
    assert {gap["estimate"] for gap in same["paired"].values()} == {0.0}
    assert "On the same 1,091 users" in same["note"]
    assert "params regularisation" in home("compare", "sample@1", "sample@2")


def test_the_card_says_what_the_bundle_says(home):
    """Every figure of the card is one of the bundle's facts, its plots are drawings, and it needs nothing beside it."""
    written = home.document("card", "sample@champion")
    page = Path(written["html"]).read_text()
    facts = read_manifest(home.models / champion(home)).facts
    for name, value in facts["evaluation"].items():
        if isinstance(value, dict):
            assert f"{value['estimate']:.4f}" in page, name
    for baseline in facts["judged"]["baselines"].values():
        assert f"{baseline['metrics']['ndcg@10']['estimate']:.4f}" in page
    assert f"{facts['judged']['users']:,}" in page
    assert page.count("<svg") == 5
    assert not re.search(r'(src|href)="?https?:|<script|<link|@import|url\(http', page)
    weakest = min(facts["judged"]["segments"]["candidate"], key=lambda one: one["value"]["estimate"])
    assert f"users with {weakest['label']} films in their history" in page
    hardest = min(facts["judged"]["films"]["candidate"], key=lambda one: one["value"]["estimate"])
    assert f"Of all kinds of films it finds least of “{hardest['label']}”" in page
    assert all(f"{one['label']} ({one['users']:,})" in page for one in facts["judged"]["films"]["candidate"])
    markdown = Path(written["markdown"]).read_text()
    drawings = re.findall(r"<svg.*?</svg>", markdown, re.DOTALL)
    assert len(drawings) == 5
    for drawing in drawings:
        ET.fromstring(drawing)
        assert "var(--" not in drawing
        assert "currentColor" not in drawing
        # A blank line would end the drawing for a reader of Markdown.
        assert "\n\n" not in drawing
    assert f"| nDCG@10 | {facts['evaluation']['ndcg@10']['estimate']:.4f}" in markdown


def test_a_bundle_that_says_little_or_nonsense_has_a_card_all_the_same(home):
    """What a manifest lacks, or says in another shape, is left out of its card; names in it are only text."""
    platform = Platform(Workspace(home.path, "sample"), PlatformConfig())
    first = read_bundle(home.models / champion(home), trust=platform.keys.trust)
    for number, said in enumerate(
        (
            {},
            {"judged": {"metric": "ndcg@10"}, "evaluation": {"ndcg@10": 0.25}},
            {"judged": 3, "evaluation": [], "lake_versions": "none", "packages": 3, "dataset": ["x"]},
            {"recipe": "<script>alert(1)</script>| **x**", "dataset": "sample", "lake_versions": {"interactions": 99}},
        )
    ):
        facts = {**said, "number": number}
        signer = platform.keys.signer()
        made = write_bundle(home.models, model=first.recommender, movie_ids=first.movie_ids, facts=facts, signer=signer)
        written = home.document("card", made.bundle_id)
        assert "<script>alert" not in Path(written["html"]).read_text()
        assert "<script>alert" not in Path(written["markdown"]).read_text()
    platform.close()


def test_an_export_comes_in_elsewhere_once_its_key_is_trusted(home, finished, tmp_path, capsys):
    """Promise P8: from one home to another: refused by the unknown key, brought in once it is trusted, and promoted."""
    bundle = home.another()
    archive = tmp_path / "out" / "one.tar"
    first = home.document("export", bundle.bundle_id, "-o", str(archive))
    again = home.document("export", bundle.bundle_id, "-o", str(archive))
    assert first == again
    (tmp_path / "elsewhere").mkdir()
    other = Home(copied(finished, tmp_path / "elsewhere").home, capsys)
    shutil.rmtree(other.path / "data" / "keys")
    other("keys", "new")
    other("sign", "sample@1", "--reason", "the tests know it")
    assert "not trusted here" in other.refused("import", str(archive), "--reason", "a test")
    assert len(other.document("list")) == 1
    public_key = home.document("keys", "list")[0]["public_key"]
    other("keys", "trust", public_key, "--note", "the other home")
    assert other.document("import", str(archive), "--reason", "a test") == {
        "bundle": bundle.bundle_id,
        "label": "sample@2",
        "new": True,
    }
    assert other.document("import", str(archive), "--reason", "a test")["new"] is False
    [act] = other.document("show", "sample@2")["registry"]["acts"]
    assert (act["act"], act["reason"]) == ("imported", "a test")
    assert (other.path / "reports" / "sample" / f"card-{bundle.bundle_id}.html").exists()
    other.release("promote", "sample@2", "--reason", "r")


def test_clearing_away_keeps_what_may_be_needed(home, monkeypatch):
    """What serves, has an alias, served lately or would be rolled back to stays; the rest goes, its manifest kept."""
    first = champion(home)
    bundles = [home.another(regularisation=number).bundle_id for number in (300.0, 400.0, 500.0)]
    for reference in ("sample@2", "sample@3"):
        home.release("promote", reference, "--reason", "r")
    (home.models / ".unfinished-killed").mkdir()
    (home.models / ".unfinished-killed" / "x.npy").write_bytes(bytes(1000))
    plan = home.document("gc", "--dry-run")
    kept = {fate["bundle_id"]: fate["kept"] for fate in plan["kept"]}
    assert kept == {
        first: ["served within 30 days"],
        bundles[0]: ["what a roll-back brings back", "served within 30 days"],
        bundles[1]: ["champion"],
        bundles[2]: ["alias candidate"],
    }
    assert [fate["bundle_id"] for fate in plan["gone"]] == [".unfinished-killed"]
    later = clock.now() + timedelta(days=31)
    monkeypatch.setattr(clock, "now", lambda: later)
    plan = home.document("gc", "--dry-run")
    assert [fate["bundle_id"] for fate in plan["gone"]] == [".unfinished-killed", first]
    assert (home.models / first).exists()
    done = home.document("gc")
    assert (done["gone"], done["bytes"]) == (plan["gone"], plan["bytes"])
    assert sorted(path.name for path in home.models.iterdir() if path.name != ".lock") == sorted(bundles)
    assert "is not there any more" in home.refused("show", "sample@1")
    platform = Platform(Workspace(home.path, "sample"), PlatformConfig())
    manifest = platform.registry.manifest(first)
    assert manifest is not None
    assert [act.act for act in platform.registry.acts(first)] == ["removed"]
    platform.close()
    home.release("rollback", "--reason", "r")
    assert champion(home) == bundles[0]


def test_a_bundle_released_while_it_is_cleared_away_comes_back(home, monkeypatch):
    """Promise P9: somebody names a bundle in the moment in which it goes: it is put back."""
    from movie_mlops.flows import bundle_care  # noqa: PLC0415 - what it asks is replaced

    home.another(regularisation=300.0)
    lost = home.another(regularisation=400.0).bundle_id
    home("alias", "sample@2", "candidate", "--reason", "r")
    platform = Platform(Workspace(home.path, "sample"), PlatformConfig())
    asked = bundle_care._needed

    def late(platform, keep_days):
        needed = asked(platform, keep_days)
        return needed if (home.models / lost).exists() else {**needed, lost: ["named just now"]}

    monkeypatch.setattr(bundle_care, "_needed", late)
    assert bundle_care.collect(platform, by="tests") == []
    assert read_bundle(home.models / lost, trust=platform.keys.trust).bundle_id == lost
    platform.close()


def test_a_bundle_from_before_signatures_needs_somebody_who_vouches_for_it(home):
    """Promise P8: an unsigned bundle is listed, and used by nothing until somebody signs it."""
    bundle = home.another(signed=False).bundle_id
    [_, row] = home.document("list")
    assert "is not signed" in row["problem"]
    for words in (["card", bundle], ["export", bundle, "-o", str(home.path / "x.tar")], ["compare", bundle, bundle]):
        assert f"movie-mlops models sign {bundle} --reason" in home.refused(*words)
    assert main(["models", "verify", bundle, "--home", str(home.path)]) == 1
    assert main(["release", "promote", bundle, "--reason", "r", "--home", str(home.path)]) == 1
    home("sign", bundle, "--reason", "its run is in our log", "--by", "kim")
    home("verify", bundle)
    [act] = home.document("show", bundle)["registry"]["acts"]
    assert (act["act"], act["by"], act["reason"]) == ("signed", "kim", "its run is in our log")


def test_a_damaged_bundle_cannot_be_signed(home):
    """Promise P8: nobody vouches for bytes that are not what the manifest says."""
    weights = home.models / champion(home) / "weights.npy"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert "weights.npy has other bytes" in home.refused("sign", "sample@1", "--reason", "r")


def test_a_revoked_key_takes_its_bundles_out_of_use(home):
    """Promise P8: keys are followed by new ones, and a key that is lost takes its bundles with it until signed anew."""
    [key] = home.document("keys", "list")
    made = home.document("keys", "new")
    assert made["retired"] == key["key"]
    home("verify")
    home("keys", "revoke", key["key"], "--note", "a laptop was stolen")
    assert "was revoked (a laptop was stolen)" in home.refused("card", "sample@1")
    home("sign", "sample@1", "--reason", "we know it")
    home("verify")
    assert home.document("show", "sample@1")["registry"]["signed_by"] == made["key"]
    assert [key["standing"] for key in home.document("keys", "list")] == ["revoked", "trusted"]


def test_a_lost_state_is_found_again_in_the_folders(home):
    """The registry is made again from the bundles: each has a version, in the order in which they were written."""
    bundles = [champion(home), *(home.another(regularisation=n).bundle_id for n in (300.0, 400.0))]
    for number, bundle in enumerate(bundles):
        os.utime(home.models / bundle / "manifest.json", (1_700_000_000 + number, 1_700_000_000 + number))
    for file in (home.path / "data" / "state").glob("sample.db*"):
        file.unlink()
    rows = home.document("list")
    assert [(row["bundle"], row["version"]) for row in rows] == [(bundle, n) for n, bundle in enumerate(bundles, 1)]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # MLflow's own use of SQLAlchemy
def test_mlflow_sees_every_bundle(home):
    """MLflow's own client finds each bundle as a model version, with its run, its tags and its aliases."""
    from mlflow.tracking import MlflowClient  # noqa: PLC0415 - takes a second

    address = f"sqlite:///{home.path / 'experiments' / 'mlflow.db'}"
    client = MlflowClient(address, registry_uri=address)
    version = client.get_model_version_by_alias("sample", "champion")
    assert (version.version, version.tags["version"]) in {("1", "sample@1"), (1, "sample@1")}
    assert version.tags["bundle_id"] == champion(home)
    assert Path(version.source.removeprefix("file://")).name == champion(home)
    run = client.get_run(version.run_id)
    assert run.data.tags["bundle_id"] == champion(home)
    assert set(client.get_registered_model("sample").aliases) == {"candidate", "champion"}
