"""``movie-mlops standard …`` as a user types it, on real git repositories."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from movie_mlops.cli.main import main
from movie_mlops.standard.generated import conforming, large
from movie_mlops.standard.generated import write as write_project
from movie_mlops.standard.loading import load_spec
from tests.fixtures.stage_0.trees import git, repository, write

SPEC = load_spec(None)
BASE = {**conforming(SPEC, ["1.1"]), ".gitignore": ".env\n"}
GUIDE = "docs/00-overview/links-guide.md"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A clean project in git, with its .env on disk."""
    root = tmp_path / "project"
    root.mkdir()
    repository(root, BASE)
    write(root, {".env": "KEY=1\n"})
    monkeypatch.chdir(root)
    return root


def run(capsys, *arguments):
    """Return the exit code, what was printed and what was said."""
    code = main(["standard", *arguments])
    said = capsys.readouterr()
    return code, said.out, said.err


def found(capsys, *arguments):
    """Return the code and path of each finding."""
    _, out, _ = run(capsys, "check", "--format", "json", *arguments)
    return {(one["code"], one["path"]) for one in json.loads(out)["findings"]}


def test_a_clean_project_exits_zero_with_the_checklist_ticked(project, capsys):
    """A clean project: exit 0, every line of the checklist ticked, no colour in a pipe."""
    code, out, err = run(capsys, "check")
    assert (code, err) == (0, "")
    assert out.count("✓") == len(SPEC.checklist)
    assert "✗" not in out
    assert "\x1b" not in out
    assert "Clean:" in out


def test_findings_exit_one_and_are_grouped_by_stage(project, capsys):
    """Findings: exit 1, under their stage, with what to do; the same in Korean."""
    write(project, {"setup_films.sh": "", "docs/01-data-pipeline/Notes.md": ""})
    git(project, "add", "-A")
    code, out, _ = run(capsys, "check")
    assert code == 1
    assert out.index("The whole project") < out.index("setup_films.sh") < out.index("Stage 1 · data pipeline")
    assert "→ scripts/setup/setup_films.sh" in out
    assert "2 errors and 0 warnings" in out
    _, korean, _ = run(capsys, "check", "--lang", "ko", "--color", "always")
    assert "1단계 · 데이터 파이프라인" in korean
    assert "\x1b[31m" in korean


def test_a_warning_fails_only_when_strict(project, capsys):
    """A missing .env is a warning: exit 0, and 1 with --strict."""
    (project / ".env").unlink()
    assert run(capsys, "check")[0] == 0
    assert run(capsys, "check", "--strict")[0] == 1


def test_sarif_names_rule_place_and_line(project, capsys):
    """SARIF 2.1.0: rules, results with rule, level, a percent-encoded place and a line."""
    write(project, {GUIDE: "# A\n\n[gone](no%20file.md)\n", "tests/unit/한 글.csv": ""})
    git(project, "add", "-A")
    code, out, _ = run(capsys, "check", "--format", "sarif")
    document = json.loads(out)
    assert (code, document["version"]) == (1, "2.1.0")
    (result,) = document["runs"]
    rules = [rule["id"] for rule in result["tool"]["driver"]["rules"]]
    by_rule = {one["ruleId"]: one for one in result["results"]}
    assert set(by_rule) == {"STD601", "STD206"}
    assert rules[by_rule["STD601"]["ruleIndex"]] == "STD601"
    place = by_rule["STD601"]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": GUIDE, "uriBaseId": "ROOT"}
    assert place["region"] == {"startLine": 3, "startColumn": 8}
    assert by_rule["STD206"]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].startswith("tests/unit/%ED")
    assert all(one["level"] in {"error", "warning"} for one in result["results"])


def test_github_annotations_are_escaped(project, capsys):
    """GitHub's annotations: one line each, with commas, colons and new lines escaped."""
    write(project, {"tests/unit/a,b\n.csv": ""})
    git(project, "add", "-A")
    lines = run(capsys, "check", "--format", "github")[1].splitlines()
    assert any(line.startswith("::error file=tests/unit/a%2Cb%0A.csv,title=STD206 ") for line in lines)
    assert all(line.startswith("::error ") for line in lines)


@pytest.mark.parametrize("path", ["src/Films/one.py", "src/Films/deep/one.py", "src/films/ONE.py", "src/FILMS"])
def test_staged_finds_a_name_that_differs_in_case_alone(project, capsys, path):
    """--staged finds what would be one file or folder on other systems, whichever of the two was there before."""
    write(project, {"src/films/one.py": "", "data/elsewhere.csv": ""})
    git(project, "add", ".")
    git(project, "commit", "-qm", "films")
    write(project, {path: ""})
    git(project, "add", path)
    assert [code for code, _ in found(capsys, "--staged")] == ["STD701"]


