"""Files are written all or none, and never over what is there."""

import pytest

from movie_mlops.standard.errors import UsageError
from movie_mlops.standard.scaffold import writing
from movie_mlops.standard.scaffold.writing import Planned, WriteError, undo, write


def tree(root):
    return {
        path.relative_to(root).as_posix(): path.read_bytes() if path.is_file() else None for path in root.rglob("*")
    }


@pytest.fixture
def project(tmp_path):
    root = tmp_path / "project"
    (root / "docs").mkdir(parents=True)
    (root / "docs/old.md").write_text("old")
    (root / "config.toml").write_text("before")
    return root


PLAN = [
    Planned("docs/new/a.md", "a"),
    Planned("b.sh", "b", 0o755),
    Planned("empty", ""),
    Planned("config.toml", "after", replaces=b"before"),
]


def test_everything_is_written_and_nothing_else_is_left(project):
    """Each file has its text and mode, a replaced one its new text; no folder of the work remains."""
    write(project, PLAN)
    assert tree(project) == {
        "docs": None, "docs/old.md": b"old", "docs/new": None, "docs/new/a.md": b"a", "b.sh": b"b", "empty": b"",
        "config.toml": b"after",
    }  # fmt: skip
    assert (project / "b.sh").stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("step", range(1, 4))
@pytest.mark.parametrize("links", [True, False], ids=["links", "copies"])
def test_a_failure_at_any_file_leaves_everything_as_it_was(project, monkeypatch, step, links):
    """When a file cannot be placed, those before it are taken back and the replaced one is the old one again."""
    before = tree(project)
    steps = iter(range(1, 99))

    def refuse(source, place, real=writing.os.link):
        if next(steps) == step:
            raise PermissionError(13, "Permission denied", str(place)) if links else KeyboardInterrupt
        if not links:
            raise OSError(95, "Operation not supported")
        real(source, place)

    monkeypatch.setattr(writing.os, "link", refuse)
    if links:
        # Without links a refusal means a copy, so the copy is what fails.
        monkeypatch.setattr("builtins.open", failing_copy(open))
    with pytest.raises((WriteError, KeyboardInterrupt)):
        write(project, [PLAN[3], *PLAN[:3]])
    assert tree(project) == before


def failing_copy(real):
    def opened(file, mode="r", *rest, **options):
        if mode == "xb":
            raise OSError(28, "No space left on device", str(file))
        return real(file, mode, *rest, **options)

    return opened


def test_a_file_that_is_there_is_never_written_over(project):
    """An existing path refuses the whole plan before anything is written."""
    before = tree(project)
    with pytest.raises(UsageError, match=r"docs/old\.md is already there"):
        write(project, [*PLAN, Planned("docs/old.md", "new")])
    assert tree(project) == before


def test_a_file_that_appears_meanwhile_stays(project, monkeypatch):
    """A file that somebody makes during the run is kept, and the run is taken back."""
    before = tree(project)
    stage = writing._stage

    def meanwhile(root, planned):
        stage(root, planned)
        (project / "empty").write_bytes(b"")

    monkeypatch.setattr(writing, "_stage", meanwhile)
    with pytest.raises(WriteError, match="Nothing was changed"):
        write(project, PLAN)
    assert tree(project) == before | {"empty": b""}


def test_nothing_is_written_through_a_link(project, tmp_path):
    """A folder that is a link out of the project refuses the plan."""
    (tmp_path / "elsewhere").mkdir()
    (project / "docs/new").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="is a link"):
        write(project, PLAN)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_what_was_edited_since_a_kill_is_kept(project, monkeypatch):
    """Taking back a killed run leaves a file alone that somebody has changed since."""
    monkeypatch.setattr(writing, "undo", lambda root: [])
    monkeypatch.setattr(writing.os, "rename", rename_once(writing.os.rename))
    with pytest.raises(KeyboardInterrupt):
        write(project, PLAN)
    monkeypatch.undo()
    (project / "b.sh").unlink()
    (project / "b.sh").write_text("mine")
    assert sorted(undo(project)) == ["config.toml", "docs/new/a.md", "empty"]
    assert tree(project) == {"docs": None, "docs/old.md": b"old", "config.toml": b"before", "b.sh": b"mine"}


def rename_once(real):
    """Let the plan be renamed into place, then be killed before the work is done."""

    def renamed(source, target):
        if str(target).endswith(".done"):
            raise KeyboardInterrupt
        real(source, target)

    return renamed


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path):
    """A root that is a file is named, with what to do."""
    (tmp_path / "file").write_text("")
    with pytest.raises(WriteError, match="cannot be written"):
        write(tmp_path / "file", PLAN[:1])
