"""Which commit messages are taken, and what is said of the others."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

SCRIPT = REPOSITORY / "scripts" / "validate_commit_message.sh"


def judged(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    (folder / "message").write_text(text, encoding="utf-8")
    return subprocess.run(
        [SCRIPT, folder / "message"], cwd=folder, capture_output=True, text=True, encoding="utf-8", check=False
    )


@pytest.mark.parametrize(
    "text",
    [
        "feat(lake): vacuum keeps what a bundle needs\n",
        "feat(lake)!: another place for every table\n\nMove them with 'lake move'.\n",
        "fix: nothing is half-written\n\nWhy so.\n",
        "perf(standard,cli): names are matched only where they fit",
        "refactor(ingest, lake): a module for each concept\n",
        "docs: 한국어 안내\n",
        "# a comment of the template\n\nchore: less\n# On branch main\n# --------- >8 ---------\ndiff --git\n",
        "Merge branch 'standard'\n",
        'Revert "feat: too early"\n\nThis reverts commit 1.\n',
        "fixup! feat: later\n",
        "# only comments: git itself refuses what is empty\n",
    ],
)
def test_a_conventional_message_is_taken(tmp_path: Path, text: str) -> None:
    """A type, perhaps scopes, a colon and what it does; what git itself writes; comments do not count."""
    done = judged(tmp_path, text)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("vacuum keeps what a bundle needs\n", "It should begin with a type"),
        ("feature(lake): vacuum\n", "Types: build, chore, ci, docs, feat, fix,"),
        ("Feat: vacuum\n", "It should begin with a type"),
        ("feat (lake): vacuum\n", "It should begin with a type"),
        ("feat:vacuum\n", "It should begin with a type"),
        ("feat(): vacuum\n", "It should begin with a type"),
        ("feat(lake,  ingest): vacuum\n", "It should begin with a type"),
        ("feat: vacuum.\n", "no full stop at its end"),
        ("feat: vacuum\nand more\n", "The second line should be empty"),
        (f"feat: {'v' * 145}\n", "has 151 characters; 150 are the most"),
        ("Merged branch\n", "It should begin with a type"),
    ],
)
def test_any_other_message_is_refused_with_the_reason(tmp_path: Path, text: str, said: str) -> None:
    """What is wrong is said with the line itself, and how to get the text back that was written."""
    done = judged(tmp_path, text)
    assert done.returncode == 1
    assert f"The commit message says: {text.splitlines()[0]}\n" in done.stderr
    assert said in done.stderr
    assert "git commit --edit --file=" in done.stderr


def test_wrong_usage_is_no_verdict(tmp_path: Path) -> None:
    """Without a file or a range, or with one that is not there, the exit code is another than that of a refusal."""
    for words in ([], ["a", "b"], ["nowhere"], ["--rang"], ["--range"], ["--range", "HEAD"], ["--range", "a..b"]):
        assert subprocess.run([SCRIPT, *words], cwd=tmp_path, capture_output=True, check=False).returncode == 2


def committed(folder: Path, *messages: str) -> subprocess.CompletedProcess[str]:
    """Judge the commits of a branch, one for each message, on a base whose own message is wrong."""
    who = {f"GIT_{who}_{what}": "a@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}

    def git(*words: str) -> None:
        subprocess.run(["git", *words], cwd=folder, env={"PATH": os.defpath, "HOME": str(folder), **who}, check=True)

    git("init", "--quiet", "--initial-branch=main")
    git("commit", "--quiet", "--allow-empty", "--message", "before all rules")
    git("switch", "--quiet", "--create", "docs/words")
    for message in messages:
        git("commit", "--quiet", "--allow-empty", "--message", message)
    git("switch", "--quiet", "main")
    git("commit", "--quiet", "--allow-empty", "--message", "docs: elsewhere")
    git("switch", "--quiet", "docs/words")
    git("merge", "--quiet", "--no-ff", "--message", "whatever a merge says", "main")
    words = [SCRIPT, "--range", "main..docs/words"]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)


def test_a_range_of_good_commits_is_taken(tmp_path: Path) -> None:
    """Every commit of a branch is judged: not those of its base, and no merge."""
    done = committed(tmp_path, "docs: words", "fix(docs)!: other words\n\nWhy so.")
    assert (done.returncode, done.stderr) == (0, "2 commits, 0 refused.\n")


def test_a_range_names_each_commit_that_is_wrong(tmp_path: Path) -> None:
    """Each bad commit is told with its reason, and so is one that was to be joined to another before."""
    done = committed(tmp_path, "docs: words", "more words", "fixup! docs: words", "docs: words.")
    assert done.returncode == 1
    told = done.stderr.splitlines()
    assert [line.partition(" ")[2] for line in told[0:6:2]] == ["more words", "fixup! docs: words", "docs: words."]
    assert "begin with a type" in told[1]
    assert "git rebase --autosquash" in told[3]
    assert "no full stop" in told[5]
    assert told[6:] == ["4 commits, 3 refused.", "Reword them: git rebase --interactive main"]
