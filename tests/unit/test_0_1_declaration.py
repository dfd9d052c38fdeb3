"""The declaration: what it says, how a project extends it, and what is refused."""

from pathlib import Path

import pytest

from movie_mlops.standard.errors import SpecError
from movie_mlops.standard.loading import SHIPPED, load_spec, parse_spec

TEXT = Path(SHIPPED).read_text("utf-8")


def test_stages_and_substages_have_their_numbers_once():
    """Every stage has one number, every substage one number below it, and a name in both languages."""
    spec = load_spec(None)
    assert list(spec.stages) == list(range(10))
    assert spec.substages["5.3"].title == "api"
    for stage in spec.stages.values():
        assert set(stage.name) == {"en", "ko"}
        for substage in stage.substages:
            assert set(substage.name) == {"en", "ko"}
            assert substage.number.startswith(f"{stage.number}.")


def test_everything_that_is_said_is_said_in_every_language():
    """No text of the declaration is in English alone."""
    spec = load_spec(None)
    texts = [text for rule in spec.rules.values() for text in (rule.title, rule.reason, rule.message)]
    texts += [rule.fix for rule in spec.rules.values() if rule.fix]
    texts += [thing.name for thing in (*spec.kinds.values(), *spec.stages.values())]
    texts += [path.holds for path in spec.paths.values()]
    texts += [settlement.decision for settlement in spec.settlements]
    texts += [text for line in spec.checklist for text in (line.group, line.line)]
    texts += [thing.meaning for thing in (*spec.placeholders.values(), *spec.branches)]
    for text in texts:
        assert set(text) == {"en", "ko"}, text
        assert all(text.values()), text


def test_a_project_adds_and_changes_entries():
    """A project's entry with a known name changes the keys that it gives; another one is added."""
    own = """
    [[word]]
    of = "purpose"
    word = "spark"
    meaning = {en = "Spark", ko = "Spark"}
    [[rule]]
    code = "STD601"
    severity = "warning"
    """
    spec = parse_spec(TEXT, own)
    assert set(spec.words["purpose"]) >= {"main", "spark"}
    assert spec.rules["STD601"].severity == "warning"
    assert spec.rules["STD601"].title == load_spec(None).rules["STD601"].title


def test_a_project_may_start_from_nothing():
    """With extends = false nothing of the shipped declaration is left."""
    spec = parse_spec(TEXT, "[standard]\nname = 'ours'\nextends = false\n")
    assert (spec.name, len(spec.rules), len(spec.stages)) == ("ours", 0, 0)


RULE = """
[[rule]]
code = "STD901"
check = "place"
severity = "error"
paragraph = "1"
title = {en = "t"}
reason = {en = "r"}
message = {en = "m"}
example = {bad = "a", good = "b"}
"""


@pytest.mark.parametrize(
    ("own", "line", "words"),
    [
        ("\n[[kind]]\nid = 'x'\nstray = ['a']\n", 4, ["unknown key 'stray'", "Did you mean 'strays'?"]),
        ("[[kinds]]\nid = 'x'\n", 1, ["unknown table 'kinds'", "Did you mean 'kind'?"]),
        ("[standard]\nnmae = 'x'\n", 2, ["unknown key 'nmae'", "Did you mean 'name'?"]),
        ("[placeholder.stage]\n\npattern = '(['\n", 3, ["not a regular expression"]),
        ("[placeholder.stage]\npattern = '([0-9])'\n", 2, ["captures", "(?:…)"]),
        (
            "[[path]]\npath = 'a'\nholds = {en = ''}\n[[path]]\npath = 'b'\nsince = 'x'\nholds = {en = ''}\n",
            6,
            ["not a whole number"],
        ),
        ("[[path]]\npath = 'a'\n[[path]]\npath = 'a'\n", 3, ["two entries", "'a'"]),
        ("[[path]]\npath='a'\nholds={en='h'}\nrequire='index'\nforbid='index'\n", 5, ["required and forbidden"]),
        ("[[path]]\npath='a'\nholds={en='h'}\nopen=true\nclosed=true\n", 4, ["open and closed"]),
        ("[[path]]\npath='../a'\nholds={en='h'}\n", 2, ["not a path inside"]),
        ("[[kind]]\nid='x'\nname={en='x'}\ntemplates=['{featur}.sh']\nfolders=['a']\nexample='a'\n", 4, ["'feature'"]),
        ("[[kind]]\nid='x'\nname={en='x'}\ntemplates=['b']\nfolders=['a']\nexample='a'\n", 6, ["fits none"]),
        ("[[kind]]\nid='x'\n", 1, ["has no 'name'"]),
        (RULE + "kinds = ['setup']\n", 11, ["STD201 and STD901 both judge"]),
        (RULE.replace("'place'", "'x'").replace('"place"', '"plac"'), 4, ["Did you mean 'place'?"]),
        (RULE.replace('"error"', '"eror"'), 5, ["Did you mean 'error'?"]),
        (
            "[[stage]]\nnumber=3\nslug='a'\nname={en='a'}\nsubstages=[{number='4.1',title='t',name={en='a'}}]\n",
            1,
            ["4.1"],
        ),
        ("[project]\nstages = [1\nx = 2\n", 3, ["not TOML"]),
        ("[[branch]]\ntemplate='a/{name}'\nexample='b'\nmeaning={en='a'}\n", 3, ["does not fit"]),
    ],
)
def test_a_wrong_declaration_is_refused_with_its_line(own, line, words):
    """What is wrong is named with file, line and the nearest valid word."""
    with pytest.raises(SpecError) as refused:
        parse_spec(TEXT, own)
    assert str(refused.value).startswith(f"config/standard.toml:{line}: ")
    for word in words:
        assert word in str(refused.value)


def test_a_declaration_that_cannot_be_read_is_said_so(tmp_path):
    """A declaration in another encoding, or a folder in its place, is one sentence."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "standard.toml").write_bytes(b"name = '\xff'")
    with pytest.raises(SpecError, match="UTF-8"):
        load_spec(tmp_path)
    (tmp_path / "config" / "standard.toml").unlink()
    (tmp_path / "config" / "standard.toml").mkdir()
    with pytest.raises(SpecError, match="cannot be read"):
        load_spec(tmp_path)
