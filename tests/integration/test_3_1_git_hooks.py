"""``setup_mlops_git.sh`` in a real repository: real commits and pushes through the hooks that it installs."""

import shutil
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.fixtures.stage_3.clone import Clone

OLD_HOOK = "#!/bin/sh\necho the old hook ran >&2\n"


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    pytest.importorskip("pre_commit")
    return Clone(tmp_path)


def test_commits_and_pushes_go_through_the_hooks(clone: Clone) -> None:
    """A file in the wrong place, a message without a type and a branch without a kind are refused, then taken."""
    assert clone.commit("feat: a beginning").returncode == 0
    clone.git("push", "--quiet", "origin", "main")
    done = clone.set_up()
    assert done.returncode == 0, done.stderr

    refused = clone.commit("feat: containers", **{"docker-compose.yml": "services: {}\n"})
    assert (refused.returncode, "STD203" in refused.stdout + refused.stderr) == (1, True), refused
    clone.git("rm", "--quiet", "--cached", "docker-compose.yml")
    (clone.root / "docker-compose.yml").unlink()

    refused = clone.commit("more words", **{"config/words.txt": "more\n"})
    assert (refused.returncode, "should begin with a type" in refused.stdout + refused.stderr) == (1, True), refused
    assert clone.commit("feat(config): more words").returncode == 0

    clone.git("branch", "My_Branch")
    refused = clone.run("git", "push", "origin", "My_Branch")
    assert (refused.returncode, "STD801" in refused.stdout + refused.stderr) == (1, True), refused
    # It is the name that the others will see that counts, not that of the branch here.
    clone.git("push", "--quiet", "origin", "My_Branch:feature/stage1-more-words")
    assert clone.commit("feat: still more words", **{"config/words.txt": "still more\n"}).returncode == 0
    clone.git("tag", "v1")
    clone.git("push", "--quiet", "origin", "v1")
    assert clone.git("ls-remote", "origin").split()[1::2] == [
        "refs/heads/feature/stage1-more-words",
        "refs/heads/main",
        "refs/tags/v1",
    ]


def test_a_second_time_changes_nothing_and_undo_puts_everything_back(clone: Clone) -> None:
    """Hooks and the template of before run on and come back with --undo; nothing of the user's is touched."""
    (clone.user / ".gitconfig").write_text("[alias]\n\tst = status\n")
    hook = clone.root / ".git" / "hooks" / "pre-commit"
    hook.write_text(OLD_HOOK)
    hook.chmod(0o755)
    clone.git("config", "commit.template", "mine.txt")
    before = clone.state()

    assert clone.set_up().returncode == 0
    after = clone.state()
    assert clone.git("config", "commit.template") == ".gitmessage\n"
    assert "the old hook ran" in str(clone.commit("feat: a beginning"))
    assert clone.set_up().returncode == 0
    assert clone.state() == after

    for _ in range(2):
        assert clone.set_up("--undo").returncode == 0
        assert clone.state() == before
    assert clone.git("config", "commit.template") == "mine.txt\n"


def test_values_of_the_user_come_back_and_what_changed_since_is_kept(clone: Clone) -> None:
    """Settings that the user had, one or several, are back after --undo; one that was the same, or was changed since,
    is left alone.
    """  # noqa: D205 - one promise
    clone.git("config", "pull.ff", "false")
    for value in ("diff3", "merge"):
        clone.git("config", "--add", "merge.conflictStyle", value)
    clone.git("config", "fetch.prune", "true")
    assert clone.set_up().returncode == 0
    assert clone.git("config", "--get-all", "merge.conflictStyle") == "diff3\n"
    assert clone.git("config", "pull.ff") == "only\n"
    assert clone.git("config", "push.autoSetupRemote") == "true\n"
    clone.git("config", "rebase.autoSquash", "false")
    assert clone.set_up("--undo").returncode == 0
    config = dict.fromkeys(clone.git("config", "--local", "--list").splitlines())
    told = [line for line in config if line.split(".")[0] in {"commit", "pull", "merge", "fetch", "push", "rebase"}]
    assert sorted(told) == [
        "fetch.prune=true",
        "merge.conflictstyle=diff3",
        "merge.conflictstyle=merge",
        "pull.ff=false",
        "rebase.autosquash=false",
    ]
    assert not [line for line in config if line.startswith("movie-mlops")]


def test_the_template_is_what_an_editor_opens(clone: Clone) -> None:
    """``git commit`` in any folder of the clone starts with the template, and refuses it when it is left as it is."""
    assert clone.commit("feat: a beginning").returncode == 0
    clone.set_up()
    editor = clone.user / "editor"
    editor.write_text(f'#!/bin/sh\ncp "$1" {clone.user}/opened\n')
    editor.chmod(0o755)
    clone.git("config", "core.editor", str(editor))
    (clone.root / "config" / "words.txt").write_text("more\n")
    clone.git("add", "--all")
    done = clone.run("git", "commit", cwd=clone.root / "scripts")
    assert done.returncode == 1
    assert (clone.user / "opened").read_text().startswith((REPOSITORY / ".gitmessage").read_text())


def test_hooks_that_would_never_run_are_refused(clone: Clone) -> None:
    """Where git takes its hooks from another folder, nothing is installed and one sentence says so."""
    clone.git("config", "core.hooksPath", "/somewhere/else")
    before = clone.state()
    done = clone.set_up()
    assert done.returncode == 1
    assert "git takes its hooks from /somewhere/else (core.hooksPath)" in done.stderr
    assert clone.state() == before


def test_help_and_wrong_words_change_nothing(clone: Clone) -> None:
    """``--help`` tells what is done, an unknown option is told, and so is a folder that is in no repository."""
    before = clone.state()
    helped = clone.set_up("--help")
    assert (helped.returncode, "--undo" in helped.stdout) == (0, True)
    assert clone.set_up("--bogus").returncode == 2
    assert clone.state() == before
    shutil.rmtree(clone.root / ".git")
    outside = clone.set_up()
    assert (outside.returncode, "in no git repository" in outside.stderr) == (1, True)
