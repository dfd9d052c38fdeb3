"""The summary of a run, as the page of a job shows it."""

from pathlib import Path
from typing import Any

from movie_mlops.flows import RunReport, StepReport, to_markdown

MODELS = {
    "popular": {
        "ndcg@10": {"estimate": 0.1, "low": 0.09, "high": 0.11},
        "recall@10": {"estimate": 0.2, "low": 0.19, "high": 0.21},
        "coverage@10": {"estimate": 0.01},
    },
    "ease": {
        "ndcg@10": {"estimate": 0.3, "low": 0.28, "high": 0.32},
        "recall@10": {"estimate": 0.4, "low": 0.39, "high": 0.41},
        "coverage@10": {"estimate": 0.5},
    },
}


def report(*, passed: bool, note: str | None = None, serving: str | None = "ease-1") -> RunReport:
    checks = [{"passed": True, "sentence": "ease beats popular."}, {"passed": passed, "sentence": "a|b\nc"}]
    results: dict[str, dict[str, Any]] = {
        "ingest": {"rows_good": 1234, "rows_read": 1300},
        "evaluate": {"models": MODELS},
        "gate": {"candidate": "ease", "passed": passed, "note": note, "checks": checks},
        "release": {"action": "promoted" if passed else "refused", "serving": serving},
    }
    steps = tuple(StepReport(name, "done", 1.25, 100.0, result) for name, result in results.items())
    return RunReport("sample", Path("report.html"), steps, serving)


def test_the_summary_says_what_was_decided_and_why() -> None:
    """The verdict, each check with its reason, every model with its interval, the best first."""
    assert to_markdown(report(passed=True)) == (
        "## sample: ease passed\n"
        "\n"
        "Release: promoted; `ease-1` serves.\n"
        "\n"
        "| gate | found |\n"
        "|---|---|\n"
        "| pass | ease beats popular. |\n"
        "| pass | a\\|b c |\n"
        "\n"
        "| model | ndcg@10 | recall@10 | coverage@10 |\n"
        "|---|---|---|---|\n"
        "| ease | 0.3000 [0.2800, 0.3200] | 0.4000 [0.3900, 0.4100] | 0.5000 |\n"
        "| popular | 0.1000 [0.0900, 0.1100] | 0.2000 [0.1900, 0.2100] | 0.0100 |\n"
        "\n"
        "1,234 of 1,300 rows are good; 5.0 s in all.\n"
        "\n"
    )


def test_a_refusal_stands_out() -> None:
    """What failed is in bold, what serves on is named, and so is what belongs beside the verdict."""
    told = to_markdown(report(passed=False, note="The champion is lost.", serving=None)).splitlines()
    assert told[0] == "## sample: ease was refused"
    assert told[2] == "Release: refused; nothing serves."
    assert told[4] == "The champion is lost."
    assert "| **FAIL** | a\\|b c |" in told
