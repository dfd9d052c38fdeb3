"""A migration that is killed: SIGKILL ends the process at a step or at a moment, and another goes on or back."""

import os
import random
import shutil
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from movie_mlops.standard.migrate import apply
from movie_mlops.standard.migrate.errors import UnfinishedError
from movie_mlops.standard.migrate.journal import Pause, journals, no_pause, unfinished
from movie_mlops.standard.migrate.moves import Move
from movie_mlops.standard.migrate.plan import Plan, to_toml
from movie_mlops.standard.migrate.repository import Repository
from movie_mlops.standard.migrate.rollback import rollback
from tests.fixtures.stage_0.messy_repository import git, quick_folder, snapshot

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="a process is killed, which needs fork")

STEPS, MOMENTS = 38, 12

FILES = {
    "run.sh": "#!/bin/sh\n./setup.sh\n./a.sh && ./b.sh\ncat old/note.md\n",
    "setup.sh": '#!/bin/sh\ncd "$(dirname "$0")"\ntest -f a.sh\n',
    "a.sh": "#!/bin/sh\n. ./b.sh\n",
    "b.sh": "#!/bin/sh\necho b\n",
    "old/note.md": "[setup](../setup.sh) [b](../b.sh)\n",
    "old/한글 \udcff.txt": "setup.sh\n",
}
MOVES = (
    Move(0, "setup.sh", "scripts/setup/setup_all.sh"),
    Move(0, "old/한글 \udcff.txt", "data/한글 \udcff.txt"),
    Move(1, "a.sh", "scripts/a.sh"),
    Move(2, "old/note.md", "docs/note.md"),
    Move(2, "b.sh", "old/note.md"),
)
VERIFY = "test ! -e scripts/a.sh"


def make(root: Path) -> Path:
    """Make a small repository; stage 1 fails its verification, so that undoing is killed, too."""
    for path, content in FILES.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(os.fsencode(content))
        place.chmod(0o755 if path.endswith(".sh") else 0o644)
    (root / "link").symlink_to("old/note.md")
    git(root, "init", "-q", "-b", "main")
    for key, value in (("user.name", "A person"), ("user.email", "person@example.org"), ("gc.auto", "0")):
        git(root, "config", key, value)
    git(root, "add", "--all")
    git(root, "commit", "-q", "-m", "feat: all")
    (root / ".env").write_text("SETUP=setup.sh\n")
    (root / "empty" / "folder").mkdir(parents=True)
    plan = Plan(git(root, "rev-parse", "HEAD"), MOVES, (), digest="by hand")
    (root.parent / "plan.toml").write_text(to_toml(plan), encoding="utf-8")
    return root


class Scene:
    """A repository before a migration, and what the migration makes of it when nobody disturbs it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.origin = make(folder / "origin")
        self.before = snapshot(self.origin)
        self.tree = git(self.origin, "rev-parse", "HEAD^{tree}")
        whole = self.copy("whole")
        self.steps: list[str] = []
        started = time.monotonic()
        self.start(whole, self.steps.append)
        self.seconds = time.monotonic() - started
        self.after = snapshot(whole)
        self.after_tree = git(whole, "rev-parse", "HEAD^{tree}")

    def copy(self, name: str) -> Path:
        """Return a fresh copy of the repository."""
        return Path(shutil.copytree(self.origin, self.folder / name, symlinks=True))

    def start(self, root: Path, pause: Pause = no_pause) -> None:
        """Migrate ``root`` in this process."""
        apply.apply(Repository.at(root), self.folder / "plan.toml", private=[".env"], verify=VERIFY, pause=pause)


def killed(work: Callable[[Pause], object], *, step: int | None = None, after: float = 0.0) -> bool:
    """Do ``work`` in another process that is killed at a step, or after some seconds; return whether it was."""
    child = os.fork()
    if child == 0:
        seen = [0]

        def pause(_: str) -> None:
            if seen[0] == step:
                os.kill(os.getpid(), signal.SIGKILL)
            seen[0] += 1

        try:
            work(pause)
        except BaseException:  # noqa: BLE001 - whatever it is, the parent has to know
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    if step is None:
        time.sleep(after)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.waitstatus_to_exitcode(status) == 0, "see the traceback of the other process"
    return os.WIFSIGNALED(status)


def settle(scene: Scene, root: Path, chance: random.Random) -> None:
    """Go on or back, perhaps killed once more on the way, and look at every byte."""
    repository = Repository.at(root)
    goes_on = chance.random() < 0.5
    again: Callable[[Pause], object]
    if unfinished(root) is None:
        # Killed before the first line of the journal, or after the last.
        assert snapshot(root) in (scene.before, scene.after)
        if snapshot(root) == scene.before and not any(journal.ended() for journal in journals(root)):
            return
        goes_on = False
    if goes_on:
        with pytest.raises(UnfinishedError):
            scene.start(root)
        again = lambda pause: apply.resume(repository, pause=pause)  # noqa: E731
        if killed(again, step=chance.randrange(40)):
            settle(scene, root, chance)
            return
        assert unfinished(root) is None
        assert snapshot(root) == scene.after
        assert git(root, "rev-parse", "HEAD^{tree}") == scene.after_tree
    else:
        again = lambda pause: rollback(repository, pause=pause)  # noqa: E731
        while killed(again, step=chance.randrange(60)) and journals(root)[-1].last() != "rolled back":
            pass
        assert snapshot(root) == scene.before
        assert git(root, "rev-parse", "HEAD^{tree}") == scene.tree
    assert git(root, "status", "--porcelain", "--untracked-files=no") == ""
    shutil.rmtree(root)


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with quick_folder() as folder:
        yield Scene(folder)


def test_nobody_disturbs(scene):
    """The scene has what kills are about: moves, edits, commits, a stage that is undone."""
    assert {"move", "edit", "edit back", "move back", "commit", "commit back"} <= set(scene.steps)
    assert "scripts/a.sh" not in scene.after
    assert "docs/note.md" in scene.after


def test_a_line_that_was_cut_short_is_written_over(scene):
    """The journal's last line may be torn; what was before it counts, and the migration goes on."""
    root = scene.copy("torn")
    assert killed(lambda pause: scene.start(root, pause), step=len(scene.steps) // 2)
    (journal,) = journals(root)
    with (journal.folder / "journal.jsonl").open("ab") as file:
        file.write(b'{"step": "mo')
    apply.resume(Repository.at(root))
    assert snapshot(root) == scene.after
    assert journals(root)[0].last() == "done"


@pytest.mark.long
def test_killed_at_any_step_it_is_resumed_or_rolled_back(scene):
    """Steps of the journal, spread over the whole migration: every kill ends in the one tree or in the other."""
    chance = random.Random(3)
    points = sorted(chance.sample(range(len(scene.steps)), min(STEPS, len(scene.steps))))
    for step in points:
        root = scene.copy(f"step-{step}")
        assert killed(lambda pause, root=root: scene.start(root, pause), step=step)
        settle(scene, root, chance)


def test_killed_at_any_moment_it_is_resumed_or_rolled_back(scene):
    """Moments between the steps, in git's own work, too."""
    chance = random.Random()
    for moment in range(MOMENTS):
        root = scene.copy(f"moment-{moment}")
        killed(lambda pause, root=root: scene.start(root, pause), after=chance.uniform(0, scene.seconds))
        settle(scene, root, chance)
