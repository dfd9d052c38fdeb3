"""The gate as an operator types it: what it said, a refusal, waivers that do not count, and one that does."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from movie_mlops.core import clock
from movie_mlops.release import SigningKey, make_waiver, sign_waiver, write_waiver
from movie_mlops.release.gates import WaiverRules
from tests.fixtures.stage_4.command_line import QUICK, CommandLine, copied

STRICT = {"footprint": {"max_mib": 1.0}}


def test_the_verdict_of_a_release_is_there_in_every_form(finished: CommandLine, tmp_path: Path) -> None:
    """``release gate`` ends with 0 and shows text, JSON, Markdown and a page; the main job wrote the same."""
    home = copied(finished, tmp_path)
    shown = home("release", "gate")
    assert shown.code == 0
    assert " passes the gate: " in shown.out.splitlines()[0]
    document = home("release", "gate", "--json").document
    assert document["passed"]
    assert {check["gate"] for check in document["checks"]} == {"data", "model", "code"}
    reports = home.home / "reports" / "sample"
    assert json.loads((reports / "gate.json").read_text()) == document
    assert home("release", "gate", "--markdown").out.strip() == (reports / "gate.md").read_text().strip()
    assert home("release", "gate", "--html", str(tmp_path / "page.html")).code == 0
    assert (tmp_path / "page.html").read_text() == (reports / "gate.html").read_text()


@pytest.mark.long
def test_judged_again_it_says_the_same(finished: CommandLine, tmp_path: Path) -> None:
    """``release gate --again`` reaches the verdict of the main job and writes nothing; what was measured may differ."""
    home = copied(finished, tmp_path)
    before = home("release", "gate", "--json").document
    again = home("release", "gate", before["bundle_id"], "--again", "--json").document
    steady = [check["name"] for check in before["checks"] if check["name"] not in {"latency", "memory"}]
    said = {check["name"]: check["sentence"] for check in again["checks"]}
    assert {check["name"]: check["sentence"] for check in before["checks"] if check["name"] in steady} == {
        name: said[name] for name in steady
    }
    assert home("release", "gate", "--json").document == before


def test_an_altered_bundle_is_refused_and_can_be_waived_by_nobody(finished: CommandLine, tmp_path: Path) -> None:
    """One byte of the bundle changed: judged again it does not pass, and the sentence names the file."""
    home = copied(finished, tmp_path)
    bundle_id = home("release", "gate", "--json").document["bundle_id"]
    array = next((home.home / "models" / "sample" / bundle_id).glob("*.npy"))
    content = bytearray(array.read_bytes())
    content[-1] ^= 1
    array.write_bytes(content)
    judged = home("release", "gate", bundle_id, "--again", "--json")
    assert judged.code == 1
    [check] = [check for check in judged.document["checks"] if not check["passed"]]
    assert (check["name"], check["waivable"]) == ("bundle-whole", False)
    assert array.name in check["sentence"]


def test_who_is_no_operator_waives_nothing(finished: CommandLine, tmp_path: Path) -> None:
    """A waiver by somebody whom the configuration does not know is not even signed; a key is its owner's alone."""
    home = copied(finished, tmp_path).configured()
    assert home("release", "operator", "kim").out.startswith("# config/gates.yaml; ")
    assert (home.home / "data" / "keys" / "operators" / "kim.pem").stat().st_mode & 0o077 == 0
    done = home("release", "waive", "memory", "--reason", "x", "--until", "2099-01-01", "--who", "kim")
    assert done.code == 1
    assert "not the key that config/gates.yaml has for 'kim'" in done.err
    assert not (home.config / "waivers").exists()
    assert "cannot be the name of an operator" in home("release", "operator", "../kim").err


