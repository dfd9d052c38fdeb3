"""Declares a substage in a project's ``config/standard.toml``: edited as text, so that comments and order survive."""

from pathlib import Path
from typing import Final, NamedTuple

from movie_mlops.standard.errors import SpecError, UsageError
from movie_mlops.standard.loading import PROJECT, SHIPPED, parse_spec
from movie_mlops.standard.scaffold.toml_text import Statement, closing, statements
from movie_mlops.standard.spec import Spec, Stage, Substage, Text

HEAD: Final = "# What this project adds to the standard or changes in it. Everything else is as the standard says.\n"


class Declared(NamedTuple):
    """A declaration after a substage was added: its text, and what it means."""

    text: str
    spec: Spec


class NewStage(NamedTuple):
    """A stage that is declared together with its first substage."""

    slug: str
    name: Text


def declared(own: str | None, spec: Spec, substage: Substage, *, new_stage: NewStage | None = None) -> Declared:
    """Return a project's declaration with one more substage.

    Args:
        own: The text of the project's declaration, None where it has none yet.
        spec: What is declared so far.
        substage: What is to be declared.
        new_stage: The stage, where it is new.

    Raises:
        UsageError: The text is written so that it cannot be edited safely; the entry to add is named.
    """
    number = int(substage.number.partition(".")[0])
    text = HEAD if own is None else own
    stage = spec.stages.get(number)
    if substage.number not in spec.substages:
        text = _with_substage(text, stage, substage, new_stage)
    text = _with_reached(text, spec, number)
    after = _read(text, substage)
    expected = {**spec.substages, substage.number: spec.substages.get(substage.number, substage)}
    if dict(after.substages) != expected or number not in (after.project.stages or (number,)):
        raise _by_hand(substage)
    return Declared(text, after)


def _read(text: str, substage: Substage) -> Spec:
    try:
        return parse_spec(Path(SHIPPED).read_text("utf-8"), text)
    except SpecError as error:
        raise _by_hand(substage) from error


def _by_hand(substage: Substage) -> UsageError:
    stage = substage.number.partition(".")[0]
    return UsageError(
        f"{PROJECT} is written in a way that cannot be edited safely.",
        next_step=f"Add {inline(substage)} to the substages of stage {stage} there by hand, then run this again.",
    )


def _with_substage(text: str, stage: Stage | None, substage: Substage, new: NewStage | None) -> str:
    number = int(substage.number.partition(".")[0])
    block = _block_of_stage(text, number)
    if block is None:
        known = stage.substages if stage is not None else ()
        lines = ["[[stage]]", f"number = {number}"]
        if new is not None:
            lines += [f"slug = {_quoted(new.slug)}", f"name = {_texts(new.name)}"]
        return f"{text.rstrip()}\n\n" + "\n".join([*lines, *_list((*known, substage))]) + "\n"
    key = next((one for one in block if one.key == "substages" and not one.header), None)
    if key is not None:
        return _appended(text, key, inline(substage))
    if any(one.key == "stage.substages" for one in block):
        end = block[-1].end
        return f"{text[:end]}\n\n{_table(substage)}{text[end:]}"
    at = next(one.end for one in block if one.key == "number")
    known = stage.substages if stage is not None else ()
    return text[:at] + "\n" + "\n".join(_list((*known, substage))) + text[at:]


def _block_of_stage(text: str, number: int) -> list[Statement] | None:
    """Return the statements of ``[[stage]]`` with that number, its sub-tables included."""
    block: list[Statement] = []
    for one in [*statements(text), Statement("", 2, 0, 0, 0)]:
        if one.header and not one.key.startswith("stage."):
            if any(_is_number(text, part, number) for part in block):
                return block
            block = [one] if one.key == "stage" else []
        elif block:
            block.append(one)
    return None


def _is_number(text: str, one: Statement, number: int) -> bool:
    return one.key == "number" and not one.header and text[one.value : one.end].partition("#")[0].strip() == str(number)


def _with_reached(text: str, spec: Spec, number: int) -> str:
    """Add the stage to ``[project] stages``, where the project says which it has reached."""
    table = ""
    for one in statements(text):
        if one.header:
            table = one.key
        elif (table, one.key) == ("project", "stages") and number not in (spec.project.stages or ()):
            return _appended(text, one, str(number))
    return text


def _appended(text: str, key: Statement, value: str) -> str:
    """Return the text with one more value at the end of a list, in the way that the list is written."""
    last, end = closing(text, key.value)
    inside = text[key.value + 1 : end]
    empty = last == key.value + 1
    comma = "" if empty or text[last - 1] == "," else ","
    if empty and value.startswith("{"):
        return f"{text[:last]}\n  {value},\n{inside.lstrip()}{text[end:]}"
    if "\n" not in inside:
        return f"{text[:last]}{comma}{'' if empty else ' '}{value}{text[end:]}"
    line = text.rfind("\n", 0, end) + 1
    margin = text[line:end] if text[line:end].isspace() else ""
    # What stands between the last value and the bracket, a comment perhaps, stays where it is.
    return f"{text[:last]}{comma}{text[last:end].rstrip()}\n{margin}  {value},\n{margin}{text[end:]}"


def _list(substages: tuple[Substage, ...]) -> list[str]:
    return ["substages = [", *(f"  {inline(one)}," for one in substages), "]"]


def inline(one: Substage) -> str:
    """Return a substage as it is declared."""
    room = f", room = {_quoted(one.room)}" if one.room else ""
    return f"{{number = {_quoted(one.number)}, title = {_quoted(one.title)}, name = {_texts(one.name)}{room}}}"


def _table(one: Substage) -> str:
    lines = ["[[stage.substages]]", f"number = {_quoted(one.number)}", f"title = {_quoted(one.title)}"]
    return "\n".join([*lines, f"name = {_texts(one.name)}"])


def _texts(text: Text) -> str:
    return "{" + ", ".join(f"{language} = {_quoted(words)}" for language, words in text.items()) + "}"


def _quoted(text: str) -> str:
    import json

    return json.dumps(text, ensure_ascii=False)
