"""What a person types, and the exit codes that a script sees."""

import pytest

from movie_mlops.cli.main import main
from tests.fixtures.stage_0.messy_repository import git, make_repository, quick_folder


@pytest.fixture
def run(capfd):
    """Run ``movie-mlops standard migrate`` on a messy repository; return the exit code, the output and the errors."""
    with quick_folder() as folder:
        root = make_repository(folder / "grown")

        def migrate(*arguments):
            code = main(["standard", "migrate", *arguments, "--root", str(root)])
            return code, *capfd.readouterr()

        migrate.root = root
        yield migrate


def test_a_stage_that_was_undone_is_exit_code_1(run):
    """0 where all is done, 1 where a stage was undone: a script need not read the output."""
    assert run("plan")[0] == 0
    code, out, err = run("apply", "--verify", "test ! -e docker")
    assert code == 1
    assert "Undone, because the verification failed: stage 0." in out
    assert "stage 0: undone, because the verification fails: exit code 1" in err
    assert run("verify")[0] == 0
    assert run("rollback")[0] == 0
    assert run("apply")[0] == 0


def test_a_refusal_is_one_sentence_and_the_next_step(run):
    """2 for a plan that is not good, 3 where the repository does not allow it; the tree stays as it is."""
    code, _, err = run("apply")
    assert (code, err.splitlines()[0].partition(" at ")[0]) == (2, "error: There is no plan")
    assert run("plan")[0] == 0
    assert run("apply", "--resume")[0] == 2
    code, _, err = run("rollback")
    assert (code, "No migration of this repository" in err) == (3, True)
    (run.root / "README.md").write_text("x\n")
    code, _, err = run("apply")
    assert (code, "1 tracked file" in err) == (3, True)


def test_a_plan_can_be_printed(run):
    """``-o -`` prints the plan and writes nothing."""
    code, out, _ = run("plan", "-o", "-")
    assert code == 0
    assert out.startswith("# Migration plan.")
    assert not (run.root / "temp-cleanup").exists()


def test_a_folder_without_git_is_refused(tmp_path, capfd):
    """A migration needs history; the next step says how to begin one."""
    assert main(["standard", "migrate", "plan", "--root", str(tmp_path)]) == 3
    assert "git init" in capfd.readouterr().err


def test_a_repository_without_a_commit_is_refused(tmp_path, capfd):
    """An empty repository has nothing to migrate."""
    git(tmp_path, "init", "-q")
    assert main(["standard", "migrate", "plan", "--root", str(tmp_path)]) == 3
    assert "no commit yet" in capfd.readouterr().err
