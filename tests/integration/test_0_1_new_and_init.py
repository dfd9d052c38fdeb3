"""``standard init`` and ``standard new`` as a user types them: what they make is clean, runs, and is all or nothing."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from movie_mlops.cli.main import main
from movie_mlops.standard.scaffold import writing
from tests.fixtures.stage_0.trees import git, write

SOURCES = Path(__file__).resolve().parents[2] / "src"


def run(capsys, *arguments):
    """Return the exit code, what was printed and what was said."""
    code = main(["standard", *map(str, arguments)])
    said = capsys.readouterr()
    return code, said.out, said.err


def tree(root):
    """Return every file below a folder with what it holds, and every folder; git's own and what Python keeps aside."""
    kept = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if not {".git", "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache"}.intersection(name.split("/")):
            kept[name] = path.read_bytes() if path.is_file() else None
    return kept


def shell(root, *command):
    """Run a script of a project with this Python, and nothing of this repository's own settings."""
    python = {
        "PYTHON": sys.executable,
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "HOME": str(root),
        # A new project has no plugin, and those of this environment take half the time.
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }
    return subprocess.run(command, cwd=root, env=python, capture_output=True, text=True, check=False)


def passed(done):
    """Return how many tests passed, none failed."""
    assert done.returncode == 0, done.stdout + done.stderr
    words = done.stdout.rpartition(" passed")[0].split()
    assert " failed" not in done.stdout
    return int(words[-1])


@pytest.fixture
def project(tmp_path, capsys):
    """A new project with stage 1."""
    root = tmp_path / "demo"
    assert run(capsys, "init", root)[0] == 0
    return root


def test_a_new_project_is_clean_and_its_own_tests_run(tmp_path, capsys):
    """A new project has no finding, strict or not, and its runners pass as they are."""
    root = tmp_path / "film club"
    code, out, err = run(capsys, "init", root, "--stages", "1,2,5", "--package", "films", "--lang", "en,ko")
    assert (code, err) == (0, "")
    assert "Began a git repository" in out
    assert run(capsys, "check", root, "--strict")[0] == 0
    assert run(capsys, "render", root, "--check")[0] == 0
    assert git(root, "status", "--porcelain", "--ignored").count("!! .env\n") == 1
    assert (root / ".env").stat().st_mode & 0o777 == 0o600
    assert (root / "src/films/__init__.py").is_file()
    assert (root / "docs/00-overview/naming-conventions.ko.md").is_file()
    assert passed(shell(root, "./run_tests.sh", "--", "-q")) == 6
    assert passed(shell(root, "scripts/test/run_0_1_tests.sh")) == 6
    nothing = shell(root, "scripts/test/run_2_x_tests.sh")
    assert (nothing.returncode, "has no test yet" in nothing.stdout) == (0, True)
    for script in sorted(root.rglob("*.sh")):
        assert shell(root, "bash", "-n", script).returncode == 0, script


def test_a_project_may_begin_with_every_stage(tmp_path, capsys):
    """A project that begins with all nine stages is clean, and its own tests run."""
    root = tmp_path / "demo"
    assert run(capsys, "init", root, "--stages", "1,2,3,4,5,6,7,8,9")[0] == 0
    assert run(capsys, "check", root, "--strict")[0] == 0
    assert passed(shell(root, "./run_tests.sh", "--", "-q")) >= 9
    assert shell(root, "scripts/security/security_scan.sh").returncode == 0
    (root / "notes.txt").write_text("-----BEGIN RSA PRIVATE " + "KEY-----\n")
    git(root, "add", "-A")
    assert shell(root, "scripts/security/security_scan.sh").returncode == 1


@pytest.mark.parametrize(
    "stage", ["8", *(pytest.param(each, marks=pytest.mark.long) for each in ("2", "3", "4", "5", "6", "7", "9"))]
)
def test_a_substage_brings_what_its_stage_needs(project, capsys, stage):
    """The first substage of any stage: clean once git holds it, collected, and the stage is reached from then on."""
    assert run(capsys, "new", f"{stage}.1", "--title", "first part", "--containers", "--root", project)[0] == 0
    git(project, "add", "-A")
    code, out, _ = run(capsys, "check", project, "--strict")
    assert code == 0, out
    assert f"stages = [1, {stage}]" in (project / "config/standard.toml").read_text("utf-8")
    assert run(capsys, "render", project, "--check")[0] == 0
    assert passed(shell(project, "./run_tests.sh", "--stage", stage, "--", "-q")) >= 5
    if stage in {"7", "8"}:
        assert passed(shell(project, "./run_tests.sh", "--kind", "security" if stage == "7" else "performance")) >= 1


