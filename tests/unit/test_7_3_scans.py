"""Scans: a planted example of everything that must not be is found, and this project has none of it."""

import json
import subprocess
from importlib.metadata import PathDistribution
from pathlib import Path

import pytest

from movie_mlops.cli.main import main
from movie_mlops.security.scan import CHECKS, Accepted, Licences, ScanConfig, scan
from movie_mlops.security.scan.licences import is_allowed, licence_findings
from movie_mlops.security.scan.lint import lint
from movie_mlops.settings import read_scan
from tests.conftest import REPOSITORY

# In two parts, so that the scan of this project does not find them here.
PLANTED = {
    "private-key": "-----BEGIN RSA " + "PRIVATE KEY-----",
    "aws": "AKIA" + "IOSFODNN7EXAMPLE",
    "github": "ghp" + "_" + "a1B2" * 9,
    "gitlab": "glpat" + "-" + "a1B2c" * 4,
    "slack": "xoxb" + "-123456789012-abcdef",
    "google": "AIza" + "a1B2c" * 7,
    "stripe": "sk" + "_live_" + "a1B2" * 5,
    "openai": "sk" + "-proj-" + "a1B2" * 9,
    "npm": "npm" + "_" + "a1B2" * 9,
    "pypi": "pypi" + "-AgE" + "a1B2" * 11,
    "huggingface": "hf" + "_" + "a1B2" * 8,
    "sendgrid": "SG" + "." + "a1B2" * 5 + "." + "a1B2" * 5,
    "jwt": "eyJ" + "hbGciOiJIUzI1NiJ9.eyJ" + "zdWIiOiIxMjM0In0.c2lnbmF0dXJlLW9m",
    "password-in-address": "postgresql" + "://movies:tr0ub4dor" + "@db:5432/state",
    "azure": "AccountKey" + "=" + "a1B2" * 16 + "==",
    "named": "api_" + 'key = "q9Xv2LrT7bNw4KzP8mYd1HsC"',
}

