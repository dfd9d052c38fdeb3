"""Paths in a Dockerfile: what is copied from the build context, and what is run from a copied folder."""

import posixpath
import re
from typing import Final

from movie_mlops.standard.references.page import WORD, Page
from movie_mlops.standard.references.reference import folder_of

_INSTRUCTION: Final = re.compile(r"^\s*([A-Za-z]+)\s+")
_FLAG: Final = re.compile(r"--[\w-]+(?:=\S+)?")
_ARGUMENT: Final = re.compile(r'"([^"]*)"|([^\s"\[\],\\]+)')


class _Image:
    """What the image holds of the repository."""

    __slots__ = ("copies", "workdir")

    def __init__(self) -> None:
        self.workdir = "/"
        self.copies: list[tuple[str, str]] = []


def read(page: Page) -> None:
    """Read a Dockerfile; the build context is the root, or else the Dockerfile's own folder."""
    image = _Image()
    beside = folder_of(page.source)
    contexts = ("", beside) if beside else ("",)
    instruction = ""
    for line, text in page.numbered():
        if text.lstrip().startswith("#"):
            page.words(line, 0, text, contexts)
            continue
        opened = None if instruction else _INSTRUCTION.match(text)
        start = 0
        if opened is not None:
            instruction, start = opened.group(1).upper(), opened.end()
        _read_line(page, image, instruction, line=line, start=start, contexts=contexts)
        if not text.rstrip().endswith("\\"):
            instruction = ""


def _read_line(
    page: Page, image: _Image, instruction: str, *, line: int, start: int, contexts: tuple[str, ...]
) -> None:
    text = page.lines[line]
    if instruction in {"COPY", "ADD"}:
        _copied(page, image, line, start, contexts)
    elif instruction == "WORKDIR":
        image.workdir = posixpath.normpath(posixpath.join(image.workdir, text[start:].strip().strip('"') or "/"))
    elif instruction in {"RUN", "CMD", "ENTRYPOINT", "HEALTHCHECK", "ENV"}:
        _run(page, image, line, start)


def _copied(page: Page, image: _Image, line: int, start: int, contexts: tuple[str, ...]) -> None:
    text = page.lines[line]
    if "--from=" in text:
        return
    flags = [match.span() for match in _FLAG.finditer(text, start)]
    arguments = [
        (match.start(match.lastindex or 0), match.group(match.lastindex or 0))
        for match in _ARGUMENT.finditer(text, start)
        if not any(first <= match.start() < last for first, last in flags)
    ]
    continued = text.rstrip().endswith("\\")
    sources = arguments if continued else arguments[:-1]
    for at, source in sources:
        if "://" in source:
            continue
        # A single missing source may be made by the build before; only a plain file with an ending is a claim.
        must = (
            page.exists(folder_of(source))
            and re.search(r"[^/]\.(?:sh|py|toml|txt|conf|ya?ml|ini|cfg)$", source) is not None
        )
        style = "dotted" if source.startswith("./") else "path"
        target = (
            "" if source in {".", "./"} else page.path(line, at, source.lstrip("/"), contexts, must=must, style=style)
        )
        if target is not None and arguments and not continued and (target == "" or not re.search(r"\.\w+$", target)):
            image.copies.append((target, posixpath.normpath(posixpath.join(image.workdir, arguments[-1][1]))))


def _run(page: Page, image: _Image, line: int, start: int) -> None:
    """A path in the image is a path of the repository where its whole folder was copied."""
    text = page.lines[line]
    for match in WORD.finditer(text, start):
        word = match.group().rstrip(".")
        inside = posixpath.normpath(posixpath.join(image.workdir, word))
        for source, destination in image.copies:
            prefix = destination.rstrip("/") + "/"
            if not inside.startswith(prefix) or "." not in word:
                continue
            tail = inside[len(prefix) :]
            if word.endswith(tail):
                page.path(line, match.start() + len(word) - len(tail), tail, (source,))
        if "/" not in word:
            page.module_word(line, match.start(), word)