def test_the_tests_of_a_new_project_can_fail(project):
    """A document without its heading, a set-up that is not safe twice, a test that is not found: each is seen."""
    document = project / "docs/00-overview/0.1-project-implementation.md"
    document.write_text(document.read_text().replace("## Limits", "## Other"))
    assert "Limits" in shell(project, "scripts/test/run_0_1_tests.sh").stdout
    document.write_text(document.read_text().replace("## Other", "## Limits"))
    setup = project / "scripts/setup/setup_stage_0.sh"
    setup.write_text(setup.read_text() + "date +%N >> .env\n")
    assert "test_setting_up_twice_changes_nothing" in shell(project, "scripts/test/run_0_1_tests.sh").stdout
    runner = project / "scripts/test/run_0_1_tests.sh"
    runner.write_text(runner.read_text().replace("tests/unit/", "tests/none/"))
    assert "1 failed" in shell(project, sys.executable, "-m", "pytest", "-q", "tests/e2e").stdout


def test_without_pytest_a_runner_says_what_to_install(project):
    """Where pytest is missing, the runners say so and name the command; exit 3."""
    for runner in ("run_tests.sh", "scripts/test/run_0_1_tests.sh"):
        bare = {"PYTHON": "/bin/false", "PATH": "/usr/bin:/bin"}
        done = subprocess.run([project / runner], cwd="/", env=bare, capture_output=True, text=True, check=False)
        assert (done.returncode, "pip install -r requirements-dev.txt" in done.stderr) == (3, True)


def test_a_wrong_option_of_the_runner_is_one_sentence(project):
    """A stage without tests, a wrong kind, a wrong number: exit 2 and a sentence each."""
    for options in (["--stage", "7"], ["--stage", "one"], ["--stage"], ["--kind", "units"], ["all"]):
        done = shell(project, "./run_tests.sh", *options)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr


def test_a_new_substage_is_clean_and_its_tests_run(project, capsys):
    """A new substage is declared, complete and proved by its own runner; the overview documents show it."""
    before = tree(project)
    code, out, _ = run(
        capsys, "new", "1.1", "--title", "Raw ratings", "--name-ko", "원본 평점", "--containers", "--root", project
    )
    assert code == 0
    made = tree(project)
    assert sorted(path for path in made if path not in before and made[path] is not None) == [
        "docker/docker-compose.stage-1.yml",
        "docs/01-data-pipeline/1.1-raw-ratings-implementation.md",
        "docs/01-data-pipeline/1.1-raw-ratings-testing.md",
        "scripts/test/run_1_1_tests.sh",
        "tests/e2e/test_1_1_complete_workflow.py",
        "tests/integration/test_1_1_raw_ratings.py",
        "tests/unit/test_1_1_raw_ratings.py",
    ]
    assert "scripts/test/run_1_1_tests.sh" in out.partition("Next:")[2]
    assert b"1.1 Raw ratings" in made["docs/00-overview/directory-structure.md"]
    assert "원본 평점".encode() in made["config/standard.toml"]
    git(project, "add", "-A")
    assert run(capsys, "check", project, "--strict")[0] == 0
    assert run(capsys, "render", project, "--check")[0] == 0
    assert passed(shell(project, "scripts/test/run_1_1_tests.sh", "-q")) == 5
    assert passed(shell(project, "scripts/test/run_1_x_tests.sh", "-q")) == 5
    assert passed(shell(project, "./run_tests.sh", "--stage", "1.1", "--kind", "unit")) == 2


def test_a_document_that_was_changed_by_hand_is_not_rendered_again(project, capsys):
    """A new substage brings the overview documents up to date, but none that somebody has changed."""
    document = project / "docs/00-overview/directory-structure.md"
    document.write_text(document.read_text("utf-8") + "Mine.\n", "utf-8")
    code, out, _ = run(capsys, "new", "1.1", "--title", "ratings", "--root", project)
    assert (code, document.read_text("utf-8").endswith("Mine.\n")) == (0, True)
    assert "changed  docs/00-overview/development-workflow.md" in out
    assert "directory-structure.md" not in out


