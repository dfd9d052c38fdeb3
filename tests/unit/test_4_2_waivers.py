"""Waivers: signed, dated, for one check of one candidate; whatever is otherwise waives nothing and says why."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from movie_mlops.release import (
    KeyRefusedError,
    SigningKey,
    Verdict,
    Waiver,
    WaiverError,
    apply_waivers,
    make_waiver,
    read_waivers,
    sign_waiver,
    write_key,
    write_waiver,
)
from movie_mlops.release.gates import Check, WaiverRules

TODAY = date(2026, 3, 10)
BUNDLE = f"ease-{7:012x}"
FAILED = Check("memory", passed=False, estimate=9.0, low=None, high=None, sentence="It holds 9 MiB.")
WHOLE = Check(
    "bundle-whole", passed=False, estimate=None, low=None, high=None, sentence="It was altered.", waivable=False
)
GOOD = Check("latency", passed=True, estimate=1.0, low=None, high=None, sentence="It is quick.")


def verdict(*checks: Check) -> Verdict:
    return Verdict("ease", "time", "ndcg@10", 0.2, 100, checks, bundle_id=BUNDLE, judged_at="2026-03-10T00:00:00Z")


def contents(**changes: Any) -> dict[str, Any]:
    plain = {
        "check": "memory",
        "bundle": BUNDLE,
        "reason": "The large machine is ordered.",
        "who": "kim",
        "made": date(2026, 3, 1),
        "until": date(2026, 3, 20),
    }
    return {**plain, **changes}


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    write_key(tmp_path / "kim.pem")
    return tmp_path / "kim.pem"


@pytest.fixture
def rules(key_file: Path) -> WaiverRules:
    return WaiverRules(operators={"kim": read_key(key_file).public_key})


def read_key(path: Path) -> SigningKey:
    return SigningKey.read(path, next_step="Make one.")


def signed(key_file: Path, rules: WaiverRules, **changes: Any) -> Waiver:
    return sign_waiver(make_waiver(**contents(**changes)), read_key(key_file), rules)


def test_a_signed_waiver_lets_its_check_pass_and_is_in_the_verdict(key_file: Path, rules: WaiverRules) -> None:
    """The check still failed; who waived it, why and until when stands beside it, as text and as data."""
    judged = apply_waivers(verdict(FAILED, GOOD), [signed(key_file, rules)], rules, TODAY)
    assert judged.passed
    assert [check.word for check in judged.checks] == ["waived", "pass"]
    assert "Waived by kim until 2026-03-20: The large machine is ordered." in judged.to_text()
    assert judged.to_text().startswith("ease passes the gate, with 1 waived: ")
    waiver = judged.to_json()["checks"][0]["waiver"]
    assert (waiver["who"], waiver["until"]) == ("kim", "2026-03-20")


def test_a_waiver_may_be_for_a_recipe_and_a_metric(key_file: Path, rules: WaiverRules) -> None:
    """It then counts for every candidate of the recipe that is judged on the metric, and for no other metric."""
    for metric, passes in (("ndcg@10", True), ("recall@10", False)):
        waiver = signed(key_file, rules, bundle=None, model="ease", metric=metric)
        assert apply_waivers(verdict(FAILED), [waiver], rules, TODAY).passed is passes


@pytest.mark.parametrize(
    ("changes", "today", "told"),
    [
        ({}, date(2026, 3, 21), "it ended on 2026-03-20"),
        ({}, date(2026, 2, 28), "it was signed for 2026-03-01"),
        ({"bundle": f"ease-{8:012x}"}, TODAY, "it is for another candidate, ease-000000000008"),
    ],
)
def test_a_waiver_of_another_time_or_candidate_does_not_count(
    key_file: Path, rules: WaiverRules, changes: dict[str, Any], today: date, told: str
) -> None:
    """Past its last day, before its first, or for another bundle: refused, and the verdict says why."""
    judged = apply_waivers(verdict(FAILED), [signed(key_file, rules, **changes)], rules, today)
    assert not judged.passed
    [reason] = judged.refused_waivers
    assert told in reason
    assert told in judged.to_text()


@pytest.mark.parametrize(
    "change",
    [
        {"reason": "Because."},
        {"until": date(2026, 3, 29)},
        {"signature": "AAAA"},
        {"signature": ""},
        {"signature": "not base64!"},
    ],
)
def test_an_altered_waiver_does_not_count(key_file: Path, rules: WaiverRules, change: dict[str, Any]) -> None:
    """Whatever is changed after it was signed, the signature does not fit any more."""
    altered = signed(key_file, rules).model_copy(update=change)
    judged = apply_waivers(verdict(FAILED), [altered], rules, TODAY)
    assert not judged.passed
    assert "it was altered, or somebody else signed it" in judged.refused_waivers[0]


def test_nobody_but_a_known_operator_waives(key_file: Path, rules: WaiverRules, tmp_path: Path) -> None:
    """A stranger's key signs nothing in kim's name, and an operator who was removed waives nothing any more."""
    write_key(tmp_path / "stranger.pem")
    stranger = read_key(tmp_path / "stranger.pem")
    with pytest.raises(WaiverError, match=r"not the key that config/gates\.yaml has for 'kim'"):
        sign_waiver(make_waiver(**contents()), stranger, rules)
    judged = apply_waivers(verdict(FAILED), [signed(key_file, rules)], WaiverRules(), TODAY)
    assert "knows no operator 'kim'" in judged.refused_waivers[0]


def test_a_waiver_cannot_be_for_long(key_file: Path, rules: WaiverRules) -> None:
    """Beyond the longest time nothing is signed; and what was signed counts no more when the rule is tightened."""
    with pytest.raises(WaiverError, match="it is for 31 days, and 30 are allowed"):
        signed(key_file, rules, until=date(2026, 4, 1))
    tight = WaiverRules(longest_days=7, operators=rules.operators)
    judged = apply_waivers(verdict(FAILED), [signed(key_file, rules)], tight, TODAY)
    assert "it is for 19 days, and 7 are allowed" in judged.refused_waivers[0]


def test_some_checks_are_waived_by_nobody(key_file: Path, rules: WaiverRules) -> None:
    """A bundle that was altered stays refused, whoever signs."""
    judged = apply_waivers(verdict(WHOLE), [signed(key_file, rules, check="bundle-whole")], rules, TODAY)
    assert not judged.passed
    assert judged.refused_waivers == ("The waiver of bundle-whole by kim does not count: nobody may waive this check.",)


def test_a_waiver_for_what_passes_changes_nothing(key_file: Path, rules: WaiverRules) -> None:
    """Nothing is said of a waiver that nobody needs."""
    judged = apply_waivers(verdict(GOOD), [signed(key_file, rules, check="latency")], rules, TODAY)
    assert judged == verdict(GOOD)


def test_waivers_are_files_that_survive_the_disk(key_file: Path, rules: WaiverRules, tmp_path: Path) -> None:
    """What was written is read again and counts; a file that is no waiver waives nothing and is named."""
    folder = tmp_path / "waivers"
    assert read_waivers(folder) == ()
    path = write_waiver(folder, signed(key_file, rules))
    (folder / "other.json").write_text('{"check": "memory"}')
    judged = apply_waivers(verdict(FAILED), read_waivers(folder), rules, TODAY)
    assert judged.passed
    assert judged.refused_waivers[0].startswith("The waiver other.json is none: ")
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "until": "2027-01-01"}))
    assert not apply_waivers(verdict(FAILED), read_waivers(folder), rules, TODAY).passed


@pytest.mark.parametrize("missing", [{"bundle": None}, {"model": "ease", "metric": "x"}, {"reason": ""}, {"who": ""}])
def test_a_waiver_names_its_candidate_its_reason_and_who(missing: dict[str, Any]) -> None:
    """Without a candidate, with two, without a reason or a name there is no waiver."""
    with pytest.raises(WaiverError, match="There can be no such waiver"):
        make_waiver(**contents(**missing))


def test_a_private_key_is_its_owners_and_is_never_overwritten(tmp_path: Path) -> None:
    """Nobody else can read the file; a key that is there stays, and what is none is refused."""
    assert write_key(tmp_path / "kim.pem")
    assert (tmp_path / "kim.pem").stat().st_mode & 0o077 == 0
    first = (tmp_path / "kim.pem").read_bytes()
    assert not write_key(tmp_path / "kim.pem")
    assert (tmp_path / "kim.pem").read_bytes() == first
    (tmp_path / "text.pem").write_text("hello")
    for name in ("text.pem", "absent.pem"):
        with pytest.raises(KeyRefusedError):
            read_key(tmp_path / name)


def test_a_public_key_that_is_none_is_told(key_file: Path, rules: WaiverRules) -> None:
    """A misspelt key in the configuration is an error, not a waiver that silently fails."""
    wrong = WaiverRules(operators={"kim": "abc"})
    with pytest.raises(KeyRefusedError, match="no Ed25519 public key"):
        apply_waivers(verdict(FAILED), [signed(key_file, rules)], wrong, TODAY)
