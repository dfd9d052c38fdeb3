"""The document of all benchmarks says what the records say, what is missed first."""

import json
from pathlib import Path

import pytest

from movie_mlops.bench import BenchError
from movie_mlops.bench.reference import RECORDS, REFERENCE, reference_text

ROOT = Path(__file__).parents[2]
MACHINE = {"processor": "a processor", "cores": 2, "memory_gib": 4.0, "python": "CPython 3", "load_average_before": 0.5}


def record(folder: Path, name: str, *targets: dict[str, object]) -> None:
    """Write a record as a benchmark does."""
    about = {"benchmark": name, "command": f"movie-mlops bench {name}", "at": "2026-01-02T03:04:05Z"}
    (folder / f"{name}.json").write_text(json.dumps({**about, "machine": MACHINE, "targets": list(targets)}))


def test_the_document_is_that_of_the_records() -> None:
    """Whoever measures again writes it again: it would be written as it stands."""
    written = (ROOT / REFERENCE).read_text("utf-8")
    assert written == reference_text(ROOT / RECORDS), "Write it again: movie-mlops bench reference"


def test_every_aim_is_told_and_what_is_missed_comes_first(tmp_path: Path) -> None:
    """Met and missed, on whichever side of its limit a figure should be, with the interval of its lead."""
    record(
        tmp_path,
        "lists",
        {"what": "seconds", "at_most": 5, "measured": 4.25, "met": True},
        {
            "what": "lead | of all",
            "model": "blend",
            "at_least": 1.1,
            "measured": 1.0549,
            "met": False,
            "difference": {"estimate": 0.01, "low": -0.002, "high": 0.02},
        },
    )
    # As records from before say it.
    record(
        tmp_path,
        "elder",
        {"what": "join", "rival": "another", "limit": 5.0, "measured": 7.5, "met": True},
        {"run": "one row", "limit_ms": 0.05, "measured_ms": 0.06, "met": False},
        {"what": "copies", "limit": 12_000, "measured": 3, "met": True},
    )
    record(tmp_path, "without")
    text = reference_text(tmp_path)
    missed, records = text.split("## The records")
    assert "Of 5 aims 3 are met." in missed
    assert "| `elder.json` | one row | at most 0.05 ms | 0.06 ms |" in missed
    lead = "lead \\| of all, blend | at least 1.1, ahead for certain | 1.055 (-0.002 to +0.02)"
    assert f"| `lists.json` | {lead} |" in missed
    assert "seconds" not in missed
    assert f"| {lead} | **missed** |" in records
    assert "| seconds | at most 5 | 4.25 | met |" in records
    assert "| join, another | at least 5 | 7.5 | met |" in records
    assert "| copies | at most 12,000 | 3 | met |" in records
    assert records.index("`elder.json`") < records.index("`lists.json`") < records.index("`without.json`")
    assert "2026-01-02, a processor, 2 cores, 4 GiB, CPython 3; load average before it: 0.5." in records


@pytest.mark.parametrize("content", [None, "{", "[]", '{"benchmark": "lists", "command": "x", "at": "now"}'])
def test_what_is_no_record_is_refused(tmp_path: Path, content: str | None) -> None:
    """Nothing is left out silently: a folder without records is named, and a file that is none."""
    if content is not None:
        record(tmp_path, "lists")
        (tmp_path / "other.json").write_text(content)
    with pytest.raises(BenchError, match="no record of a benchmark"):
        reference_text(tmp_path)