def test_a_stage_can_be_declared_with_its_first_substage(project, capsys):
    """--stage-name declares a stage beyond those of the standard."""
    assert run(capsys, "new", "10.1", "--title", "sync", "--stage-name", "Edge devices", "--root", project)[0] == 0
    git(project, "add", "-A")
    code, out, _ = run(capsys, "check", project, "--strict")
    assert code == 0, out
    assert (project / "docs/10-edge-devices/10.1-sync-testing.md").is_file()
    assert passed(shell(project, "scripts/test/run_10_1_tests.sh", "-q")) == 6


def test_a_dry_run_writes_nothing(project, tmp_path, capsys):
    """--dry-run names what would be made, and makes nothing, not even a folder."""
    before = tree(tmp_path)
    code, out, _ = run(capsys, "new", "1.1", "--title", "ratings", "--dry-run", "--root", project)
    assert (code, "would make  tests/unit/test_1_1_ratings.py" in out) == (0, True)
    assert "would change  config/standard.toml" in out
    code, out, _ = run(capsys, "init", tmp_path / "other", "--dry-run")
    assert (code, "would make  run_tests.sh" in out) == (0, True)
    assert tree(tmp_path) == before


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["0.1", "--title", "again"], "0.1 exists"),
        (["1.x", "--title", "all"], "not the number of a substage"),
        (["01.1", "--title", "zero"], "not the number of a substage"),
        (["../1.1", "--title", "up"], "not the number of a substage"),
        (["12.1", "--title", "later"], "declare the stage with --stage-name"),
        (["1.1", "--title", "a", "--stage-name", "Data"], "Stage 1 is declared already"),
        (["10.1", "--title", "a", "--stage-name", "Data pipeline"], "called 'data-pipeline' already"),
        (["1.1"], "Add --title"),
        (["1.1", "--title", "nul"], "reserved"),
        (["1.1", "--title", "COM1"], "reserved"),
        (["1.1", "--title", "testing"], "reserved"),
        (["1.1", "--title", "../../etc"], "safe in every path"),
        (["1.1", "--title", "a/b"], "safe in every path"),
        (["1.1", "--title", "a\nb"], "safe in every path"),
        (["1.1", "--title", "$(id)"], "safe in every path"),
        (["1.1", "--title", "평점"], "--name-ko"),
        (["1.1", "--title", "3d-models"], "begins with a digit"),
        (["1.1", "--title", "a" * 70], "Shorten it"),
        (["1.1", "--title", "a", "--name-ko", "a\nb"], "one line"),
    ],
)
def test_what_cannot_be_a_substage_is_refused(project, capsys, arguments, sentence):
    """A taken number, a wrong or undeclared stage, a reserved or unsafe name: exit 2, a sentence, nothing written."""
    before = tree(project)
    code, out, err = run(capsys, "new", *arguments, "--root", project)
    assert (code, out) == (2, "")
    assert sentence in err
    assert err.count("\n") == 1
    assert tree(project) == before


def test_a_number_is_taken_by_its_files_and_by_its_title(project, capsys):
    """The same number, the same title, or a file in the way: refused, with the next free number."""
    assert run(capsys, "new", "1.1", "--title", "ratings", "--root", project)[0] == 0
    assert "next free number is 1.2" in run(capsys, "new", "1.1", "--title", "films", "--root", project)[2]
    assert "1.1 is called 'ratings'" in run(capsys, "new", "1.2", "--title", "ratings", "--root", project)[2]
    write(project, {"docs/01-data-pipeline/1.2-films-implementation.md": "mine"})
    before = tree(project)
    assert "1.2 exists" in run(capsys, "new", "1.2", "--title", "films", "--root", project)[2]
    write(
        project,
        {".gitignore": (project / ".gitignore").read_text() + "run_1_3*\n", "scripts/test/run_1_3_tests.sh": ""},
    )
    before = tree(project)
    assert "run_1_3_tests.sh is already there" in run(capsys, "new", "1.3", "--title", "x-ray", "--root", project)[2]
    assert tree(project) == before


def test_what_is_declared_ahead_is_made_under_its_title(project, capsys):
    """A number that is declared and has no file yet is made as it is declared, and under no other title."""
    config = project / "config/standard.toml"
    entry = 'substages = [{number = "1.1", title = "ratings", name = {en = "ratings", ko = "평점"}}]'
    text = config.read_text("utf-8").replace("number = 1\nsubstages = []", f"number = 1\n{entry}")
    config.write_text(text, "utf-8")
    assert "declared as 'ratings'" in run(capsys, "new", "1.1", "--title", "films", "--root", project)[2]
    assert run(capsys, "new", "1.1", "--root", project)[0] == 0
    assert (project / "tests/unit/test_1_1_ratings.py").is_file()
    assert config.read_text("utf-8") == text


