"""Every rule fires where it should, is silent where it should be, and planted violations are found, exactly those."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from movie_mlops.standard.branches import judge
from movie_mlops.standard.checking import check
from movie_mlops.standard.generated import conforming
from movie_mlops.standard.loading import load_spec
from movie_mlops.standard.rules import CHECKS
from tests.fixtures.stage_0.trees import MemoryTree

SPEC = load_spec(None)
BASE = conforming(SPEC, ["1.1", "3.1", "5.1"])
GUIDE = "docs/01-data-pipeline/links-guide.md"


def codes(files, path=None, **more):
    """Return the codes that fire, of one path or of all."""
    found = check(SPEC, MemoryTree(files, **more)).findings
    return {one.code for one in found if path is None or one.path in {path, path.rpartition("/")[0]}}


def without(path):
    return {name: text for name, text in BASE.items() if name != path}


def firing(rule):
    """Return the codes that the rule's own bad example gives."""
    bad = rule.bad
    if rule.check == "branch":
        found = judge(SPEC, bad, direct=True)
        return {found.code} if found else set()
    if rule.code == "STD102":
        return codes(BASE, untracked=())
    if rule.check in {"require", "companion"}:
        assert bad in BASE, f"the bad example of {rule.code} is not in a conforming project"
        return codes(without(bad))
    if rule.check == "reference":
        return codes({**BASE, GUIDE: "[gone](nowhere-guide.md)\n"}, bad)
    if rule.aspect == "link":
        return codes(BASE, bad, links={bad: "../../outside"})
    return codes({**BASE, bad: ""}, bad)


def silent(rule):
    """Return the codes that the rule's own good example gives."""
    good = rule.good
    if rule.check == "branch":
        found = judge(SPEC, good, direct=True)
        return {found.code} if found else set()
    if rule.check == "reference":
        return codes({**BASE, GUIDE: "[here](../../README.md) and [a folder](../assets)\n", "docs/assets/a.svg": ""})
    if rule.aspect == "link":
        return codes(BASE, good, links={good: "../README.md"})
    return codes({**BASE, good: BASE.get(good, "")})


def test_the_least_project_is_clean():
    """A project made from the declaration alone has no finding."""
    assert check(SPEC, MemoryTree(BASE)).findings == []


def test_every_stage_can_be_kept():
    """A project with every substage has no finding either."""
    assert check(SPEC, MemoryTree(conforming(SPEC, list(SPEC.substages)))).findings == []


@pytest.mark.parametrize("code", SPEC.rules)
def test_a_rule_fires_on_its_bad_example(code):
    """Every rule of the declaration finds what its bad example shows."""
    assert code in firing(SPEC.rules[code])


@pytest.mark.parametrize("code", SPEC.rules)
def test_a_rule_is_silent_on_its_good_example(code):
    """No rule fires on its good example."""
    assert code not in silent(SPEC.rules[code])


def test_every_check_has_a_rule_and_every_rule_a_check():
    """No kind of rule is without a rule, and no rule without somebody who looks."""
    assert {rule.check for rule in SPEC.rules.values()} == {*CHECKS, "branch"}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({".env": ""}, {("STD111", ".env")}),
        ({"docker-compose.yml": ""}, {("STD203", "docker-compose.yml")}),
        ({"Dockerfile": ""}, {("STD203", "Dockerfile")}),
        ({"deploy/run.sh": ""}, {("STD202", "deploy/run.sh")}),
        ({"tests/test_films.py": ""}, {("STD204", "tests/test_films.py")}),
        ({"tests/unit/한국어.json": ""}, {("STD206", "tests/unit/한국어.json")}),
        ({"docs/01-data-pipeline/Notes.md": ""}, {("STD305", "docs/01-data-pipeline/Notes.md")}),
        ({"docker/docker-compose.stage-12.yml": ""}, {("STD501", "docker/docker-compose.stage-12.yml")}),
        (
            {"tests/unit/test_1_47_a.py": "", "tests/unit/test_1_47_b.py": ""},
            {("STD502", "tests/unit/test_1_47_a.py"), ("STD502", "tests/unit/test_1_47_b.py")},
        ),
        ({"docs/10-quantum/q-guide.md": ""}, {("STD505", "docs/10-quantum")}),
        ({"scripts/data/load_films.sh": "", "scripts/data/load_users.sh": ""}, {("STD504", "scripts/data")}),
        ({"src/a.py": "", "src/A.py": ""}, {("STD701", "src/a.py")}),
        ({"src/new\nline.py": ""}, {("STD704", "src/new\nline.py")}),
        ({"src/end./a.py": ""}, {("STD704", "src/end./a.py")}),
        ({"src/broken\udcff.py": ""}, {("STD705", "src/broken\udcff.py")}),
        ({"src/deep/COM1.txt": ""}, {("STD702", "src/deep/COM1.txt")}),
        ({"src/console.py": "", "src/auxiliary.py": ""}, set()),
        ({"tests/e2e/test_1_x_complete_workflow.py": ""}, set()),
        ({"README.ko.md": "", "docs/00-overview/naming-conventions.ko.md": ""}, set()),
    ],
)
def test_literal_trees(files, expected):
    """Literal additions to a conforming project give literal findings."""
    found = check(SPEC, MemoryTree({**BASE, **files}, untracked=() if ".env" in files else (".env",))).findings
    assert {(one.code, one.path) for one in found} == expected


