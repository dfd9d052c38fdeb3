"""Paths in Python: imports, path strings, joined literals, and ways up from ``__file__``."""

import re
from typing import Final

from movie_mlops.standard.references.imports import read_import
from movie_mlops.standard.references.page import LOOKS_LIKE_PATH, ROOT_THEN_BESIDE, Page
from movie_mlops.standard.references.reference import BESIDE, base_folder, folder_of, joined

_PATHLIB: Final = re.compile(
    r"(?:pathlib\.)?Path\(__file__\)(?:\.(?:resolve|absolute)\(\))?(?P<up>\.parents\[(?P<index>\d+)\]|(?:\.parent)+)"
)
_DIRNAME: Final = re.compile(
    r"(?P<up>(?:(?:os\.)?path\.)?dirname\((?:(?:(?:os\.)?path\.)?dirname\()*"
    r"(?:(?:(?:os\.)?path\.)?(?:abspath|realpath)\()?__file__\)*)"
)
_ASSIGNED: Final = re.compile(r"^\s*(?P<name>[A-Za-z_]\w*)\s*(?::[^=]+)?=\s*(?:str\(|Path\(|os\.fspath\()?\s*$")
_LITERAL: Final = r"""(?:"[^"\\\n]*"|'[^'\\\n]*')"""
_CHAIN: Final = re.compile(rf"{_LITERAL}(?:\s*/\s*{_LITERAL})+|{_LITERAL}(?:\s*,\s*{_LITERAL})+|{_LITERAL}")
_BEFORE: Final = re.compile(
    r"(?P<name>[A-Za-z_][\w.]*|[\])])\s*/\s*$|(?P<join>[\w.]*(?:join|joinpath))\((?:\s*(?P<of>[\w.]+)\s*,\s*)?$"
)
_CALLS: Final = re.compile(
    r"\b(?:Path|PurePath|open|exists|is_file|run|Popen|check_call|check_output|call|system|runpy\.run_path|spec_from_file_location)\("
)
_RUNNER: Final = re.compile(r"""["'](?:bash|sh|source|python3?)["']\s*,|sys\.executable\s*,""")
_ROOT_NAME: Final = re.compile(r"ROOT|REPO|PROJECT|TOP|BASE|WORKSPACE", re.IGNORECASE)
_TRIPLE: Final = re.compile(r'"""|\'\'\'')


class _Module:
    """What a module has said so far: which names mean which folder of the repository."""

    __slots__ = ("folders", "page", "spans")

    def __init__(self, page: Page) -> None:
        self.page = page
        self.folders: dict[str, str] = {}
        self.spans: dict[int, tuple[int, str]] = {}


def read(page: Page) -> None:
    """Read a Python module."""
    if page.claims and "__file__" not in page.content:
        _imports_alone(page)
        return
    module = _Module(page)
    inside = ""
    for line, text in page.numbered():
        marks = [match.group() for match in _TRIPLE.finditer(text)]
        if inside or marks:
            page.words(line, 0, text, ROOT_THEN_BESIDE)
            for mark in marks:
                inside = "" if inside == mark else inside or mark
            continue
        if "import" in text and read_import(page, line, text):
            continue
        if "__file__" in text:
            _ways_up(module, line, text)
        if ('"' in text or "'" in text) and (not page.claims or ".sh" in text):
            _strings(module, line, text)
        if "#" in text:
            comment = text.find("#")
            page.words(line, comment, text[comment:], ROOT_THEN_BESIDE)


def _imports_alone(page: Page) -> None:
    """Read what must exist in a module that does not ask where it lies: nothing but imports."""
    for line, text in page.numbered():
        if text.startswith("from "):
            read_import(page, line, text)


def _ways_up(module: _Module, line: int, text: str) -> None:
    """Read expressions for a folder above the file."""
    for pattern, style in ((_PATHLIB, "parents"), (_DIRNAME, "dirname")):
        for match in pattern.finditer(text):
            up = match.group("up")
            if style == "parents":
                index = match.group("index")
                climbs = int(index) if index is not None else up.count(".parent") - 1
            else:
                up = _closed(up)
                climbs = up.count("dirname(") - 1
            _way_up(module, line, text, start=match.start("up"), up=up, climbs=climbs, style=style)