def test_another_standard_has_its_own_names(tmp_path, capsys):
    """Where a project replaces the standard, its templates give the names, and what it does not have is not made."""
    own = """
[standard]
extends = false
languages = ["en"]
[[stage]]
number = 1
slug = "data"
name = {en = "data"}
[placeholder.stage]
pattern = "[0-9]+"
meaning = {en = "stage"}
[placeholder.substage]
pattern = "[0-9]+"
meaning = {en = "substage"}
[placeholder.feature]
pattern = "[a-z-]+"
joined = "-"
meaning = {en = "feature"}
[[kind]]
id = "unit-test"
name = {en = "unit test"}
templates = ["{feature}-{stage}-{substage}.py"]
folders = ["proofs"]
example = "a-1-1.py"
counts = true
[[companion]]
for = ["unit-test"]
needs = ["proofs/{feature}-{stage}-{substage}.py"]
rule = "OWN1"
[[rule]]
code = "OWN1"
check = "companion"
severity = "error"
paragraph = "1"
title = {en = "t"}
reason = {en = "r"}
message = {en = "m"}
example = {bad = "a", good = "b"}
"""
    write(tmp_path, {"config/standard.toml": own})
    assert run(capsys, "new", "1.1", "--title", "cold start", "--containers", "--root", tmp_path)[0] == 2
    code, _, err = run(capsys, "new", "1.1", "--title", "cold start", "--root", tmp_path)
    assert (code, err) == (0, "")
    assert sorted(tree(tmp_path)) == ["config", "config/standard.toml", "proofs", "proofs/cold-start-1-1.py"]
    assert run(capsys, "render", tmp_path)[0] == 0


def test_a_folder_that_is_not_empty_is_refused_or_added_to(tmp_path, capsys):
    """Init refuses a folder that holds anything; --into-existing adds what is missing and overwrites nothing."""
    root = tmp_path / "old"
    write(root, {"README.md": "mine", "run_tests.sh": "mine", "src/app/main.py": "print(1)\n"})
    before = tree(root)
    code, _, err = run(capsys, "init", root)
    assert (code, "is not empty" in err, "--into-existing" in err) == (2, True, True)
    assert tree(root) == before
    code, out, _ = run(capsys, "init", root, "--into-existing")
    assert code == 0
    assert "kept     README.md" in out
    after = tree(root)
    assert {path: after[path] for path in before} == before
    assert not (root / "src/old").exists()
    assert run(capsys, "check", root, "--strict")[0] == 0
    assert run(capsys, "init", tmp_path / "old/README.md")[0] == 2


def test_a_folder_may_have_a_korean_name(tmp_path, capsys):
    """A folder without Latin letters needs --package, and is as good as any then."""
    root = tmp_path / "평점"
    code, _, err = run(capsys, "init", root)
    assert (code, "--package my_project" in err, root.exists()) == (2, True, False)
    assert run(capsys, "init", root, "--package", "ratings")[0] == 0
    assert run(capsys, "check", root, "--strict")[0] == 0
    assert 'name = "ratings"' in (root / "pyproject.toml").read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--package", "2films"], "--package films"),
        (["--package", "class"], "--package my_project"),
        (["--package", "json"], "module of Python itself"),
        (["--stages", "1,77"], "Stage 77 is not declared"),
        (["--stages", "one"], "no list of stages"),
        (["--lang", "fr"], "not written in 'fr'"),
    ],
)
def test_what_cannot_be_a_project_is_refused(tmp_path, capsys, arguments, sentence):
    """A name that Python cannot import, a stage or a language that there is not: exit 2, nothing made."""
    code, _, err = run(capsys, "init", tmp_path / "demo", *arguments)
    assert (code, sentence in err) == (2, True), err
    assert list(tmp_path.iterdir()) == []


KILLED = """
import os, signal, sys
from movie_mlops.cli.main import main
from movie_mlops.standard.scaffold import writing
left = int(sys.argv[1])
def counted(real):
    def step(*arguments, **options):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **options)
    return step
for name in ("link", "rename", "replace"):
    setattr(writing.os, name, counted(getattr(os, name)))
writing._write = counted(writing._write)
writing.shutil.rmtree = counted(writing.shutil.rmtree)
sys.exit(main(["standard", *sys.argv[2:]]))
"""


