"""Schemas of events: a version that was used is never changed, and the next one takes whatever it took."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from movie_mlops.cli.main import main
from movie_mlops.core import cloud_events
from movie_mlops.events import schemas
from movie_mlops.events.asyncapi import REFERENCE, document
from movie_mlops.events.errors import SchemaError
from movie_mlops.events.schemas import check, narrowings, propose, versions
from movie_mlops.events.stored import StoredEvent, envelope
from tests.conftest import REPOSITORY
from tests.fixtures.stage_2.interactions import day, did

FIRST: dict[str, Any] = versions()[0].document  # type: ignore[assignment]


def changed(**changes: Any) -> dict[str, Any]:
    """Return the first version with other properties."""
    properties = {name: dict(schema) for name, schema in FIRST["properties"].items()}
    for name, change in changes.items():
        properties[name] = {**properties.get(name, {}), **change}
    return {**FIRST, "properties": properties}


def test_the_registry_is_whole() -> None:
    """Every version is as it was registered, follows the one before it, and the API takes the newest."""
    known = check()
    assert [each.urn for each in known] == [cloud_events.SCHEMA]
    assert cloud_events.SCHEMA in cloud_events.SCHEMAS
    for each in known:
        Draft202012Validator.check_schema(each.document)


@pytest.mark.parametrize(
    "after",
    [
        FIRST,
        changed(value={"maximum": 10}),
        changed(value={"type": ["number", "null", "string"]}),
        changed(device={"type": "string"}),
        {**FIRST, "required": []},
        {**FIRST, "additionalProperties": True},
        {**FIRST, "title": "Another title"},
    ],
)
def test_what_takes_more_can_follow(after: dict[str, Any]) -> None:
    """A wider range, another type beside, an optional field, a field that need not be there any more."""
    assert narrowings(FIRST, after) == []


@pytest.mark.parametrize(
    ("after", "said"),
    [
        (changed(value={"maximum": 4}), "value: maximum is lower"),
        (changed(value={"minimum": 0.5}), "value: minimum is higher"),
        (changed(value={"type": "number"}), "value: null is not taken any more"),
        (changed(movie_id={"type": "string"}), "movie_id: integer is not taken any more"),
        (changed(movie_id={"enum": [1, 2]}), "movie_id: only some values are taken now"),
        (changed(movie_id={"multipleOf": 2}), "movie_id: multipleOf was changed, which cannot be judged"),
        ({**FIRST, "required": ["movie_id", "value"]}, "the document: value must be there now"),
        ({**FIRST, "properties": {"movie_id": FIRST["properties"]["movie_id"]}}, "value: is not taken any more"),
        ({**FIRST, "allOf": []}, "the document: allOf was changed, which cannot be judged"),
    ],
)
def test_what_takes_less_cannot_follow(after: dict[str, Any], said: str) -> None:
    """Whatever would refuse an event that was recorded is found, with its place; and so is what cannot be judged."""
    assert narrowings(FIRST, after) == [said]


def test_a_version_that_was_used_is_not_changed(tmp_path: Path) -> None:
    """A file that is not what was registered, that is not registered or misnamed is an error that says which."""
    folder = Path(schemas.__file__).parent
    for name in ("interaction.v1.json", "seals.json"):
        shutil.copy(folder / name, tmp_path)
    assert len(check(tmp_path)) == 1
    path = tmp_path / "interaction.v1.json"
    path.write_text(json.dumps({**FIRST, "title": "Another"}))
    with pytest.raises(SchemaError, match="was changed after it was registered"):
        check(tmp_path)
    shutil.copy(folder / "interaction.v1.json", tmp_path)
    shutil.copy(folder / "interaction.v1.json", tmp_path / "interaction.v2.json")
    with pytest.raises(SchemaError, match="v2 is not registered"):
        check(tmp_path)
    (tmp_path / "interaction.v2.json").rename(tmp_path / "second.json")
    with pytest.raises(SchemaError, match="is no version"):
        check(tmp_path)


def test_a_proposed_version_is_held_against_the_newest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command takes what can follow and refuses, with exit code 1, what cannot."""
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text(json.dumps(changed(device={"type": "string"})))
    bad.write_text(json.dumps(changed(value={"maximum": 4})))
    assert propose(good, "interaction").version == 2
    assert main(["events", "schemas", "--propose", str(good)]) == 0
    assert main(["events", "schemas", "--propose", str(bad)]) == 1
    assert "value: maximum is lower" in capsys.readouterr().err
    assert main(["events", "schemas"]) == 0


def test_the_asyncapi_document_is_whole_and_describes_what_is_sent() -> None:
    """It is what the code would write, every reference in it leads somewhere, and an envelope fits its schema."""
    told = json.loads((REPOSITORY / REFERENCE).read_text("utf-8"))
    assert told["asyncapi"] == "3.0.0"
    assert told == document(told["info"]["version"])
    references = list(_references(told))
    assert len(references) > 10
    for reference in references:
        _at(told, reference)
    payload = told["components"]["messages"]["interaction"]["payload"]["schema"]
    schema = {**payload, "components": told["components"]}
    sent = envelope(StoredEvent(1, did("ann", 6, "rating", 4.5, at=1), day(2)))
    assert list(Draft202012Validator(schema).iter_errors(sent)) == []
    wrong = {**sent, "data": {"movie_id": "6"}}
    assert [error.json_path for error in Draft202012Validator(schema).iter_errors(wrong)] == ["$.data.movie_id"]


def _references(node: Any) -> Any:
    if isinstance(node, dict):
        yield from ([node["$ref"]] if "$ref" in node else [])
    for part in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _references(part)


def _at(told: Any, reference: str) -> None:
    for name in reference.removeprefix("#/").split("/"):
        told = told[name]