def test_staged_judges_what_the_commit_changes(project, capsys):
    """--staged speaks of staged files alone, reads what is staged, and says who still names what goes."""
    write(project, {"setup_old.sh": "", GUIDE: "[tests](../01-data-pipeline/1.1-sources-testing.md)"})
    git(project, "add", "-A")
    git(project, "commit", "-qm", "second")
    write(project, {"deploy_films.sh": "", "Dockerfile.api": "", "docs/00-overview/b-guide.md": "[gone](c.md)"})
    git(project, "add", "deploy_films.sh", "docs")
    write(project, {"docs/00-overview/b-guide.md": "fine"})
    assert found(capsys, "--staged") == {("STD202", "deploy_films.sh"), ("STD601", "docs/00-overview/b-guide.md")}
    git(project, "reset", "-q")
    git(project, "rm", "-q", "docs/01-data-pipeline/1.1-sources-testing.md")
    assert found(capsys, "--staged") == {("STD601", GUIDE)}


def test_changed_judges_what_differs_from_a_commit(project, capsys):
    """--changed REV speaks of what differs from a commit."""
    write(project, {"setup_old.sh": ""})
    git(project, "add", "-A")
    git(project, "commit", "-qm", "second")
    write(project, {"setup_new.sh": ""})
    git(project, "add", "-A")
    assert found(capsys, "--changed", "HEAD") == {("STD201", "setup_new.sh")}
    assert found(capsys, "--changed", "HEAD~1") == {("STD201", "setup_new.sh"), ("STD201", "setup_old.sh")}


def test_a_commit_is_judged_as_it_was(project, capsys):
    """--rev judges a commit, whatever is on disk now; nobody misses .env there."""
    write(project, {"setup_old.sh": "", GUIDE: "[gone](gone.md)"})
    git(project, "add", "-A")
    git(project, "commit", "-qm", "second")
    git(project, "rm", "-q", "setup_old.sh")
    assert found(capsys, "--rev", "HEAD") == {("STD201", "setup_old.sh"), ("STD601", GUIDE)}
    assert found(capsys, "--rev", "HEAD~1") == set()


def test_a_plain_folder_is_judged_too(tmp_path, capsys):
    """Without git the files of the folder are judged; what needs git says so with exit 3."""
    write(tmp_path, {**BASE, ".env": "", "setup_a.sh": ""})
    (tmp_path / "src" / "loop").symlink_to("..")
    assert found(capsys, str(tmp_path)) == {("STD201", "setup_a.sh")}
    code, _, err = run(capsys, "check", str(tmp_path), "--staged")
    assert code == 3
    assert "not a git repository" in err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["chek"], 2, "Did you mean 'check'?"),
        (["check", "/no/such/folder"], 2, "is not a folder"),
        (["check", "--format", "xml"], 2, "invalid choice"),
        (["check", "--update-baseline"], 2, "needs a baseline"),
        (["check", "--staged", "--rev", "HEAD"], 2, "not allowed with"),
        (["check", "--rev", "no-such-commit"], 3, "git ls-tree failed"),
        (["check", "--changed", "no-such-commit"], 3, "git diff failed"),
        (["check", "--baseline", "missing.toml"], 2, "cannot be read"),
        (["explain", "/etc/passwd"], 2, "outside the project"),
        (["explain"], 2, "required"),
        (["branch", "feature/my_branch"], 1, "STD801"),
        (["branch", "main", "--direct"], 1, "STD802"),
        (["branch", "main"], 0, ""),
        (["branch"], 0, ""),
        (["branch", "docs/serving-guide"], 0, ""),
    ],
)
def test_every_way_to_fail_has_its_code_and_sentence(project, capsys, arguments, code, words):
    """Usage and declaration: 2; what cannot be done: 3; a finding: 1; one sentence each, never a traceback."""
    got, _, err = run(capsys, *arguments)
    assert got == code
    assert words in err
    assert "Traceback" not in err


def test_a_wrong_declaration_is_exit_two(project, capsys):
    """A broken config/standard.toml: exit 2 with file, line and the nearest word."""
    write(project, {"config/standard.toml": "[[rule]]\ncode = 'STD101'\nseverty = 'off'\n"})
    code, _, err = run(capsys, "check")
    assert code == 2
    assert "config/standard.toml:3: unknown key 'severty' in [[rule]]. Did you mean 'severity'?" in err