def child(script, *arguments):
    """Start a Python of its own."""
    words = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={"PYTHONPATH": str(SOURCES), "PATH": "/usr/bin:/bin"}
    )


def test_a_run_that_is_killed_at_any_step_is_taken_back(project, tmp_path, capsys):
    """Killed before any step of its work, a run leaves all or, once the next run has begun, nothing."""
    before = tree(project)
    whole = tmp_path / "whole" / "demo"
    shutil.copytree(project, whole)
    command = ("new", "1.1", "--title", "ratings", "--containers", "--root")
    assert run(capsys, *command, whole)[0] == 0
    after = tree(whole)
    seen = {"nothing yet": 0, "halfway": 0, "all": 0}
    for step in range(1, 500, 3):
        process = child(KILLED, step, *command, project)
        process.communicate()
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL
        left = tree(project)
        if any(path.startswith(".standard-new") for path in left):
            # Nothing may be written here, so nothing is taken back either.
            assert run(capsys, "new", "9.9", "--title", "x", "--dry-run", "--root", project)[0] == 2
            assert tree(project) == left
        # Whatever is asked for next takes the killed run back first, even where it is refused itself.
        assert run(capsys, "new", "77.1", "--title", "x", "--root", project)[0] == 2
        assert tree(project) in (before, after)
        if tree(project) == after:
            seen["all"] += 1
            shutil.rmtree(project)
            shutil.copytree(whole, project)
            break
        seen["nothing yet" if left == before else "halfway"] += 1
    assert seen["halfway"] >= 5
    assert seen["all"] + (process.returncode == 0) == 1
    git(project, "add", "-A")
    assert run(capsys, "check", project, "--strict")[0] == 0


ENDED = """
import sys, time
from movie_mlops.cli.main import main
from movie_mlops.standard.scaffold import writing
real = writing.os.link
def slow(source, place):
    real(source, place)
    if str(place).endswith("_1_1_tests.sh"):
        print("halfway", flush=True)
        time.sleep(60)
writing.os.link = slow
sys.exit(main(["standard", *sys.argv[1:]]))
"""


@pytest.mark.parametrize("ended", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_run_that_is_asked_to_end_leaves_nothing(project, ended):
    """Ctrl-C and SIGTERM in the middle take everything back at once; a second run meanwhile is refused."""
    before = tree(project)
    process = child(ENDED, "new", "1.1", "--title", "ratings", "--root", project)
    assert process.stdout.readline() == b"halfway\n"
    second = child("from movie_mlops.cli.main import main; import sys; sys.exit(main(sys.argv[1:]))",
                   "standard", "new", "1.2", "--title", "films", "--root", project)  # fmt: skip
    assert b"Another run is making files here" in second.communicate()[1]
    assert tree(project) != before
    os.kill(process.pid, ended)
    assert process.wait(30) in {128 + ended, 130}
    process.communicate()
    assert tree(project) == before


def test_a_full_disk_leaves_no_project(tmp_path, capsys, monkeypatch):
    """A write that fails in a new project leaves no folder behind, and says so in one sentence."""

    def full(path, data, mode):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(writing, "_write", full)
    code, _, err = run(capsys, "init", tmp_path / "demo")
    assert (code, "No space left on device" in err, "Nothing was changed" in err) == (3, True, True)
    assert list(tmp_path.iterdir()) == []


def test_the_commands_need_nothing_but_the_standard_library(project):
    """init, new and render import nothing third-party."""
    script = (
        "import sys; from movie_mlops.cli.main import main; main(sys.argv[1:]);"
        "print(sorted({name.partition('.')[0] for name in sys.modules} - set(sys.stdlib_module_names)"
        " - {'movie_mlops', '__main__'}))"
    )
    for command in (["new", "1.1", "--title", "a", "--dry-run", "--root"], ["render", "--check"]):
        process = subprocess.run(
            [sys.executable, "-S", "-c", script, "standard", *command, str(project)],
            capture_output=True, text=True, env={"PYTHONPATH": str(SOURCES), "PATH": "/usr/bin:/bin"}, check=False,
        )  # fmt: skip
        assert process.stdout.splitlines()[-1] == "[]", process.stdout + process.stderr
