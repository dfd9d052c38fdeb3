"""Paths in Markdown: the targets of links and images."""

import posixpath
import re
from typing import Final
from urllib.parse import unquote

from movie_mlops.standard.references.reference import Exists, Reference

_LINK: Final = re.compile(r"\]\(\s*<?([^\s<>()]+(?:\([^\s<>()]*\)[^\s<>()]*)*)>?(?:\s+[\"'(][^)]*)?\s*\)")
_FENCE: Final = re.compile(r"\s{0,3}(```|~~~)")
_CODE: Final = re.compile(r"`[^`]*`")
_ELSEWHERE: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:|//|#|/|\{|\$")


def references(path: str, content: str, exists: Exists) -> list[Reference]:
    """Return the links and images of a document that lead into the repository; what stands in code is none."""
    del exists
    found: list[Reference] = []
    folder = posixpath.dirname(path)
    fence = ""
    for number, line in enumerate(content.split("\n"), start=1):
        mark = _FENCE.match(line)
        if mark:
            fence = "" if fence == mark[1] else fence or mark[1]
            continue
        if fence or "](" not in line:
            continue
        plain = _CODE.sub(lambda code: " " * len(code[0]), line)
        for link in _LINK.finditer(plain):
            text = link[1].partition("#")[0].partition("?")[0]
            if not text or _ELSEWHERE.match(text):
                continue
            target = posixpath.normpath(posixpath.join(folder, unquote(text)))
            inside = target != ".." and not target.startswith("../")
            start = link.start(1)
            found.append(Reference(number, start, start + len(text), text, target, inside))
    return found
