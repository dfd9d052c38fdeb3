"""What the documents tell people to type is what the command line takes."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from movie_mlops.cli.app import command
from tests.conftest import REPOSITORY

DOCUMENTS = sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")])
# A command at the start of a code span or of a line of a code block; an ellipsis or a choice (a|b) is prose, not one.
TYPED = re.compile(r"(?:^|`)(movie-mlops(?: [^`\n]*)?)", re.MULTILINE)


def commands(text: str) -> Iterator[list[str]]:
    """Yield each command line of ``movie-mlops`` that a text shows, without its comment."""
    for found in TYPED.finditer(text.replace("\\\n", " ")):
        if "…" not in found[1] and "|" not in found[1]:
            yield shlex.split(found[1], comments=True)[1:]


def unknown(words: list[str]) -> str | None:
    """Return the first word that the command line would not take; None when it takes them all."""
    group = command()
    context = group.make_context("movie-mlops", ["--help"], resilient_parsing=True)
    while hasattr(group, "resolve_command") and words and not words[0].startswith("-"):
        if words[0] not in group.list_commands(context):
            return words[0]
        _, group, words = group.resolve_command(context, words)
    options = {name for parameter in group.params for name in parameter.opts} | {"--help"}
    # A word with a space is an option's value.
    named = (word.partition("=")[0] for word in words if word.startswith("--") and " " not in word)
    return next((name for name in named if name not in options), None)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_a_document_shows_only_commands_that_exist(document: Path) -> None:
    """Each command and option that a document shows is one that the command line has."""
    for words in commands(document.read_text(encoding="utf-8")):
        if words[:1] != ["standard"]:
            assert unknown(words) is None, f"{document.name}: movie-mlops {' '.join(words)}"


def test_a_misspelt_command_or_option_is_found() -> None:
    """The check above can fail."""
    assert unknown(["lake", "tabels"]) == "tabels"
    assert unknown(["run", "--sauce", "sample"]) == "--sauce"
    assert list(commands("Type `movie-mlops lake tables` or\n\nmovie-mlops run --json  # all\n")) == [
        ["lake", "tables"],
        ["run", "--json"],
    ]
