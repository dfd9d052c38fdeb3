"""Paths in Markdown: links and images, which must exist; code spans and fences, which may name a path."""

import re
from typing import Final

from movie_mlops.standard.references import shell
from movie_mlops.standard.references.page import ROOT_THEN_BESIDE, Page
from movie_mlops.standard.references.reference import BESIDE

_LINK: Final = re.compile(
    r"\]\(\s*(?:<(?P<angle>[^<>]*)>|(?P<plain>[^\s()<>]*(?:\([^\s()]*\)[^\s()<>]*)*))(?:\s+[\"'(][^)]*)?\s*\)"
)
_DEFINITION: Final = re.compile(r"^ {0,3}\[[^\]]+\]:\s*(?:<(?P<angle>[^<>]*)>|(?P<plain>\S+))")
_ATTRIBUTE: Final = re.compile(r"""\b(?:src|href)=["'](?P<plain>[^"']*)["']""")
_CODE: Final = re.compile(r"(`+)(?!`)(?P<code>.+?)(?<!`)\1(?!`)")
_FENCE: Final = re.compile(r"^\s*(?:>\s*)?(```+|~~~+)\s*(?P<language>[\w+-]*)")
_SCHEME: Final = re.compile(r"^(?:[a-zA-Z][\w+.-]*:|//|#|$)")
_TREE: Final = re.compile(r"[├└│]")
_SHELLS: Final = frozenset({"", "sh", "bash", "shell", "console", "zsh"})


def read(page: Page) -> None:
    """Read a Markdown document."""
    fence, language = "", ""
    block: list[tuple[int, int, str]] = []
    for line, text in page.numbered():
        mark = _FENCE.match(text)
        if fence:
            if mark is not None and mark.group(1).startswith(fence) and not mark.group("language"):
                _fenced(page, language, block)
                fence, block = "", []
            else:
                block.append((line, 0, text))
        elif mark is not None:
            fence, language = mark.group(1), mark.group("language").lower()
        elif "](" in text or "]:" in text or "`" in text or "=" in text:
            _line(page, line, text)
    _fenced(page, language, block)


def _line(page: Page, line: int, text: str) -> None:
    codes = [match.span() for match in _CODE.finditer(text)]
    for pattern in (_LINK, _DEFINITION, _ATTRIBUTE):
        for match in pattern.finditer(text):
            if not any(first <= match.start() < last for first, last in codes):
                _link(page, line, match)
    for match in _CODE.finditer(text):
        page.value(line, match.start("code"), match.group("code"), ROOT_THEN_BESIDE)


def _link(page: Page, line: int, match: re.Match[str]) -> None:
    group = "plain" if match.group("plain") is not None else "angle"
    address = match.group(group)
    if _SCHEME.match(address):
        return
    path = re.split(r"[?#]", address, maxsplit=1)[0]
    start = match.start(group)
    if path.startswith("/"):
        page.path(line, start + 1, path[1:], ("",), style="link", means=_unquoted(path[1:]))
        return
    style = "link" if group == "plain" else "path"
    must = not re.search(r"[{}$*]", path) and path.count("(") == path.count(")")
    page.path(line, start, path, (BESIDE,), must=must, style=style, means=_unquoted(path) if style == "link" else None)


def _unquoted(path: str) -> str:
    if "%" not in path:
        return path
    from urllib.parse import unquote

    return unquote(path)


def _fenced(page: Page, language: str, block: list[tuple[int, int, str]]) -> None:
    if not block:
        return
    if any(_TREE.search(text) for _, _, text in block):
        # A drawing of folders: a line alone does not say which path it means.
        return
    kept = len(page.found)
    if language in _SHELLS:
        shell.read_lines(page, block, ROOT_THEN_BESIDE)
    else:
        for line, start, text in block:
            page.words(line, start, text, ROOT_THEN_BESIDE)
    # An example in a document claims nothing: its missing files do not dangle.
    page.found[kept:] = [found._replace(certain=False) for found in page.found[kept:] if page.exists(found.target)]
