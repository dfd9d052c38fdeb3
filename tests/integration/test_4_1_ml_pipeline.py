"""``run_ml_pipeline.sh`` with a stand-in for the main job: what it is asked, what is kept, what is answered."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

# Does what 'movie-mlops run' does to the outside: makes a report and a bundle, writes the summary, prints JSON.
MAIN_JOB = """\
#!/bin/sh
echo "$*" >> "$CALLS"
[ "$ANSWERS" != 3 ] || { echo "error: no" >&2; exit 1; }
mkdir -p "$5/models/d/ease-1" "$5/reports/d"
echo report > "$5/reports/d/evaluation.html"
echo '{}' > "$5/models/d/ease-1/manifest.json"
echo '## d: ease' >> "$7"
echo "{\\"dataset\\": \\"d\\", \\"report\\": \\"$5/reports/d/evaluation.html\\",
 \\"steps\\": [{\\"name\\": \\"train\\", \\"result\\": {\\"bundle_id\\": \\"ease-1\\"}}]}"
exit $ANSWERS
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    root = tmp_path / "checkout"
    (root / "scripts" / "setup").mkdir(parents=True)
    (root / ".venv" / "bin").mkdir(parents=True)
    shutil.copy2(REPOSITORY / "run_ml_pipeline.sh", root)
    python = f'#!/bin/sh\nexec {sys.executable} "$@"\n'
    programs = {
        "scripts/setup/setup_environment.sh": '#!/bin/sh\necho "set-up $*" >> "$CALLS"\n',
        ".venv/bin/movie-mlops": MAIN_JOB,
        ".venv/bin/python": python,
    }
    for name, text in programs.items():
        (root / name).write_text(text)
        (root / name).chmod(0o755)
    return root


def run(checkout: Path, *options: str, answers: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
    given = {"PATH": os.defpath, "CALLS": str(checkout.parent / "calls"), "ANSWERS": str(answers), **environment}
    words = [checkout / "run_ml_pipeline.sh", *options]
    return subprocess.run(words, env=given, cwd=checkout.parent, capture_output=True, text=True, check=False)


def calls(checkout: Path) -> list[str]:
    file = checkout.parent / "calls"
    return file.read_text().splitlines() if file.exists() else []


@pytest.mark.parametrize("answers", [0, 1])
def test_a_run_is_kept_whatever_the_gate_said(checkout: Path, answers: int) -> None:
    """The report, the bundle and the summary are kept, of a refused model too; the exit code is the main job's."""
    home, out, page = (checkout.parent / name for name in ("home", "out", "page.md"))
    page.write_text("before\n")
    options = ["--source", "file:my ratings.csv", "--home", str(home), "--out", str(out)]
    done = run(checkout, *options, answers=answers, GITHUB_STEP_SUMMARY=str(page))
    assert done.returncode == answers, done.stderr
    assert calls(checkout) == [
        "set-up platform",
        f"run --source file:my ratings.csv --home {home} --summary {out}/summary.md --json",
    ]
    kept = sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file())
    assert kept == ["bundle/manifest.json", "evaluation.html", "run.json", "summary.md"]
    assert json.loads((out / "run.json").read_text())["dataset"] == "d"
    assert page.read_text() == "before\n## d: ease\n"
    # A second run keeps its own, and nothing of the first.
    (out / "bundle" / "old.npy").touch()
    assert run(checkout, *options).returncode == 0
    assert not (out / "bundle" / "old.npy").exists()


def test_a_run_that_broke_keeps_nothing_of_an_earlier_one(checkout: Path) -> None:
    """Where the main job could not be done, its sentence and exit code go through, and no old verdict stays behind."""
    assert run(checkout).returncode == 0
    out = checkout / "reports" / "ml-pipeline"
    assert (out / "summary.md").exists()
    done = run(checkout, answers=3)
    assert (done.returncode, "error: no" in done.stderr) == (1, True)
    assert sorted(path.name for path in out.iterdir()) == ["run.json"]


def test_a_folder_of_something_else_is_not_emptied(checkout: Path) -> None:
    """A mistyped --out keeps its files: one sentence, exit code 2, and nothing is run."""
    (checkout.parent / "photos").mkdir()
    (checkout.parent / "photos" / "cat.png").touch()
    done = run(checkout, "--out", str(checkout.parent / "photos"))
    assert (done.returncode, "has files of something else" in done.stderr, calls(checkout)) == (2, True, [])
    assert (checkout.parent / "photos" / "cat.png").exists()


def test_help_and_wrong_words_run_nothing(checkout: Path) -> None:
    """``--help`` tells the options; a misspelt one, or one without its value, is one sentence and exit code 2."""
    helped = run(checkout, "--help")
    assert (helped.returncode, helped.stdout.startswith("Usage: ./run_ml_pipeline.sh")) == (0, True)
    for words in (["--sauce", "sample"], ["--source"], ["--home", ""]):
        assert run(checkout, *words).returncode == 2
    assert calls(checkout) == []