EXECUTABLE = {
    "pickle": [
        "import pickle",
        "import cloudpickle as cp",
        "from joblib import load",
        "from marshal import loads as read",
        "import shelve, json",
        "def f():\n    import dill.source",
        "from sklearn.externals import joblib",
        "import pandas as pd\npd.read_pickle('x')",
    ],
    "numpy-pickle": [
        "import numpy as np\nnp.load('x', allow_pickle=True)",
        "from numpy import load as read\nread('x', None, allow_pickle=flag)",
        "import numpy\nnumpy.lib.format.read_array(f, allow_pickle=1)",
    ],
    "torch-pickle": [
        "import torch\ntorch.load('x')",
        "import torch as t\nt.load('x', weights_only=False)",
        "from torch import load\nload('x', weights_only=flag)",
    ],
    "yaml": [
        "import yaml\nyaml.load(text)",
        "import yaml\nyaml.load(text, Loader=yaml.FullLoader)",
        "import yaml as y\ny.load(text, y.Loader)",
        "from yaml import unsafe_load\nunsafe_load(text)",
        "import yaml\nyaml.full_load_all(text)",
    ],
    "text-as-code": [
        "eval('1')",
        "exec(text)",
        "import builtins\nbuiltins.eval('1')",
        "compile(text, 'x', 'exec')",
        "from builtins import exec as run\nrun(text)",
    ],
    "shell": [
        "import subprocess\nsubprocess.run('ls', shell=True)",
        "from subprocess import Popen as P\nP('ls', shell=flag)",
        "import os\nos.system('ls')",
        "from os import popen\npopen('ls')",
        "import asyncio\nasyncio.create_subprocess_shell('ls')",
    ],
}
HARMLESS = """
import ast, json, re, subprocess, yaml
import numpy as np
import torch
np.load("x"), np.load("x", allow_pickle=False), torch.load("x", weights_only=True)
yaml.safe_load(text), yaml.load(text, Loader=yaml.SafeLoader), yaml.load(text, yaml.CSafeLoader)
json.load(file), re.compile("x"), ast.literal_eval("1"), column.list.eval(each), model.eval()
subprocess.run(["ls"]), subprocess.run(["ls"], shell=False)
pickle = "a word"
"""
UNPINNED = {
    "numpy>=2\n": "unpinned",
    "numpy\n": "unpinned",
    "git+https://github.com/a/b\n": "unpinned",
    "-e .\n": "unpinned",
    "-r other.txt\n": "unpinned",
    "numpy==2.*\n": "unpinned",
    "numpy==2.4.0\n": "unhashed",
    "numpy==2.4.0 --hash=md5:abc\n": "unhashed",
    "--index-url http://example.org/simple\n": "unencrypted",
}
GOOD_LOCK = (
    "# a comment\n--index-url https://example.org/simple\nnumpy==2.4.0 ; python_version < '3.13' \\\n"
    f"    --hash=sha256:{'ab' * 32}\n    # via x\n"
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """An empty project in git."""
    git(tmp_path, "init", "--quiet")
    return tmp_path


def git(root: Path, *words: str) -> None:
    who = ("-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "core.hooksPath=/dev/null")
    subprocess.run(["git", "-C", root, *who, *words], check=True, capture_output=True)


def rules(root: Path, *only: str, config: ScanConfig | None = None) -> list[str]:
    return [finding.rule for finding in scan(root, config or ScanConfig(), only=only).findings]


@pytest.mark.parametrize(
    ("rule", "source"), [(rule, source) for rule, all_of in EXECUTABLE.items() for source in all_of]
)
def test_whatever_runs_data_is_found(rule: str, source: str) -> None:
    """Promise P24: pickle and its kin, YAML that makes objects, text as a program, a shell, by whatever name."""
    (finding,) = lint(f'"""Words."""\n\n{source}\n', "a.py")
    assert (finding.rule, finding.path) == (f"lint/{rule}", "a.py")
    assert finding.line == 2 + len(source.splitlines())


def test_what_only_looks_like_it_is_not_found() -> None:
    """Safe forms, methods of the same name and words in texts are no finding; a file that is no Python is one."""
    assert lint(HARMLESS, "a.py") == []
    assert [finding.rule for finding in lint("eval(", "a.py")] == ["lint/unreadable"]


def test_this_project_runs_no_data() -> None:
    """Promise P24: no file of this project reads what could run; nor is a package unpinned, a licence or a container
    file unlike what is allowed. What is accepted is still needed, and has its reason in ``config/security-scan.yaml``.
    """  # noqa: D205 - one promise
    config = read_scan(REPOSITORY / "config" / "security-scan.yaml")
    found = scan(REPOSITORY, config, only=("lint", "lock", "licence", "container"))
    assert [finding.to_json() for finding in found.findings] == []
    # It does look: what is accepted was found.
    assert found.accepted > 10


def test_every_kind_of_secret_is_found_in_the_tree(project: Path) -> None:
    """One of each shape, told by its kind and a fingerprint, not shown; committed or not, but not where git ignores."""
    for name, secret in PLANTED.items():
        (project / f"{name}.txt").write_text(f"a line\nsome words {secret}\n")
    (project / ".gitignore").write_text("ignored.txt\n")
    (project / "ignored.txt").write_text(PLANTED["github"])
    (project / "picture.bin").write_bytes(b"\0" + PLANTED["github"].encode())
    git(project, "add", "aws.txt")
    found = scan(project, ScanConfig(), only=["secret"]).findings
    assert {(one.path, one.line, one.rule) for one in found} == {(f"{n}.txt", 2, f"secret/{n}") for n in PLANTED}
    assert not [one for one in found for secret in PLANTED.values() if secret in one.sentence]


def test_a_secret_that_was_taken_out_again_is_found_in_history(project: Path) -> None:
    """Whoever has a copy has it: each is told once, with the commit that added it, on whatever branch."""
    (project / "a.py").write_text(f"KEY = '{PLANTED['aws']}'\n")
    git(project, "add", ".")
    git(project, "commit", "-qm", "feat: a key")
    (project / "a.py").write_text("KEY = None\n")
    git(project, "commit", "-qam", "fix: no key")
    git(project, "checkout", "-qb", "other")
    (project / "b.py").write_text(f"KEY = '{PLANTED['github']}'\n")
    git(project, "add", ".")
    git(project, "commit", "-qm", "feat: another")
    git(project, "checkout", "-q", "-")
    found = scan(project, ScanConfig(), only=["secret"]).findings
    assert [(one.path, one.rule) for one in found] == [("a.py", "secret/aws"), ("b.py", "secret/github")]
    assert all("was added by commit " in one.sentence for one in found)


@pytest.mark.parametrize(
    "line",
    [
        "postgresql://user:password@localhost:5432/database",
        "redis://:${PASSWORD}@cache:6379",
        "api_key = settings.tmdb_key.get_secret_value()",
        "token_of_the_administrator = read_the_token_from_somewhere",
        "secret: sha256_of_the_whole_archive",
        "password = 'example-password-1234567890'",
        f"numpy==2.4.0 --hash=sha256:{'ab' * 32}",
    ],
)
def test_examples_and_names_are_no_secrets(project: Path, line: str) -> None:
    """What stands in documents in a secret's place, names of variables and checksums are no finding."""
    (project / "a.md").write_text(line)
    assert rules(project, "secret") == []


@pytest.mark.parametrize(("line", "told"), UNPINNED.items())
def test_whatever_is_not_pinned_is_found(project: Path, line: str, told: str) -> None:
    """A range, an address, another list, no hash or a weak one, an index without encryption; the rest passes."""
    (project / "requirements-x.txt").write_text(GOOD_LOCK + line)
    (finding,) = scan(project, ScanConfig(), only=["lock"]).findings
    assert (finding.rule, finding.line) == (f"lock/{told}", 6)


def test_licences_are_held_against_the_list(tmp_path: Path) -> None:
    """By whichever field tells them; one that is not allowed or not told is found, a named package is not."""
    told = {
        "good": "License-Expression: MIT",
        "choice": "License-Expression: GPL-3.0-only OR (MIT AND Zlib)",
        "classified": "Classifier: License :: OSI Approved :: MIT License",
        "older": "License: Apache-2.0",
        "viral": "License-Expression: MIT AND AGPL-3.0-only",
        "silent": "Summary: nothing",
        "named": "License-Expression: LGPL-3.0-only",
    }
    for name, line in told.items():
        folder = tmp_path / f"{name}-1.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {name}\nVersion: 1\n{line}\n")
    config = Licences(allowed=("MIT", "Zlib", "Apache-2.0"), packages={"named": "a reason of words"})
    installed = [PathDistribution(path) for path in sorted(tmp_path.iterdir())]
    found = {finding.path: finding.rule for finding in licence_findings(installed, config)}
    assert found == {"viral": "licence/refused", "silent": "licence/unknown"}


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("Apache-2.0 WITH LLVM-exception", True),
        ("GPL-3.0-only OR MIT", True),
        ("MIT OR GPL-3.0-only", True),
        ("MIT AND GPL-3.0-only", False),
        ("(GPL-3.0-only OR MIT) AND Apache-2.0", True),
        ("GPL-3.0-only OR MIT AND AGPL-3.0-only", False),
        ("MIT)", False),
        ("(MIT", False),
        ("", False),
        ("MIT MIT", False),
    ],
)
def test_an_expression_is_read_as_spdx_says(expression: str, allowed: bool) -> None:
    """AND binds closer than OR, brackets closest; what cannot be read is not allowed."""
    assert is_allowed(expression, ("MIT", "Apache-2.0")) is allowed


