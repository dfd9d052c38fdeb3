"""A grown repository, migrated for real: planned, applied, proved, rolled back."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from movie_mlops.standard.loading import load_spec
from movie_mlops.standard.migrate import apply, files, planning
from movie_mlops.standard.migrate.errors import MigrationError, PlanError
from movie_mlops.standard.migrate.moves import Move
from movie_mlops.standard.migrate.plan import Plan, from_toml, read_plan, to_toml
from movie_mlops.standard.migrate.planning import make_plan
from movie_mlops.standard.migrate.repository import Repository
from movie_mlops.standard.migrate.rollback import rollback
from movie_mlops.standard.migrate.verify import prove
from tests.fixtures.stage_0.messy_repository import OWN_TESTS, git, make_repository, quick_folder, snapshot


@pytest.fixture
def messy() -> Iterator[Repository]:
    with quick_folder() as folder:
        yield Repository.at(make_repository(folder / "grown"))


def plan_file(repository: Repository, plan: Plan | None = None) -> Path:
    """Write the plan that the standard makes, or another, beside the repository."""
    made = plan or make_plan(repository, load_spec(repository.root))
    path = repository.root.parent / "plan.toml"
    path.write_text(to_toml(made), encoding="utf-8")
    return path


def by_hand(repository: Repository, **moves: str) -> Path:
    return plan_of(repository, [Move(0, source, target) for source, target in moves.items()])


def plan_of(repository: Repository, moves: list[Move]) -> Path:
    return plan_file(repository, Plan(repository.head(), tuple(sorted(moves)), (), digest="by hand"))


def migrate(repository: Repository, path: Path, **options):
    private = planning.private_files(repository, load_spec(repository.root))
    return apply.apply(repository, path, private=private, **options)


def own_tests(root: Path) -> str:
    """Run the repository's own tests, as its people do, and return what they said."""
    made = subprocess.run(OWN_TESTS, shell=True, cwd=root, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout + made.stderr
    return made.stdout


def test_plan_apply_verify_rollback(messy):
    """A migration leaves the repository's own tests passing and every place right, and goes back byte for byte."""
    spec = load_spec(messy.root)
    before, tree = snapshot(messy.root), messy.tree("HEAD")
    assert "3 passed" in own_tests(messy.root)

    outcome = migrate(messy, plan_file(messy), verify="bash run_tests.sh")

    assert (outcome.kept, outcome.undone, outcome.moves) == ((0, 1, 2, 3), (), 13)
    after = own_tests(messy.root)
    assert "3 passed" in after
    assert "tests of 1.1" in after
    assert messy.changed() == []
    assert prove(messy, spec).holds()
    left = {path: spec.place(path) for path in messy.entries("HEAD")}
    assert {path for path, place in left.items() if place.target not in {None, path}} == set()
    assert (messy.root / ".env").read_text() == "COMPOSE_FILE=docker/docker-compose.main.yml\n"
    assert (messy.root / "current.yml").readlink() == Path("docker/docker-compose.main.yml")
    report = (outcome.folder / "report.md").read_text()
    assert "| `setup_database.sh` | `scripts/setup/setup_database.sh` | STD201 |" in report
    assert "| `test_helpers.py` |" in report

    rollback(messy)
    assert messy.tree("HEAD") == tree
    assert snapshot(messy.root) == before
    assert git(messy.root, "status", "--porcelain", "--untracked-files=no") == ""


def test_renames_and_edits_are_never_one_commit(messy):
    """Each commit either renames files whole or edits them in place."""
    first = messy.head()
    migrate(messy, plan_file(messy))
    for commit in git(messy.root, "rev-list", f"{first}..HEAD").split():
        kinds = {
            line.split("\t")[0] for line in git(messy.root, "show", "--format=", "--name-status", commit).splitlines()
        }
        assert kinds in ({"R100"}, {"M"})
    history = git(messy.root, "log", "--follow", "--format=%s", "scripts/setup/setup_database.sh").splitlines()
    assert history[-2:] == ["docs: say when it is done", "feat: everything at once"]


def test_a_stage_that_fails_the_verification_is_undone_and_the_next_goes_on(messy):
    """Only the failing stage is missing afterwards; the report says why."""
    outcome = migrate(messy, plan_file(messy), verify="test ! -e tests/unit || { echo no unit folder please; exit 3; }")
    assert outcome.kept == (0, 2, 3)
    assert outcome.undone == ((1, "exit code 3\nno unit folder please"),)
    assert not (messy.root / "tests/unit").exists()
    assert 'testpaths = ["unit_tests", "tests/integration"]' in (messy.root / "pyproject.toml").read_text()
    assert "no unit folder please" in (outcome.folder / "report.md").read_text()
    assert "3 passed" in own_tests(messy.root)
    assert prove(messy, load_spec(messy.root)).holds()


def test_a_verification_that_fails_before_anything_moves_stops_it(messy):
    """What fails before is not the migration's doing: nothing is touched."""
    before = snapshot(messy.root)
    with pytest.raises(MigrationError, match="fails before anything has moved: exit code 7"):
        migrate(messy, plan_file(messy), verify="exit 7")
    assert snapshot(messy.root) == before
    assert not (messy.root / "temp-cleanup").exists()


def test_a_person_edits_the_plan(messy):
    """A deleted move is not made, a struck-out edit is not made, and edits follow a changed target."""
    plan = make_plan(messy, load_spec(messy.root))
    moves = [move for move in plan.moves if move.source in {"setup_database.sh", "Dockerfile.api"}]
    moves[1] = moves[1]._replace(target="scripts/setup/setup_data.sh")
    edits = [edit for edit in plan.edits if edit.file == "Makefile" and "setup" in edit.before]
    written = to_toml(plan._replace(moves=tuple(moves), edits=tuple(edits)))
    written = written.replace("[[edit]]\n", "[[edit]]\nkeep = true\n")
    path = messy.root.parent / "plan.toml"
    path.write_text(written, encoding="utf-8")

    migrate(messy, path)

    assert (messy.root / "docker-compose.yml").exists()
    assert (messy.root / "Makefile").read_text().endswith("setup:\n\t./setup_database.sh\n")
    assert "./scripts/setup/setup_data.sh" in (messy.root / "run_tests.sh").read_text()


NAMES = [
    "a b.sh", 'quo"te\'s.sh', "new\nline.sh", "back\\slash.sh", "한글 이름.sh", "-dash.sh", "*star?.sh", ":(top)x.sh",
    os.fsdecode(b"bad-\xff\xfe.sh"), "#hash.sh", "tab\there.sh", " lead.sh",
]  # fmt: skip


def test_names_of_any_bytes_move_and_come_back(messy):
    """Spaces, quotes, new lines, Korean and undecodable bytes survive the plan, the move and the way back."""
    for name in NAMES:
        (messy.root / name).write_bytes(os.fsencode(f"#!/bin/sh\necho {name!r}\n"))
    (messy.root / "README.md").write_bytes(os.fsencode(f"`{NAMES[8]}` and [ko](<{NAMES[4]}>)\n"))
    git(messy.root, "add", "--all", "--", ".")
    git(messy.root, "commit", "-qm", "chore: names")
    before = snapshot(messy.root)
    path = plan_of(messy, [Move(0, name, f"scripts/other/{name}") for name in NAMES])
    assert [move.source for move in read_plan(path).moves] == sorted(NAMES)

    outcome = migrate(messy, path)

    assert outcome.moves == len(NAMES)
    assert sorted(place.name for place in (messy.root / "scripts/other").iterdir()) == sorted(NAMES)
    expected = f"`scripts/other/{NAMES[8]}` and [ko](<scripts/other/{NAMES[4]}>)\n"
    assert (messy.root / "README.md").read_bytes() == os.fsencode(expected)
    assert prove(messy, load_spec(messy.root)).forgotten == []
    rollback(messy)
    assert snapshot(messy.root) == before


def test_case_chains_links_and_empty_folders(messy):
    """A rename of case alone, a path that another file just left, a moved link and an empty folder all work."""
    (messy.root / "lower.md").write_text("[a](worker/main.py)\n")
    (messy.root / "old").mkdir()
    (messy.root / "old" / "only.txt").write_text("x\n")
    (messy.root / "old" / "deep").mkdir()
    git(messy.root, "add", "--all", "--", ".")
    git(messy.root, "commit", "-qm", "chore: more")
    (messy.root / "docs").chmod(0o750)
    (messy.root / "data" / "empty").mkdir()
    before = snapshot(messy.root)
    moves = {
        "lower.md": "LOWER.md",
        "worker/main.py": "worker/start.py",
        "worker/support.py": "worker/main.py",
        "current.yml": "docker/now.yml",
        "old/only.txt": "data/empty/only.txt",
    }
    migrate(messy, plan_of(messy, [Move(0, source, target) for source, target in moves.items()]))
    names = {place.name for place in messy.root.iterdir()}
    assert "LOWER.md" in names
    assert "lower.md" not in names
    assert (messy.root / "LOWER.md").read_text() == "[a](worker/start.py)\n"
    assert "def shout" in (messy.root / "worker/main.py").read_text()
    assert "from worker.main import shout" in (messy.root / "unit_tests/test_1_1_loader.py").read_text()
    assert (messy.root / "docker/now.yml").readlink() == Path("../docker-compose.yml")
    assert (messy.root / "old" / "deep").is_dir()
    rollback(messy)
    assert snapshot(messy.root) == before


REFUSED = [
    ({"setup_database.sh": "README.md"}, "something is there already"),
    ({"setup_database.sh": ".env"}, "something is there already"),
    ({"setup_database.sh": "../outside.sh"}, "not a plain path"),
    ({"setup_database.sh": "/tmp/outside.sh"}, "not a path in the repository"),
    ({"setup_database.sh": ".git/hooks/pre-commit"}, "git's own folder"),
    ({"setup_database.sh": "scripts/.GIT/x"}, "git's own folder"),
    ({"setup_database.sh": "a//b.sh"}, "not a plain path"),
    ({"setup_database.sh": "elsewhere/x.sh"}, "is a link"),
    ({"setup_database.sh": "README.md/x.sh"}, "is a file"),
    ({"setup_database.sh": "x" * 300}, "more than 255 bytes"),
    ({"gone.sh": "x.sh"}, "git does not track"),
    ({"setup_database.sh": "x.sh", "deploy_production.sh": "X.sh"}, "same target"),
    ({"worker/main.py": "worker/support.py", "worker/support.py": "worker/main.py"}, "round in a circle"),
]


@pytest.mark.parametrize(("moves", "why"), REFUSED)
def test_an_unsafe_move_is_refused_before_anything_is_touched(messy, tmp_path, moves, why):
    """A migration never overwrites, never leaves the repository, never follows a link."""
    (tmp_path / "outside").mkdir()
    (messy.root / "elsewhere").symlink_to(tmp_path / "outside")
    before = snapshot(messy.root)
    with pytest.raises(PlanError, match=why):
        migrate(messy, by_hand(messy, **moves))
    assert snapshot(messy.root) == before
    assert list((tmp_path / "outside").iterdir()) == []


def test_a_dirty_tree_another_commit_and_a_merge_are_refused(messy):
    """Nothing begins where something else is under way."""
    path = plan_file(messy)
    (messy.root / "README.md").write_text("changed\n")
    with pytest.raises(MigrationError, match=r"not committed in 1 tracked file: README\.md"):
        migrate(messy, path)
    git(messy.root, "commit", "-qam", "docs: change")
    with pytest.raises(PlanError, match="made for commit"):
        migrate(messy, path)
    (messy.git_dir / "MERGE_HEAD").write_text(messy.head() + "\n")
    with pytest.raises(MigrationError, match="A git merge is under way"):
        migrate(messy, plan_file(messy))


def test_a_plan_that_was_committed_for_review_is_still_good(messy):
    """The commit that holds nothing but the plan does not make it stale, and the plan's own words stay."""
    plan = messy.root / "plan.toml"
    plan.write_text(to_toml(make_plan(messy, load_spec(messy.root))), encoding="utf-8")
    git(messy.root, "add", "plan.toml")
    git(messy.root, "commit", "-qm", "docs: a plan to review")
    tree, words = messy.tree("HEAD"), plan.read_text()
    assert migrate(messy, plan).moves == 13
    assert plan.read_text() == words
    rollback(messy)
    assert messy.tree("HEAD") == tree


def test_a_rollback_never_takes_later_work_along(messy):
    """Newer commits and uncommitted changes are kept: the roll-back refuses and says what to do."""
    migrate(messy, plan_file(messy))
    (messy.root / "README.md").write_text("new words\n")
    with pytest.raises(MigrationError, match=r"not committed in 1 tracked file: README\.md"):
        rollback(messy)
    git(messy.root, "commit", "-qam", "docs: new words")
    with pytest.raises(MigrationError, match="There are commits after the migration"):
        rollback(messy)
    assert (messy.root / "README.md").read_text() == "new words\n"


def test_carriage_returns_that_git_hides_are_kept(messy):
    """A file that git keeps without carriage returns has them on disk before, after, and after the way back."""
    (messy.root / ".gitattributes").write_text("*.md text eol=crlf\n")
    git(messy.root, "add", "--all", "--", ".")
    git(messy.root, "commit", "-qm", "chore: line ends")
    (messy.root / "README.md").unlink()
    git(messy.root, "checkout", "-q", "--", "README.md")
    before = snapshot(messy.root)
    migrate(messy, by_hand(messy, **{"setup_database.sh": "scripts/setup/setup_database.sh"}))
    assert b"(scripts/setup/setup_database.sh)" in (messy.root / "README.md").read_bytes()
    assert (messy.root / "README.md").read_bytes().count(b"\r\n") == FILES_README_LINES
    assert messy.changed() == []
    rollback(messy)
    assert snapshot(messy.root) == before


FILES_README_LINES = 12


def test_a_move_that_was_cut_off_between_its_two_halves_is_ended(tmp_path):
    """A file that has both names, because a kill came between, has the new one afterwards."""
    (tmp_path / "a").write_text("x")
    os.link(tmp_path / "a", tmp_path / "b")
    files.move(tmp_path, "a", "b")
    assert [place.name for place in tmp_path.iterdir()] == ["b"]
    (tmp_path / "a").write_text("y")
    with pytest.raises(MigrationError, match="already at"):
        files.move(tmp_path, "a", "b")
    assert (tmp_path / "b").read_text() == "x"


def test_a_plan_that_is_not_one_is_refused(messy):
    """What a person mistyped is named."""
    good = to_toml(make_plan(messy, load_spec(messy.root)))
    for old, new, why in (
        ("[plan]", "[plam]", "unknown part|has no"),
        ("format = 1", "format = 9", "another version"),
        ("stage = 0", 'stage = "x"', "should be a number"),
        ("from = ", "form = ", "a move has no 'form'"),
        ("\n[[move]]", "\n[[move]", "is not TOML"),
    ):
        with pytest.raises(PlanError, match=why):
            from_toml(good.replace(old, new, 1), "plan.toml")
