"""One place in one file that names a path of the repository, and how to write it anew after a move."""

import posixpath
import re
from typing import Final, NamedTuple

BESIDE: Final = "."
"""Base of what is relative to the folder of the file that says it; it moves with the file."""


class Reference(NamedTuple):
    """A path of the repository, named in a file.

    Attributes:
        line: 1-based line.
        start: First character of ``text`` in that line, decoded.
        end: One past its last character.
        text: As written; it may be empty where a folder is meant by what stands before (``$(dirname "$0")``).
        target: The path that is meant, relative to the repository's root; it may be a folder, ``""`` is the root.
        certain: The place admits nothing but a path that must exist: only these can dangle.
        base: What ``text`` is relative to: a folder of the repository (``""`` is the root), or, beginning with a dot,
            a folder relative to that of the file itself.
        style: How ``text`` is spelt: ``path``, ``dotted`` (``./`` is kept or added), ``link`` (a URL's quoting),
            ``suffix`` (what follows an expression for the file's own folder), ``joined`` (several literals),
            ``parents`` and ``dirname`` (Python's ways up), ``module``, ``import`` (a name that code goes on to use),
            ``from`` (``package import module``), ``listed`` (one of several imported modules).
        likely: A move may rewrite it; otherwise a person has to look.
    """

    line: int
    start: int
    end: int
    text: str
    target: str
    certain: bool
    base: str = ""
    style: str = "path"
    likely: bool = True


def folder_of(path: str) -> str:
    """Return the folder that ``path`` lies in; ``""`` for the root."""
    return path.rpartition("/")[0]


def joined(base: str, text: str) -> str | None:
    """Return the repository path of ``text`` seen from the folder ``base``; ``None`` where it leaves the repository."""
    if text.startswith(("/", "~")) or "\0" in text:
        return None
    path = posixpath.normpath(f"{base}/{text}") if base else posixpath.normpath(text or ".")
    if path == ".":
        return ""
    return None if path == ".." or path.startswith(("../", "/")) else path


def relative(target: str, base: str) -> str:
    """Return how ``target`` is written from the folder ``base``; ``.`` for the folder itself."""
    return posixpath.relpath("/" + target, "/" + base)


def base_folder(base: str, source: str) -> str | None:
    """Return the folder that a reference's base is, for a file at ``source``."""
    return joined(folder_of(source), base) if base.startswith(".") else base


def rewritten(
    reference: Reference, source_path: str, new_source_path: str, new_target: str, *, new_base: str | None = None
) -> str | None:
    """Return the text that means ``new_target`` in the file at ``new_source_path``, in the style of the old one.

    Args:
        reference: As it was found.
        source_path: The file that it was found in.
        new_source_path: Where that file is now.
        new_target: Where the target is now.
        new_base: Where the folder that it is relative to is now, if that folder moved by itself.

    Returns:
        The text to write between ``start`` and ``end``; ``None`` where this style cannot say it.
    """
    before = base_folder(reference.base, source_path)
    after = base_folder(reference.base, new_source_path) if new_base is None else new_base
    if after is None:
        return None
    if reference.style in _MODULES:
        return _MODULES[reference.style](reference, source_path, new_source_path, new_target)
    if before == after and reference.target == new_target:
        return reference.text
    if reference.style in {"parents", "dirname"}:
        return _upwards(reference, new_source_path, new_target)
    return _spelt(reference, relative(new_target, after))


def _spelt(reference: Reference, path: str) -> str:
    if reference.style == "suffix":
        return "" if path == "." else f"/{path}"
    if reference.style == "joined":
        return _literals(reference.text, path)
    if reference.text.endswith("/") and path != ".":
        path += "/"
    climbs = path.startswith("..") or path == "."
    if not climbs and (reference.style == "dotted" or reference.text.startswith("./")):
        path = f"./{path}"
    return _quoted(path) if reference.style == "link" else path


def _quoted(path: str) -> str:
    """Return a path as a link has it."""
    from urllib.parse import quote

    return quote(path, safe="/!$&'*+,;=:@~")