def test_soft_containers_and_dangerous_code_are_found(project: Path) -> None:
    """The rules for container files and workflows, and Bandit's for code, look at every project that is scanned."""
    files = {
        "docker/Dockerfile.api": "FROM python:latest\n",
        "docker/docker-compose.main.yml": "services: {a: {image: 'x:latest'}}\n",
        ".github/workflows/ci.yml": "on: push\njobs: {a: {runs-on: ubuntu-latest, steps: []}}\n",
        "src/a.py": "import hashlib, tempfile\nname = tempfile.mktemp()\nh = hashlib.md5(b'x')\n",
        "tests/a.py": "import tempfile\nname = tempfile.mktemp()\n",
    }
    for name, text in files.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text)
    found = scan(project, ScanConfig(), only=["container", "bandit"])
    assert {finding.path for finding in found.findings} == set(files) - {"tests/a.py"}
    assert {"bandit/B306", "bandit/B324", "container/hardening"} == {finding.rule for finding in found.findings}


def test_what_is_accepted_needs_a_reason_and_a_use(project: Path) -> None:
    """Accepted by rule and path; without a reason it is refused; what nothing needs any more is a finding itself."""
    (project / "a.py").write_text("import pickle\n")
    accepted = Accepted("lint/pickle", "*.py", "reads its own files alone")
    assert rules(project, "lint", config=ScanConfig((accepted,))) == []
    other = Accepted("lint/shell", "b.py", "was there once before")
    assert rules(project, "lint", config=ScanConfig((accepted, other))) == ["accepted/unused"]
    with pytest.raises(ValueError, match="has no reason"):
        Accepted("lint/pickle", "a.py", "because")


def test_the_command_tells_people_programs_and_code_hosts(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line a finding, exit code 1, and a SARIF 2.1.0 document that says rule, file, line and sentence."""
    (project / "a.py").write_text("import os\nos.system('ls')\n")
    (project / "config").mkdir()
    sarif = project / "out" / "found.sarif"
    sarif.parent.mkdir()
    words = ["security", "scan", str(project), "--check", "lint", "--sarif", str(sarif)]
    assert main(words) == 1
    assert capsys.readouterr().out.startswith("a.py:2: lint/shell: ")
    document = json.loads(sarif.read_text())
    assert document["version"] == "2.1.0"
    (run,) = document["runs"]
    (rule,), (result,) = run["tool"]["driver"]["rules"], run["results"]
    assert rule["id"] == result["ruleId"] == "lint/shell"
    assert (result["level"], result["ruleIndex"]) == ("error", 0)
    place = result["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == ("a.py", 2)
    (project / "config" / "security-scan.yaml").write_text(
        "accepted: [{rule: lint/*, path: a.py, reason: a script that only lists}]\n"
    )
    assert main(words) == 0
    assert "0 findings by lint; 1 are accepted." in capsys.readouterr().out
    assert json.loads(sarif.read_text())["runs"][0]["results"] == []
    assert main(["security", "scan", str(project), "--check", "lnit"]) == 1
    assert "There is no check 'lnit'" in capsys.readouterr().err
    assert main(["security", "scan", str(project / "nowhere")]) == 1
    assert "is no working tree of git" in capsys.readouterr().err


def test_every_check_says_what_it_is_for() -> None:
    """Every check that can be asked for has its sentence, and the script's help names all of them."""
    said = (REPOSITORY / "scripts" / "security" / "security_scan.sh").read_text()
    assert ", ".join(name for name in CHECKS if name != "accepted") in said