def test_a_waiver_is_for_a_check_and_a_candidate_that_there_are(finished: CommandLine, tmp_path: Path) -> None:
    """A misspelt check, and one that nobody may waive, are refused when a waiver is signed; a bundle may be named by
    its version, and the waiver holds its id, so that it counts.
    """  # noqa: D205 - one story
    home = copied(finished, tmp_path)
    key = tmp_path / "kim.pem"
    public = home("release", "operator", "kim", "--key", str(key), "--json").document["public_key"]
    home = home.configured(gate={"waivers": {"operators": {"kim": public}}})
    until = (clock.now().date() + timedelta(days=3)).isoformat()
    words = ("--reason", "x", "--who", "kim", "--key", str(key), "--until", until)
    for check, told in (
        ("memry", "There is no check 'memry' in the verdict of ease-"),
        ("memry", "Did you mean 'memory'?"),
        ("bundle-whole", "Nobody may waive 'bundle-whole'."),
    ):
        done = home("release", "waive", check, *words)
        assert (done.code, told in done.err) == (1, True), done.err
    assert (
        "'sample' has no version or alias '9'" in home("release", "waive", "memory", "--bundle", "sample@9", *words).err
    )
    done = home("release", "waive", "memory", "--bundle", "sample@1", *words, "--json")
    (file,) = (home.config / "waivers").iterdir()
    assert done.document == {"file": str(file)}
    assert json.loads(file.read_text())["bundle"] == home("release", "status", "--json").document["bundle_id"]


@pytest.mark.long
def test_a_refused_candidate_is_released_by_a_waiver_that_counts(finished: CommandLine, tmp_path: Path) -> None:
    """A candidate that is too large is refused and the champion goes on; so it stays with a waiver past its date, an
    altered one and one for another candidate, each with the reason; a signed one releases it, and the ledger says so.
    """  # noqa: D205 - one story
    home = copied(finished, tmp_path)
    serving = home("release", "status", "--json").document["bundle_id"]
    key = tmp_path / "kim.pem"
    public = home("release", "operator", "kim", "--key", str(key), "--json").document["public_key"]
    recipes = [
        {**recipe, "params": {"regularisation": 240}} if recipe["name"] == "ease" else recipe
        for recipe in QUICK["recipes"]
    ]  # type: ignore[dict-item]
    home = home.configured(recipes=recipes, gate={**STRICT, "waivers": {"operators": {"kim": public}}})
    assert public == SigningKey.read(key, next_step="-").public_key

    refused = home("run", "--json")
    candidate = refused.document["gate"]["bundle_id"]
    assert candidate != serving
    assert refused.code == 1
    assert "MiB at most (1 MiB allowed)" in refused.document["error"]["problem"]
    assert home("release", "gate").code == 1

    today, rules = clock.now().date(), WaiverRules(operators={"kim": public})
    plain = {"check": "memory", "bundle": candidate, "model": None, "metric": None, "reason": "More is ordered."}
    past = make_waiver(**plain, who="kim", made=today - timedelta(days=9), until=today - timedelta(days=1))
    file = write_waiver(home.config / "waivers", sign_waiver(past, SigningKey.read(key, next_step="-"), rules))
    told = [f"it ended on {past.until}", "it was altered", "it is for another candidate"]
    for reason in told:
        done = home("run", "--json")
        assert done.code == 1
        assert reason in done.document["gate"]["refused_waivers"][0]
        assert done.document["release"]["serving"] == serving
        document = json.loads(file.read_text())
        file.write_text(
            json.dumps({**document, **({"until": str(today)} if reason == told[0] else {"bundle": serving})})
        )

    file.unlink()
    words = (
        "--reason",
        "More is ordered.",
        "--who",
        "kim",
        "--key",
        str(key),
        "--until",
        str(today + timedelta(days=3)),
    )
    assert home("release", "waive", "memory", *words).code == 0
    done = home("run", "--json")
    assert done.code == 0
    assert done.document["release"]["serving"] == candidate
    status = home("release", "status", "--json").document
    assert f"Waived by kim until {today + timedelta(days=3)}: More is ordered." in status["reason"]
    assert home("release", "gate").out.splitlines()[0].startswith("ease passes the gate, with 1 waived: ")
    # The waiver ends, and what it released stays released.
    assert home("run").code == 0