def test_a_project_says_what_it_wants_otherwise(project, capsys):
    """A project switches a rule off, declares a word and says which stages it has reached."""
    write(
        project,
        {
            "setup_a.sh": "",
            "docker/docker-compose.spark.yml": "",
            "config/standard.toml": "[project]\nstages = [1, 6]\n[[rule]]\ncode = 'STD201'\nseverity = 'off'\n"
            "[[word]]\nof = 'purpose'\nword = 'spark'\nmeaning = {en = 'Spark'}\n",
        },
    )
    git(project, "add", "-A")
    paths = {path for _, path in found(capsys)}
    assert "scripts/monitoring/setup_monitoring.sh" in paths
    assert not {"setup_a.sh", "docker/docker-compose.spark.yml"} & paths


ODD = ["a b.csv", 'q"uote.csv', "new\nline.csv", "한글.csv", "broken\udcff.csv", "-dash.csv", "$(id).csv"]


@pytest.mark.parametrize("form", ["text", "json", "sarif", "github", "baseline"])
def test_names_of_any_kind_are_printed_by_every_format(project, capsys, form):
    """Spaces, quotes, new lines, Korean and invalid UTF-8 in names: findings, and output that is valid UTF-8."""
    write(project, {f"tests/unit/{name}": "" for name in ODD})
    git(project, "add", "-A")
    code, out, err = run(capsys, "check", "--format", form)
    assert (code, err) == (1, "")
    out.encode("utf-8")
    if form in {"json", "sarif"}:
        json.loads(out)
    if form == "baseline":
        assert len(tomllib.loads(out)["accepted"]) >= len(ODD)
    for name in ODD:
        assert main(["standard", "explain", f"tests/unit/{name}"]) == 0


def test_a_file_that_is_gone_from_disk_is_missed(project, capsys):
    """A required file that is deleted on disk but still in the index is missing."""
    (project / "pytest.ini").unlink()
    assert found(capsys) == {("STD101", "pytest.ini")}


def test_links_and_submodules(project, capsys, tmp_path_factory):
    """A link out of the repository is a finding, a link inside and a submodule are none."""
    other = repository(tmp_path_factory.mktemp("other"), {"a.md": "a"})
    git(project, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(other), "src/vendored")
    (project / "src" / "out").symlink_to("/etc")
    (project / "src" / "in").symlink_to("../README.md")
    (project / "src" / "self").symlink_to("self")
    write(project, {GUIDE: "[a](../../src/vendored/a.md)"})
    git(project, "add", "-A")
    assert found(capsys) == {("STD706", "src/out")}


def test_what_is_remembered_is_never_stale(project, capsys):
    """References are remembered by content, and forgotten as soon as what they name comes or goes."""
    write(project, {GUIDE: "[b](b-guide.md)"})
    git(project, "add", "-A")
    assert found(capsys) == {("STD601", GUIDE)}
    assert found(capsys) == {("STD601", GUIDE)}
    write(project, {"docs/00-overview/b-guide.md": "# B"})
    git(project, "add", "-A")
    assert found(capsys) == set()
    git(project, "mv", "docs/00-overview/b-guide.md", "docs/00-overview/c-guide.md")
    assert found(capsys) == {("STD601", GUIDE)}
    write(project, {GUIDE: "[c](c-guide.md)"})
    assert found(capsys) == set()
    remembered = project / ".git" / "movie-mlops" / "references"
    remembered.write_bytes(b"broken")
    assert found(capsys) == set()
    remembered.unlink()
    remembered.mkdir()
    assert found(capsys) == set()


