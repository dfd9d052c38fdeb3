"""Python's imports of modules that the repository holds."""

import re
from typing import Final

from movie_mlops.standard.references.page import Page
from movie_mlops.standard.references.reference import BESIDE, folder_of, joined

_FROM: Final = re.compile(
    r"^(?P<indent>\s*)from\s+(?P<dots>\.*)(?P<module>[A-Za-z_][\w.]*)?\s+import\s+(?P<names>[^#]*)"
)
_IMPORT: Final = re.compile(r"^(?P<indent>\s*)import\s+(?P<names>[A-Za-z_][^#]*)")
_NAME: Final = re.compile(r"(?P<module>[A-Za-z_][\w.]*)(?P<renamed>\s+as\s+\w+)?")
_GENERATED: Final = re.compile(r"^_|_pb2(?:_grpc)?$|^version$")
_BUILDERS: Final = ("Cargo.toml", "meson.build", "CMakeLists.txt")
_SOURCES: Final = ("pyx", "pyi", "c", "cpp", "so", "pyd")
_MODULE_ROOTS: Final = ("", "src", BESIDE)


def read_import(page: Page, line: int, text: str) -> bool:
    """Read one line if it is an import; return whether it was."""
    match = _FROM.match(text)
    if match is not None:
        _from(page, line, match)
        return True
    match = _IMPORT.match(text)
    if match is None:
        return False
    for name in _NAME.finditer(match.group("names")):
        _plain(page, line, match.start("names") + name.start(), name)
    return True


def _plain(page: Page, line: int, start: int, name: re.Match[str]) -> None:
    """``import a.b [as c]``; without ``as`` the code goes on to use the name."""
    text = name.group("module")
    if name.group("renamed"):
        page.module(line, start, text, _MODULE_ROOTS)
        return
    if "." not in text:
        page.module(line, start, text, _MODULE_ROOTS, style="import")
        return
    if page.module(line, start, text, _MODULE_ROOTS) is None:
        return
    used = re.compile(rf"(?<![\w.]){re.escape(text)}(?!\w)")
    for number, later in page.numbered():
        if number != line and text in later:
            for match in used.finditer(later):
                page.module(number, match.start(), text, _MODULE_ROOTS)


def _from(page: Page, line: int, match: re.Match[str]) -> None:
    dots, module = match.group("dots"), match.group("module") or ""
    names = [name.strip() for name in match.group("names").strip(" ()\\\r\n").split(",")]
    names = [name.split(" as ")[0].strip() for name in names if name.strip()]
    start = match.start("dots")
    bases = (BESIDE,) if dots else _MODULE_ROOTS
    if page.claims and (match.group("indent") or not (dots or "." in module)):
        return
    for base in bases:
        folder = _package(page, base, dots)
        if folder is None or (module and not _begins(page, folder, module)):
            continue
        inside = joined(folder, module.replace(".", "/")) if module else folder
        if inside is None:
            continue
        if page.claims and module and page.module_file(folder, module) is not None:
            return
        submodules = [name for name in names if page.module_file(inside, name) is not None]
        if submodules and (inside or (not module and dots)):
            _submodules(page, line, match, names=names, submodules=submodules, inside=inside, base=base)
            return
        target = page.module_file(folder, module) if module else None
        if target is not None:
            page.keep_import(line, start, dots + module, target, base=base, style="module", must=False)
            return
    _missing(page, line, match, bases)


def _begins(page: Page, folder: str, module: str) -> bool:
    """Return whether ``folder`` has at least the first part of a dotted module; most imports end here."""
    first = joined(folder, module.partition(".")[0])
    return first is not None and (page.exists(first) or page.exists(first + ".py"))


def _package(page: Page, base: str, dots: str) -> str | None:
    own = folder_of(page.source)
    if not dots:
        return own if base == BESIDE else base
    return joined(own, "/".join([".."] * (len(dots) - 1)) or ".")


def _submodules(
    page: Page, line: int, match: re.Match[str], *, names: list[str], submodules: list[str], inside: str, base: str
) -> None:
    """``from package import module``: the module is named by two parts of the line."""
    start = match.start("dots")
    if len(names) == 1 and "(" not in match.group("names") and " as " not in match.group("names"):
        at = match.start("names")
        text = page.lines[line][start : at + len(names[0])]
        target = page.module_file(inside, names[0]) or ""
        page.keep_import(line, start, text, target, base=base, style="from", must=False)
        return
    for name in submodules:
        found = re.compile(rf"\b{re.escape(name)}\b").search(page.lines[line], match.start("names"))
        if found is not None:
            target = page.module_file(inside, name) or ""
            page.keep_import(line, found.start(), name, target, base=base, style="listed", must=False)


def _missing(page: Page, line: int, match: re.Match[str], bases: tuple[str, ...]) -> None:
    """A module that is not in a package that is: certain at the top level, and never for what a build makes."""
    module, dots = match.group("module") or "", match.group("dots")
    last = module.rpartition(".")[2]
    if match.group("indent") or not module or not (dots or "." in module) or _GENERATED.search(last):
        return
    for base in bases:
        # What lies beside a module is found by an absolute import only in a script: no claim.
        folder = _package(page, base, dots) if dots or base != BESIDE else None
        package = None if folder is None else joined(folder, module.rpartition(".")[0].replace(".", "/"))
        if package and page.exists(f"{package}/__init__.py") and not _built(page, package, last):
            target = f"{package}/{last}.py"
            page.keep_import(line, match.start("dots"), dots + module, target, base=base, style="module", must=True)
            return


def _built(page: Page, package: str, name: str) -> bool:
    """Return whether a module may be something else than Python: a folder, or compiled."""
    if name == package.rpartition("/")[2] or any(page.exists(file) for file in _BUILDERS):
        return True
    return page.exists(f"{package}/{name}") or any(page.exists(f"{package}/{name}.{end}") for end in _SOURCES)
