"""What tests promise is read from their text alone."""

from movie_mlops.standard.loading import load_spec
from movie_mlops.standard.render.promises import Promise, of_bash, of_python
from movie_mlops.standard.render.testing import document, numbered_tests, plain

TESTS = '''
"""Ratings: what is read is what was written.

More."""
import pytest, nowhere_to_be_found

pytestmark = pytest.mark.browser

raise SystemExit("this file must never run")

def helper():
    """No test."""

def test_one():
    """Promise P2: a row that is refused
    is kept with its line.

    The rest is not the promise."""

@pytest.mark.parametrize("a", [1, 2, 3])
@pytest.mark.parametrize("b", ["x", "y"])
async def test_many(a, b):
    """Promises P4, P5 and P6: both."""

@pytest.mark.parametrize("a", CASES)
def test_silent(a): ...

class TestInside:
    @given(integers())
    @pytest.mark.skipif(True, reason="no")
    def test_property(self, n):
        """Any number is kept."""
'''


def test_a_file_is_read_and_never_run():
    """Each test gives its first sentence, promise numbers, cases and marks; nothing of the file is executed."""
    found = of_python("tests/unit/test_1_1_ratings.py", TESTS)
    assert found.about == "Ratings: what is read is what was written."
    assert [promise._replace(line=0) for promise in found.promises] == [
        Promise("test_one", 0, "A row that is refused is kept with its line.", ("P2",), ("marked browser",)),
        Promise("test_many", 0, "Both.", ("P4", "P5", "P6"), ("6 cases", "marked browser")),
        Promise("test_silent", 0, "", (), ("several cases", "marked browser")),
        Promise(
            "TestInside::test_property", 0, "Any number is kept.", (),
            ("property", "marked browser", "left out where it cannot run"),
        ),
    ]  # fmt: skip


def test_a_file_that_is_not_python_says_so():
    """A file that cannot be parsed is named with its line."""
    assert of_python("a.py", "def broken(:\n").broken == "line 1 is not Python"


def test_a_bash_test_promises_its_first_comment():
    """The first comment of a Bash test is its promise."""
    (promise,) = of_bash("tests/integration/test_1_1_a.sh", "#!/bin/bash\n# Promise P3: it starts.\n").promises
    assert (promise.text, promise.numbers) == ("It starts.", ("P3",))


def test_a_document_groups_by_kind_and_names_the_command_and_the_silent():
    """Kinds, files and tests in order, the stage's tests with its substages, and tests without a promise reported."""
    spec = load_spec(None)
    texts = {
        "tests/unit/test_1_1_ratings.py": TESTS,
        "tests/e2e/test_1_x_complete_workflow.py": 'def test_all():\n    """All of it."""\n',
        "tests/unit/test_1_2_other.py": "",
        "tests/unit/conftest.py": "",
        "src/test_1_1_no.py": "",
    }
    found = numbered_tests(spec, texts)
    assert {number: [one.path for one in tests] for number, tests in found.items()} == {
        "1.1": ["tests/unit/test_1_1_ratings.py", "tests/e2e/test_1_x_complete_workflow.py"],
        "1.2": ["tests/unit/test_1_2_other.py", "tests/e2e/test_1_x_complete_workflow.py"],
    }
    text, silent = document(spec, spec.substages["1.1"], found["1.1"], texts)
    headings = [line for line in text.splitlines() if line.startswith("#")]
    assert headings == [
        "# 1.1 Sources: testing", "## How to run it", "## Unit tests", "### `test_1_1_ratings.py`",
        "## End-to-end tests", "### `test_1_x_complete_workflow.py`",
    ]  # fmt: skip
    assert "./run_tests.sh --stage 1.1 --kind unit" in text
    assert "- **P2** A row that is refused is kept with its line." in text
    assert "(Proves the whole of stage 1: `./run_tests.sh --stage 1.x`)" in text
    assert silent == ["tests/unit/test_1_1_ratings.py:26: test_silent has no docstring, so its promise is unknown"]


def test_a_sentence_is_shown_as_it_was_written():
    """What Markdown would read as markup is escaped; code stays code."""
    assert plain("a <b> of *c* in `d_<e>` and f_g, __init__") == r"a \<b\> of \*c\* in `d_<e>` and f_g, \_\_init\_\_"
