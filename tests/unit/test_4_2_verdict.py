"""The verdict for people and programs: text, JSON, Markdown and a page; and what the code gate can know."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from movie_mlops.release import GateConfig, GateError, Verdict, to_markdown, write_page
from movie_mlops.release.gates import BehaviourGate, BehaviourTest, Check, CodeGate, DataGate, Part, judge_code

QUALITY = Check("beats-popular", passed=True, estimate=0.1, low=0.05, high=0.15, sentence="It is better.")
SEGMENTS = Check(
    "segments",
    passed=False,
    estimate=-0.4,
    low=-0.5,
    high=-0.3,
    sentence="Worse for <westerns> | and *others*.",
    limit=-0.1,
    parts=(Part("genre: Western", False, -0.4, -0.5, -0.3, 80), Part("genre: Opera", True, count=3)),
)
DATA = Check("contract", passed=True, estimate=0.0, low=None, high=None, sentence="Nothing refused.", gate="data")
NOTE = Check("latency", passed=True, estimate=None, low=None, high=None, sentence="Not measured.", judged=False)
VERDICT = Verdict(
    "ease", "time", "ndcg@10", 0.2, 1234, (), bundle_id=f"ease-{1:012x}", judged_at="2026-03-10T12:00:00Z"
).plus([QUALITY, SEGMENTS, NOTE, DATA])


def test_one_check_in_the_way_is_enough_and_data_comes_first() -> None:
    """A verdict passes where every check does; checks are ordered data, model, code."""
    assert not VERDICT.passed
    assert [check.name for check in VERDICT.checks] == ["contract", "beats-popular", "segments", "latency"]
    assert VERDICT.failed == (SEGMENTS,)
    assert replace(VERDICT, checks=(QUALITY, NOTE)).passed


def test_what_was_written_is_what_is_read() -> None:
    """JSON holds all of a verdict; a value that is not a number is null there."""
    assert Verdict.from_json(json.loads(json.dumps(VERDICT.to_json(), allow_nan=False))) == VERDICT
    broken = replace(VERDICT, checks=(replace(QUALITY, estimate=float("nan")),))
    assert json.loads(json.dumps(broken.to_json(), allow_nan=False))["checks"][0]["estimate"] is None


def test_the_text_has_a_word_for_each_check() -> None:
    """Passed, failed and not judged stand before the sentence."""
    assert VERDICT.to_text().splitlines() == [
        "ease does not pass the gate: ndcg@10 0.2000 on 1,234 users of time.",
        "  pass  Nothing refused.",
        "  pass  It is better.",
        "  FAIL  Worse for <westerns> | and *others*.",
        "  note  Not measured.",
    ]


def test_markdown_for_a_pull_request_begins_with_what_fails() -> None:
    """The heading, then what stands in the way, then a table for each gate; a sentence cannot break the table."""
    lines = to_markdown(VERDICT).splitlines()
    assert lines[0] == "## ❌ ease does not pass the gate: ndcg@10 0.2000 on 1,234 users of time."
    assert lines[4] == r"- ❌ **segments**: Worse for \<westerns\> \| and \*others\*."
    assert r"| ❌ | segments | Worse for \<westerns\> \| and \*others\*. |" in lines
    assert "<details><summary>Model: 1 passed, 1 failed, 1 not judged</summary>" in lines


def test_the_page_is_one_file_that_asks_nobody_for_anything(tmp_path: Path) -> None:
    """The page has verdict, sentences and plots; names are escaped; no script, no address."""
    write_page(tmp_path / "gate.html", VERDICT, dataset="sample", command="movie-mlops release gate")
    html = (tmp_path / "gate.html").read_text()
    assert "<span>ease</span> is refused." in html
    assert "&lt;westerns&gt;" in html
    assert "<westerns>" not in html
    assert html.count("<svg") == 2
    assert "genre: Western" in html
    assert "<script" not in html
    assert "http" not in html


@pytest.mark.parametrize(
    ("commit", "production", "word"),
    [
        ("0123456789abcdef", True, "pass"),
        ("0123456789abcdef+changes", False, "note"),
        ("0123456789abcdef+changes", True, "FAIL"),
        (None, True, "note"),
    ],
)
def test_uncommitted_code_is_refused_in_production(commit: str | None, production: bool, word: str) -> None:
    """Changes that are not committed are told, and in production refused; outside git nobody knows."""
    [check] = judge_code(commit, {}, None, CodeGate(production=production))
    assert check.word == word
    assert check.gate == "code"


@pytest.mark.parametrize(
    ("packages", "production", "word"),
    [
        ({"numpy": "2.5.5", "Sci_Py": "1.18.1", "movie-mlops": "0.1.0"}, True, "pass"),
        ({"numpy": "2.4.6"}, True, "pass"),
        ({"numpy": "2.3.0"}, False, "note"),
        ({"numpy": "2.3.0"}, True, "FAIL"),
    ],
)
def test_libraries_are_held_against_the_lock(
    tmp_path: Path, packages: dict[str, str], production: bool, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another version than any that the lock names is told with both, and in production refused."""
    monkeypatch.setattr("movie_mlops.release.gates.codebase._standard", lambda *_: DATA)
    (tmp_path / "requirements.txt").write_text(
        "numpy==2.4.6 ; python_full_version < '3.12' \\\n    --hash=sha256:00\n"
        "numpy==2.5.5 ; python_full_version >= '3.12'\n"
        "sci-py==1.18.1 \\\n    --hash=sha256:11\n"
    )
    check = judge_code(None, packages, tmp_path, CodeGate(production=production))[1]
    assert (check.name, check.word) == ("locked-libraries", word)
    assert word == "pass" or "numpy 2.3.0 instead of 2.4.6 or 2.5.5" in check.sentence


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"max_drop": 1.5}, "max_drop is 1.5, which is no share"),
        ({"data": DataGate(max_refused_for={"user-missing": -0.1})}, "data.max_refused_for.user-missing is -0.1"),
        ({"data": DataGate(max_shift={"weather": 0.1})}, "data.max_shift knows no 'weather'"),
        ({"behaviour": BehaviourGate(tests=(BehaviourTest("x", "adding-a-like"),))}, "'x' adds a like of no genre"),
    ],
)
def test_a_gate_that_makes_no_sense_is_refused(change: dict[str, object], told: str) -> None:
    """A share above one, a shift of what is not compared, a like of no genre: named before anything runs."""
    with pytest.raises(GateError, match=told):
        GateConfig(**change)  # type: ignore[arg-type]