def _way_up(module: _Module, line: int, text: str, *, start: int, up: str, climbs: int, style: str) -> None:
    page = module.page
    folder = folder_of(page.source)
    depth = len(folder.split("/")) if folder else 0
    if climbs > depth:
        return
    parts = folder.split("/") if folder else []
    target = "/".join(parts[: depth - climbs])
    end = start + len(up)
    assigned = _ASSIGNED.match(re.sub(r"(?:pathlib\.)?Path\(__file__\)(?:\.\w+\(\))?$", "", text[:start]))
    name = assigned.group("name") if assigned is not None else ""
    joins = re.match(r"\s*(?:/\s*[\"']|,\s*[\"']|\.joinpath\()", text[end:]) is not None
    own = climbs == 0 and not (name and _ROOT_NAME.search(name))
    module.spans[line] = (end, BESIDE if own else target)
    if name and not joins:
        module.folders[name] = BESIDE if own else target
    if not own:
        page.folder(line, start, up, target, base=BESIDE, style=style, likely=True)


def _closed(expression: str) -> str:
    """Return ``expression`` up to the parenthesis that closes its first one."""
    depth = 0
    for at, character in enumerate(expression):
        depth += (character == "(") - (character == ")")
        if depth == 0 and character == ")":
            return expression[: at + 1]
    return expression


def _strings(module: _Module, line: int, text: str) -> None:
    page = module.page
    for match in _CHAIN.finditer(text):
        chain = match.group()
        before = text[: match.start()]
        base, known = _chain_base(module, line, before)
        parts = [part[1:-1] for part in re.findall(_LITERAL, chain)]
        divided = re.search(r"[\"']\s*/\s*[\"']", chain) is not None
        joins = _BEFORE.search(before)
        if (
            len(parts) > 1
            and not divided
            and not (joins is not None and joins.group("join"))
            and not re.search(r"\bPath\($", before)
        ):
            for part in re.finditer(_LITERAL, chain):
                _string(module, line, text, match.start() + part.start() + 1, part.group()[1:-1])
        elif base is not None:
            _joined(module, line, match, parts, base, known=known)
        elif joins is not None:
            # What it is joined to is not known: a person has to look.
            _doubtful(page, line, match, parts)
        elif len(parts) > 1:
            _joined(module, line, match, parts, "", known=False)
        else:
            _string(module, line, text, match.start() + 1, parts[0])


def _chain_base(module: _Module, line: int, before: str) -> tuple[str | None, bool]:
    """Return the folder that literals behind ``before`` are joined to, and whether it was said by ``__file__``."""
    end, folder = module.spans.get(line, (-1, ""))
    if end >= 0 and re.fullmatch(r"\)*\s*(?:/|,|\.joinpath\()\s*", before[end:]) is not None:
        return folder, True
    match = _BEFORE.search(before)
    if match is None:
        return None, False
    name = match.group("name") or match.group("of")
    if match.group("join") and name is None:
        name = match.group("join").rpartition(".")[0]
    known = module.folders.get(name or "")
    return known, known is not None


def _joined(module: _Module, line: int, match: re.Match[str], parts: list[str], base: str, *, known: bool) -> None:
    page = module.page
    means = "/".join(part for part in parts if part)
    must = known and means.endswith(".sh") and "/" in means
    if must:
        folder = base_folder(base, page.source)
        target = None if folder is None else joined(folder, means)
        must = target is not None and page.exists(folder_of(target))
    beside = base.startswith(".")
    target = None if not beside else joined(folder_of(page.source), means)
    # Beside the module, something that git does not track may be read or made: a person has to look.
    likely = not beside or (target is not None and page.exists(target))
    if len(parts) == 1:
        page.path(line, match.start() + 1, parts[0], (base,), must=must, likely=likely, assume=beside)
    else:
        page.path(
            line,
            match.start(),
            match.group(),
            (base,),
            must=must,
            style="joined",
            likely=likely,
            means=means,
            assume=beside,
        )


def _doubtful(page: Page, line: int, match: re.Match[str], parts: list[str]) -> None:
    style = "joined" if len(parts) > 1 else "path"
    start, text = (match.start(), match.group()) if len(parts) > 1 else (match.start() + 1, parts[0])
    means = "/".join(parts)
    if LOOKS_LIKE_PATH.search(means):
        page.path(line, start, text, ("",), style=style, means=means, likely=False)


def _string(module: _Module, line: int, text: str, start: int, value: str) -> None:
    """Read one literal: a path, a command, or a module's dotted name."""
    page = module.page
    if not LOOKS_LIKE_PATH.search(value) or "://" in value:
        if value and re.search(r"\b(?:Path|joinpath|open)\(\s*[\"']$", text[:start]):
            page.path(line, start, value, ("",))
        return
    called = _CALLS.search(text[:start]) is not None or _RUNNER.search(text[:start]) is not None
    if " " not in value:
        likely = "/" in value or called
        if page.path(line, start, value, ROOT_THEN_BESIDE, likely=likely) is not None:
            return
    page.words(line, start, value, ROOT_THEN_BESIDE)
