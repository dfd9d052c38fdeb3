"""Names with holes: compiled, matched, filled, and read loosely."""

import pytest

from movie_mlops.standard.template import Placeholder, Template, words

PLACEHOLDERS = {
    "stage": Placeholder("stage", "0|[1-9][0-9]*", "", {}),
    "substage": Placeholder("substage", "[1-9][0-9]*|x", "", {}),
    "feature": Placeholder("feature", "[a-z][a-z0-9]*(?:_[a-z0-9]+)*", "_", {}),
    "title": Placeholder("title", "[a-z0-9]+(?:-[a-z0-9]+)*", "-", {}),
    "type": Placeholder("type", "[a-z]+", "", {}),
}
TEST = Template("test_{stage}_{substage}_{feature}.py", PLACEHOLDERS)
DOCUMENT = Template("{stage}.{substage}-{title}-{type}.md", PLACEHOLDERS)


def test_a_name_that_fits_gives_what_stands_in_the_holes():
    """A name that fits its template says its stage, substage and feature."""
    assert TEST.match("test_3_x_git_config.py") == {"stage": "3", "substage": "x", "feature": "git_config"}
    assert TEST.match("test_git_config.py") is None
    assert TEST.match("test_3_1_git_config.py\n") is None


def test_filling_is_the_inverse_of_matching():
    """A template that is filled with what it matched gives the name back."""
    name = "3.1-git-workflow-implementation.md"
    groups = DOCUMENT.match(name)
    assert groups is not None
    assert DOCUMENT.fill(groups) == name
    assert DOCUMENT.show({"stage": "3"}) == "3.<substage>-<title>-<type>.md"


@pytest.mark.parametrize(
    ("template", "bad", "right"),
    [
        (TEST, "Test-3-1-GitConfig.py", "test_3_1_git_config.py"),
        (TEST, "test 3 1 git config.py", "test_3_1_git_config.py"),
        (TEST, "test_03_01_git.py", "test_3_1_git.py"),
        (DOCUMENT, "3.1_git_workflow_implementation.md", "3.1-git-workflow-implementation.md"),
        (DOCUMENT, "3-1 Git Workflow Testing.markdown", "3.1-git-workflow-testing.md"),
    ],
)
def test_a_badly_written_name_is_read_for_what_it_means(template, bad, right):
    """Other case, separators and endings do not hide what a name means."""
    assert template.match(bad) is None
    groups = template.loosely(bad)
    assert groups is not None
    assert template.fill(groups) == right


@pytest.mark.parametrize("unclear", ["test_git.py", "test_3_git.py", "notes.py", "test_3_1_.py"])
def test_a_name_that_lacks_something_is_not_guessed(unclear):
    """A number that is not there is never made up."""
    assert TEST.loosely(unclear) is None


def test_words_are_found_however_they_are_joined():
    """Camel case, hyphens, underscores and Korean letters all part words."""
    assert words("HTTPServer-check_health2") == ["http", "server", "check", "health", "2"]
    assert words("평가-보고서") == ["평가", "보고서"]