def test_x_counts_for_every_substage():
    """run_1_x_tests.sh and test_1_x_complete_workflow.py are the runner and the end-to-end test of each substage."""
    files = conforming(SPEC, ["1.1", "1.2"])
    for number in ("1_1", "1_2"):
        del files[f"scripts/test/run_{number}_tests.sh"]
        del files[f"tests/e2e/test_{number}_complete_workflow.py"]
    assert codes(files) == {"STD403"}
    assert codes({**files, "tests/e2e/test_1_x_complete_workflow.py": ""}) == set()


def test_references_say_where_they_are():
    """A dangling reference has its line, its column and the path of the same name."""
    files = {**BASE, GUIDE: "# Links\n\nSee [the tests](../testing/1.1-sources-testing.md).\n"}
    (found,) = check(SPEC, MemoryTree(files)).findings
    assert (found.code, found.line, found.column) == ("STD601", 3, 17)
    assert "docs/testing/1.1-sources-testing.md" in found.message
    assert found.fix == "→ docs/01-data-pipeline/1.1-sources-testing.md ?"


def test_what_git_ignores_is_not_missed():
    """A path that is made and not kept is no dangling reference."""
    files = {**BASE, GUIDE: "[made](../../.env)\n"}
    assert codes(files) == set()


WORD = st.from_regex(r"[a-z]{3,8}", fullmatch=True).filter(
    lambda word: word not in {"con", "prn", "aux", "nul", "test", "setup", "deploy", "run", "main", "prod"}
)
SUBSTAGE = st.sampled_from(sorted(SPEC.substages))


def planted(word, stage):
    """Return violations: what is written, and what must be found."""
    number = stage.replace(".", "_")
    return {
        "set-up in the root": ({f"setup_{word}.sh": ""}, ("STD201", f"setup_{word}.sh")),
        "deployment in the root": ({f"deploy_{word}.sh": ""}, ("STD202", f"deploy_{word}.sh")),
        "Dockerfile in the root": ({f"Dockerfile.{word}x": ""}, ("STD203", f"Dockerfile.{word}x")),
        "test in the root": ({f"test_{number}_{word}.py": ""}, ("STD204", f"test_{number}_{word}.py")),
        "data among tests": ({f"tests/unit/{word}.csv": ""}, ("STD206", f"tests/unit/{word}.csv")),
        "script of one word": ({f"scripts/test/{word}.sh": ""}, ("STD301", f"scripts/test/{word}.sh")),
        "test without numbers": ({f"tests/unit/test_{word}.py": ""}, ("STD302", f"tests/unit/test_{word}.py")),
        "capital Compose file": (
            {f"docker/docker-compose.{word.upper()}.yml": ""},
            ("STD303", f"docker/docker-compose.{word.upper()}.yml"),
        ),
        "document without type": (
            {f"docs/00-overview/{word}_{word}.md": ""},
            ("STD305", f"docs/00-overview/{word}_{word}.md"),
        ),
        "undeclared purpose": (
            {f"docker/docker-compose.{word}-x.yml": ""},
            ("STD503", f"docker/docker-compose.{word}-x.yml"),
        ),
        "undeclared stage": (
            {f"tests/unit/test_77_1_{word}.py": ""},
            ("STD501", f"tests/unit/test_77_1_{word}.py"),
        ),
        "dangling link": (
            {f"docs/00-overview/{word}-guide.md": f"[gone]({word}-gone.md)"},
            ("STD601", f"docs/00-overview/{word}-guide.md"),
        ),
        "question mark": ({f"src/{word}?.py": ""}, ("STD704", f"src/{word}?.py")),
        "capital twin": ({f"src/{word}.py": "", f"src/{word.upper()}.py": ""}, ("STD701", f"src/{word}.py")),
    }


NAMES = sorted(planted("word", "1.1"))


@settings(max_examples=60, deadline=None)
@given(
    substages=st.lists(SUBSTAGE, min_size=1, max_size=4, unique=True),
    plants=st.dictionaries(st.sampled_from(NAMES), WORD, max_size=5),
    free=st.lists(WORD, max_size=4),
)
def test_planted_violations_are_found_and_nothing_else(substages, plants, free):
    """Whatever conforming project is made and whatever is planted in it, exactly that is found."""
    files = conforming(SPEC, substages)
    files.update({f"src/package/{word}.py": "" for word in free})
    files.update({f"notebooks/{word}.ipynb": "" for word in free})
    expected = set()
    for name, word in plants.items():
        added, finding = planted(word, substages[0])[name]
        files.update(added)
        expected.add(finding)
    # An undeclared stage that carries a test counts as reached, but nothing is asked of it.
    found = {(one.code, one.path) for one in check(SPEC, MemoryTree(files)).findings}
    assert found == expected