def _literals(text: str, path: str) -> str:
    quoting = text[0]
    separator = re.search(rf"{quoting}(\s*[/,]\s*){quoting}", text)
    between = separator.group(1) if separator else " / "
    return between.join(f"{quoting}{part}{quoting}" for part in path.split("/"))


def _upwards(reference: Reference, source: str, target: str) -> str:
    """Return Python's expression for the folder ``target``, seen from the file at ``source``."""
    common = posixpath.commonpath(["/" + folder_of(source), "/" + target]).lstrip("/")
    climbs = len([part for part in relative(common, folder_of(source)).split("/") if part == ".."])
    rest = "" if common == target else relative(target, common)
    if reference.style == "dirname":
        inner = reference.text
        while (shorter := re.sub(r"^((?:os\.)?path\.)?dirname\((.*)\)$", r"\2", inner)) != inner:
            inner = shorter
        call = reference.text.partition("(")[0]
        written = f"{call}(" * (climbs + 1) + inner + ")" * (climbs + 1)
        return f'{call.replace("dirname", "join")}({written}, "{rest}")' if rest else written
    steps = f".parents[{climbs}]" if "[" in reference.text else ".parent" * (climbs + 1)
    return f'{steps}.joinpath("{rest}")' if rest else steps


def module_name(path: str, root: str) -> str | None:
    """Return the dotted name of the module or package at ``path`` below ``root``; ``None`` if it has none."""
    inside = path if not root else path[len(root) + 1 :] if path.startswith(root + "/") else ""
    inside = inside.removesuffix(".py").removesuffix("/__init__")
    parts = inside.split("/")
    return ".".join(parts) if all(part.isidentifier() for part in parts) else None


def _module(reference: Reference, source: str, new_source: str, target: str) -> str | None:
    """``a.b.c`` or ``..b.c``."""
    dots = len(reference.text) - len(reference.text.lstrip("."))
    if not dots:
        return _absolute(reference, source, new_source, target)
    if reference.target == target and folder_of(source) == folder_of(new_source):
        return reference.text
    path = target.removesuffix(".py").removesuffix("/__init__")
    parts = relative(path, folder_of(new_source)).split("/")
    climbs = parts.count("..")
    names = [part for part in parts if part not in {"..", "."}]
    if climbs > len([part for part in folder_of(new_source).split("/") if part]) - 1:
        return None
    return "." * (climbs + 1) + ".".join(names) if all(name.isidentifier() for name in names) else None


def _absolute(reference: Reference, source: str, new_source: str, target: str) -> str | None:
    if reference.base.startswith("."):
        # Found because it lay beside the file: only while the two still lie so does the short name work.
        if reference.target == target and folder_of(source) == folder_of(new_source):
            return reference.text
        return module_name(target, folder_of(new_source)) if folder_of(target) == folder_of(new_source) else None
    if reference.target == target:
        return reference.text
    return module_name(target, reference.base)


def _import(reference: Reference, source: str, new_source: str, target: str) -> str | None:
    """``import name``: the code goes on to use the name, so it is kept."""
    name = _absolute(reference, source, new_source, target)
    return name if name is None or name == reference.text else f"{name} as {reference.text}"


def _from(reference: Reference, source: str, new_source: str, target: str) -> str | None:
    """``package import module``."""
    package, name = re.split(r"\s+import\s+", reference.text)
    text = f"{package}{name}" if package.endswith(".") else f"{package}.{name}"
    module = _module(reference._replace(text=text), source, new_source, target)
    if module is None or module == text:
        return None if module is None else reference.text
    new_package, _, new_name = module.rpartition(".")
    if module.startswith(".") and not new_package.strip("."):
        new_package = module[: len(module) - len(new_name)]
    if not new_package:
        return None
    return f"{new_package} import {new_name}" + ("" if new_name == name else f" as {name}")


def _listed(reference: Reference, source: str, new_source: str, target: str) -> str | None:
    """One of several names: kept only while nothing about it changes."""
    stays = folder_of(source) == folder_of(new_source) or not reference.base.startswith(".")
    unchanged = reference.target == target and stays
    return reference.text if unchanged else None


_MODULES: Final = {"module": _module, "import": _import, "from": _from, "listed": _listed}
