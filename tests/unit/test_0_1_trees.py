"""The files to judge: a working tree, the index, a commit, a plain folder; and names that nobody expects."""

import subprocess
from pathlib import Path

import pytest

from movie_mlops.standard import git, tree
from movie_mlops.standard.errors import GitError, TreeError

NAMES = ["plain.md", "with space.md", 'a "quote".md', "new\nline.md", "한국어.md", "broken\udcff.md", "-dash.md"]


def command(root: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(root), *arguments], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path):
    command(tmp_path, "init", "-q", "-b", "main")
    command(tmp_path, "config", "user.email", "a@example.org")
    command(tmp_path, "config", "user.name", "A")
    return tmp_path


def write(root: Path, path: str, text: str = "x") -> None:
    full = root / path
    full.parent.mkdir(parents=True, exist_ok=True)
    full.write_text(text)


def test_names_of_any_kind_are_read_as_they_are(repository):
    """Spaces, quotes, new lines, Korean and invalid UTF-8 come through every way of reading."""
    for name in NAMES:
        write(repository, f"docs/{name}", name.replace("\udcff", "?"))
    command(repository, "add", ".")
    command(repository, "commit", "-qm", "all")
    expected = sorted(f"docs/{name}" for name in NAMES)
    for found in (
        tree.working_tree(repository),
        tree.index(repository),
        tree.commit(repository, "HEAD"),
        tree.folder(repository),
    ):
        assert sorted(found.paths) == expected
        assert found.read("docs/with space.md") == b"with space.md"
        assert found.read("docs/broken\udcff.md") == b"broken?.md"


def test_a_file_that_is_gone_from_disk_is_not_in_the_working_tree(repository):
    """A file that is deleted on disk but in the index is gone from the one and there in the other."""
    write(repository, "a/kept.md")
    write(repository, "a/gone.md")
    command(repository, "add", ".")
    (repository / "a" / "gone.md").unlink()
    working = tree.working_tree(repository)
    assert list(working.paths) == ["a/kept.md"]
    assert working.tracked == {"a/kept.md", "a/gone.md"}
    assert list(tree.index(repository).paths) == ["a/gone.md", "a/kept.md"]


def test_changed_content_is_known(repository):
    """A file whose content on disk is not the index's is named, and each tree reads its own."""
    write(repository, "a.md", "old")
    command(repository, "add", ".")
    write(repository, "a.md", "newer")
    working = tree.working_tree(repository)
    assert working.changed == {"a.md"}
    assert working.read("a.md") == b"newer"
    assert tree.index(repository).read("a.md") == b"old"


def test_folders_and_submodules_exist(repository, tmp_path_factory):
    """A folder exists because of what lies in it; what lies in a submodule is taken on trust."""
    other = tmp_path_factory.mktemp("other")
    command(other, "init", "-q")
    command(other, "config", "user.email", "a@example.org")
    command(other, "config", "user.name", "A")
    command(other, "commit", "-q", "--allow-empty", "-m", "first")
    write(repository, "a/b/c.md")
    command(repository, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(other), "vendor/other")
    command(repository, "add", ".")
    found = tree.index(repository)
    assert found.submodules == ["vendor/other"]
    assert all(found.exists(path) for path in ("a", "a/b/", "a/b/c.md", "", "vendor/other/anything.py"))
    assert not any(found.exists(path) for path in ("b", "a/b/c", "vendor/othe"))


def test_a_plain_folder_with_a_loop_of_links_is_read_once(tmp_path):
    """Links are listed, never followed, so a loop ends."""
    write(tmp_path, "a/b.md")
    (tmp_path / "a" / "up").symlink_to("..")
    found = tree.folder(tmp_path)
    assert list(found.paths) == ["a/b.md", "a/up"]
    assert found.links == ["a/up"]
    assert found.read("a/up") == b".."


def test_what_cannot_be_read_is_one_sentence(repository):
    """A commit that is not there, a folder that is not there: a sentence each."""
    with pytest.raises(GitError, match="git ls-tree failed"):
        tree.commit(repository, "no-such-commit")
    with pytest.raises(GitError, match="is not a commit"):
        tree.commit(repository, "--help")
    with pytest.raises(TreeError, match="cannot be read"):
        tree.folder(repository / "missing")


def test_git_finds_its_own_folders(repository):
    """The root of a working tree is found from below, and its private folder also where .git is a file."""
    write(repository, "a/b.md")
    command(repository, "add", ".")
    command(repository, "commit", "-qm", "all")
    command(repository, "worktree", "add", "-q", "../beside")
    beside = repository.parent / "beside"
    assert git.repository_of(repository / "a") == str(repository)
    assert git.private_folder(repository) == str(repository / ".git")
    assert git.private_folder(beside) == str(repository / ".git" / "worktrees" / "beside")
    assert git.blobs(repository, [":a/b.md", "HEAD:nothing"]) == [b"x", None]