def test_a_baseline_has_reasons_and_can_only_shrink(project, capsys):
    """Accepted findings are silent, a reason is a must, an entry that no longer fires is an error until it is gone."""
    write(project, {"setup_a.sh": "", "setup_b.sh": ""})
    git(project, "add", "-A")
    proposed = run(capsys, "check", "--format", "baseline")[1]
    write(project, {"config/accepted.toml": proposed})
    code, _, err = run(capsys, "check", "--baseline", "config/accepted.toml")
    assert code == 2
    assert "has no reason" in err
    write(project, {"config/accepted.toml": proposed.replace('reason = ""', 'reason = "moves next week"')})
    assert run(capsys, "check", "--baseline", "config/accepted.toml")[0] == 0
    git(project, "rm", "-qf", "setup_a.sh")
    code, _, err = run(capsys, "check", "--baseline", "config/accepted.toml")
    assert code == 1
    assert "config/accepted.toml:3: accepts 1 of STD201 at setup_a.sh, there is 0: a baseline can only shrink" in err
    assert run(capsys, "check", "--baseline", "config/accepted.toml", "--update-baseline")[0] == 0
    left = tomllib.loads((project / "config" / "accepted.toml").read_text())["accepted"]
    assert [one["path"] for one in left] == ["setup_b.sh"]
    write(project, {"setup_c.sh": ""})
    git(project, "add", "-A")
    assert run(capsys, "check", "--baseline", "config/accepted.toml", "--update-baseline")[0] == 1
    assert "setup_c" not in (project / "config" / "accepted.toml").read_text()


def test_explain_says_kind_rules_and_what_belongs_beside(project, capsys):
    """Explain names the kind, the rules with their reasons, and what must exist beside the path."""
    out = run(capsys, "explain", "tests/unit/test_1_1_sources.py")[1]
    assert "unit test: test_<stage>_<substage>_<feature>.py" in out
    assert "STD204 §3" in out
    assert "✓ tests/integration/test_1_1_sources.py" in out
    out = run(capsys, "explain", "test_lake.py")[1]
    assert "(not there yet)" in out
    assert "may be: tests/unit/test_1_3_lake.py" in out
    out = run(capsys, "explain", "docker-compose.yml", "--lang", "ko")[1]
    assert "올바른 경로: docker/docker-compose.main.yml" in out
    assert "<stage_folder>/" in run(capsys, "explain", "docs")[1]


def test_a_subfolder_is_enough(project, capsys, monkeypatch):
    """From below, the repository around is judged, and paths are read from where one stands."""
    monkeypatch.chdir(project / "tests" / "unit")
    assert run(capsys, "check")[0] == 0
    assert run(capsys, "explain", "test_1_1_sources.py")[1].startswith("tests/unit/test_1_1_sources.py\n")


def test_nothing_outside_the_standard_library_is_imported(project):
    """The command imports neither typer nor pydantic nor any other third-party package."""
    code = (
        "import sys; from movie_mlops.cli.main import main; main(['standard', 'check']);"
        "bad = [m for m in sys.modules if m.split('.')[0] in {'typer', 'pydantic', 'rich', 'polars', 'numpy', 'yaml'}];"
        "sys.exit(str(bad) if bad else 0)"
    )
    source = str(Path(__file__).resolve().parents[2] / "src")
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {source!r}); {code}"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_a_folder_without_permission_is_one_sentence(tmp_path, capsys):
    """A folder that may not be read: exit 3 and one sentence."""
    (tmp_path / "closed").mkdir(mode=0)
    code, _, err = run(capsys, "check", str(tmp_path))
    assert code == 3
    assert "closed/ cannot be read: Permission denied" in err


def test_without_git_the_sentence_says_so(project, capsys, monkeypatch):
    """A machine without git: exit 3 and what to install."""
    monkeypatch.setenv("PATH", "/nowhere")
    code, _, err = run(capsys, "check")
    assert code == 3
    assert "The program 'git' was not found. Install git" in err


def test_a_merge_in_progress_is_judged(project, capsys):
    """A path that git holds three times while a merge is in conflict is one path."""
    write(project, {GUIDE: "ours"})
    git(project, "add", "-A")
    git(project, "commit", "-qm", "ours")
    git(project, "switch", "-qc", "docs/theirs", "HEAD~1")
    write(project, {GUIDE: "theirs", "setup_a.sh": ""})
    git(project, "add", "-A")
    git(project, "commit", "-qm", "theirs")
    subprocess.run(["git", "merge", "main"], check=False, capture_output=True)
    assert git(project, "ls-files", "-u").count(GUIDE) == 2
    assert found(capsys) == {("STD201", "setup_a.sh")}


def test_a_large_project_is_made_and_is_clean(tmp_path, capsys):
    """The project that speed is measured on has the size that was asked for, and no finding."""
    files = large(SPEC, files=1500, folders=120)
    assert len(files) == 1500
    assert 100 <= len({path.rpartition("/")[0] for path in files}) <= 140
    root = tmp_path / "large"
    root.mkdir()
    repository(root, {})
    write_project(root, {**files, ".gitignore": ".env\n"})
    git(root, "add", "-A")
    assert found(capsys, str(root)) == {("STD102", ".env")}
