"""A substage is added to a project's declaration as text: comments, order and style stay."""

import tomllib
from pathlib import Path

import pytest

from movie_mlops.standard.errors import UsageError
from movie_mlops.standard.loading import SHIPPED, load_spec, parse_spec
from movie_mlops.standard.scaffold.registering import NewStage, declared
from movie_mlops.standard.scaffold.toml_text import statements
from movie_mlops.standard.spec import Substage

TEXT = Path(SHIPPED).read_text("utf-8")
NEW = Substage("1.9", "cold-start", {"en": "cold start", "ko": "콜드 스타트"}, "")
ENTRY = '{number = "1.9", title = "cold-start", name = {en = "cold start", ko = "콜드 스타트"}}'


def add(own):
    return declared(own, parse_spec(TEXT, own) if own is not None else load_spec(None), NEW)


def test_a_project_without_a_declaration_gets_one_that_keeps_what_is_declared():
    """Where there was none, the declaration lists the stage's substages so far and the new one."""
    after = add(None)
    assert [number for number in after.spec.substages if number.startswith("1.")] == ["1.1", "1.2", "1.3", "1.9"]
    assert after.text.startswith("# ")
    assert ENTRY in after.text


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        pytest.param(
            '# mine\n[[stage]]\nnumber = 1 # one\nsubstages = [\n  # first\n  {number = "1.1", title = "a", '
            'name = {en = "] # \\" a"}}, # last\n]\n# end\n[[stage]]\nnumber = 2\n',
            '# mine\n[[stage]]\nnumber = 1 # one\nsubstages = [\n  # first\n  {number = "1.1", title = "a", '
            f'name = {{en = "] # \\" a"}}}}, # last\n  {ENTRY},\n]\n# end\n[[stage]]\nnumber = 2\n',
            id="a list on several lines, with comments and brackets in texts",
        ),
        pytest.param(
            '[[stage]]\nsubstages = [{number = "1.1", title = "a", name = {en = "a"}}]\nnumber = 1\n',
            f'[[stage]]\nsubstages = [{{number = "1.1", title = "a", name = {{en = "a"}}}}, {ENTRY}]\nnumber = 1\n',
            id="a list on one line, before the number",
        ),
        pytest.param(
            "[[stage]]\nnumber = 1\nsubstages = []\n\n[project]\nstages = [2, 5] # so far\n",
            f"[[stage]]\nnumber = 1\nsubstages = [\n  {ENTRY},\n]\n\n[project]\nstages = [2, 5, 1] # so far\n",
            id="an empty list, and the stages that are reached",
        ),
        pytest.param(
            '[[stage]]\nnumber = 1\nname = {en = "data"}\n\n[[stage.substages]]\nnumber = "1.1"\ntitle = "a"\n'
            'name = {en = "a"}\n\n[[word]]\nof = "purpose"\nword = "spark"\nmeaning = {en = "Spark"}\n',
            '[[stage]]\nnumber = 1\nname = {en = "data"}\n\n[[stage.substages]]\nnumber = "1.1"\ntitle = "a"\n'
            'name = {en = "a"}\n\n[[stage.substages]]\nnumber = "1.9"\ntitle = "cold-start"\n'
            'name = {en = "cold start", ko = "콜드 스타트"}\n\n[[word]]\nof = "purpose"\nword = "spark"\n'
            'meaning = {en = "Spark"}\n',
            id="tables of their own",
        ),
    ],
)
def test_the_rest_of_the_text_stays_as_it_was(own, expected):
    """Only the entry is added, in the way that the list is written; the result means what it says."""
    after = add(own)
    assert after.text == expected
    assert after.spec.substages["1.9"] == NEW


def test_a_stage_without_a_list_keeps_the_substages_that_it_inherits():
    """A stage of which the project changes something else does not lose the standard's substages."""
    after = add('[[stage]]\nnumber = 1\nsetup = "scripts/setup/setup_data.sh"\n')
    assert [number for number in after.spec.substages if number.startswith("1.")] == ["1.1", "1.2", "1.3", "1.9"]
    assert after.spec.stages[1].setup == "scripts/setup/setup_data.sh"


def test_a_new_stage_is_declared_with_its_first_substage():
    """A stage that nobody declared comes with slug, name and the substage."""
    ten = NEW._replace(number="10.1")
    after = declared(None, load_spec(None), ten, new_stage=NewStage("edge-devices", {"en": "edge devices"}))
    assert (after.spec.stages[10].slug, after.spec.substages["10.1"]) == ("edge-devices", ten)


def test_what_cannot_be_edited_safely_is_left_to_the_user():
    """Where the edit would not mean what it should, the entry to add by hand is named."""
    own = 'stage = [{number = 1, substages = [{number = "1.1", title = "a", name = {en = "a"}}]}]\n'
    with pytest.raises(UsageError, match="by hand") as refused:
        add(own)
    assert ENTRY in str(refused.value)


def test_line_ends_of_windows_survive():
    """A text with CR LF keeps them, and is still what it says."""
    after = add("[[stage]]\r\nnumber = 1\r\nsubstages = [\r\n]\r\n")
    assert after.text.startswith("[[stage]]\r\nnumber = 1\r\n")
    assert after.spec.substages["1.9"] == NEW


def test_statements_are_found_where_toml_sees_them():
    """The shipped declaration has as many tables as TOML reads in it."""
    data = tomllib.loads(TEXT)
    tables = sum(len(value) for value in data.values() if isinstance(value, list)) + len(data["placeholder"])
    tables += sum(isinstance(value, dict) for value in data.values()) - 1
    assert sum(one.header > 0 for one in statements(TEXT)) == tables
