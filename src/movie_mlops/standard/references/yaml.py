"""Paths in YAML: Compose files, GitHub workflows, and any other configuration."""

import re
from typing import Final, NamedTuple

from movie_mlops.standard.references import shell
from movie_mlops.standard.references.page import BESIDE_THEN_ROOT, ROOT_THEN_BESIDE, Page
from movie_mlops.standard.references.reference import BESIDE, folder_of, joined

_ITEM: Final = re.compile(r"^(?P<indent>\s*)(?P<dashes>(?:-\s+)*)(?:(?P<key>[\w.\"'/${}-]+)\s*:(?=\s|$)\s*)?")
_SCALAR: Final = re.compile(r"""(?P<quote>["']?)(?P<text>.*?)(?P=quote)\s*(?:\s#.*)?$""")
_BLOCK: Final = re.compile(r"^[|>][+-]?\d*\s*(?:#.*)?$")
_COMPOSE: Final = re.compile(r"compose[^/]*\.ya?ml$")
_MOUNTED: Final = re.compile(r"\.(?:conf|cnf|ya?ml|sql|sh|json|toml|ini|py|properties|xml|template)$")
_SCRIPT_KEYS: Final = frozenset(
    {"run", "script", "entry", "command", "entrypoint", "test", "before_script", "bash_command"}
)
_FOLDER_KEYS: Final = frozenset({"working-directory", "path", "paths", "directory", "docs_dir", "files"})


class _Node(NamedTuple):
    """One line that holds a key, an item or both.

    Attributes:
        line: 0-based.
        keys: The keys that it stands under, outermost first, its own included.
        start: First character of its value.
        value: The value without quotes; empty where a block follows.
        block: The literal block below it: 0-based line, first character, text.
    """

    line: int
    keys: tuple[str, ...]
    start: int
    value: str
    block: tuple[tuple[int, int, str], ...]


def read(page: Page) -> None:
    """Read a YAML file, as what its name says it is."""
    nodes = _nodes(page)
    if _COMPOSE.search(page.source):
        _compose(page, nodes)
    elif page.source.startswith(".github/"):
        _workflow(page, nodes)
    else:
        for node in nodes:
            _setting(page, node, ROOT_THEN_BESIDE)
    for line, text in page.numbered():
        if text.lstrip().startswith("#"):
            page.words(line, 0, text, ROOT_THEN_BESIDE)


def _nodes(page: Page) -> list[_Node]:
    nodes: list[_Node] = []
    stack: list[tuple[int, str]] = []
    lines = page.lines
    number = 0
    while number < len(lines):
        text = lines[number].rstrip("\r")
        line = number
        number += 1
        if not text.strip() or text.lstrip().startswith("#"):
            continue
        match = _ITEM.match(text)
        if match is None:
            continue
        depth = len(match.group("indent")) + len(match.group("dashes"))
        while stack and (
            stack[-1][0] > depth or (stack[-1][0] == depth and (match.group("key") or match.group("dashes")))
        ):
            stack.pop()
        if match.group("key"):
            stack.append((depth, match.group("key").strip("\"'")))
        keys = tuple(key for _, key in stack)
        rest = text[match.end() :]
        if _BLOCK.match(rest.strip()):
            own = len(match.group("indent")) if not match.group("key") else depth
            first = number
            while number < len(lines) and (not lines[number].strip() or _indent(lines[number]) > own):
                number += 1
            block = tuple((at, 0, lines[at].rstrip("\r")) for at in range(first, number))
            nodes.append(_Node(line, keys, match.end(), "", block))
            continue
        scalar = _SCALAR.match(text, match.end())
        if scalar is not None:
            nodes.append(_Node(line, keys, scalar.start("text"), scalar.group("text"), ()))
    return nodes


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip(" "))


def _setting(page: Page, node: _Node, bases: tuple[str, ...]) -> None:
    key = node.keys[-1] if node.keys else ""
    if node.block or key in _SCRIPT_KEYS:
        shell.read_lines(page, list(node.block) or [(node.line, node.start, node.value)], bases)
    elif node.value and "://" not in node.value:
        page.value(node.line, node.start, node.value, bases, bare=key in _FOLDER_KEYS)


def _workflow(page: Page, nodes: list[_Node]) -> None:
    """A step runs in the root, or in its own ``working-directory``."""
    for index, node in enumerate(nodes):
        key = node.keys[-1] if node.keys else ""
        if key == "uses":
            if node.value.startswith("./"):
                page.path(node.line, node.start, node.value, ("",), must=True, style="dotted")
            continue
        bases: tuple[str, ...] = ("",)
        folder = _working_folder(nodes, index) if key == "run" else None
        if folder:
            bases = (folder, "")
        _setting(page, node, bases)


def _working_folder(nodes: list[_Node], index: int) -> str | None:
    """Return the ``working-directory`` beside the ``run`` at ``index``: one of its near neighbours in the step."""
    depth = len(nodes[index].keys)
    for step in (-1, 1):
        at = index + step
        while 0 <= at < len(nodes) and abs(at - index) <= 12:  # noqa: PLR2004 - a step has a handful of keys
            keys = nodes[at].keys
            if len(keys) < depth or (keys and keys[-1] in {"uses", "run"}):
                break
            if keys[-1] == "working-directory":
                return joined("", nodes[at].value)
            at += step
    return None


def _compose(page: Page, nodes: list[_Node]) -> None:
    """Paths are relative to the folder of the Compose file; a Dockerfile's name, to the build context."""
    contexts: dict[tuple[str, ...], str] = {}
    for node in nodes:
        if node.keys[-2:] == ("build", "context") or node.keys[-1:] == ("build",):
            target = _context(page, node)
            if target is not None:
                contexts[node.keys[:-1] if node.keys[-1] == "context" else node.keys] = target
    for node in nodes:
        if node.keys[-2:] == ("build", "dockerfile"):
            context = contexts.get(node.keys[:-1], folder_of(page.source))
            page.path(node.line, node.start, node.value, (context,), must=True)
        elif node.value and not (node.keys[-1:] == ("context",) or (node.keys[-1:] == ("build",) and node.value)):
            _service(page, node)


def _context(page: Page, node: _Node) -> str | None:
    if not node.value or "://" in node.value or "$" in node.value:
        return None
    return page.path(node.line, node.start, node.value, (BESIDE,), must=True, style="dotted")


def _service(page: Page, node: _Node) -> None:
    keys = node.keys
    if not keys:
        # A single word: a file that was only begun.
        return
    if "volumes" in keys[1:]:
        _volume(page, node)
    elif "env_file" in keys or keys[-2:] == ("extends", "file") or keys[:1] == ("include",) or keys[-1] == "file":
        must = not node.value.rpartition("/")[2].startswith(".env")
        page.path(node.line, node.start, node.value, (BESIDE,), must=must, assume=True)
    elif keys[-1] in {"command", "entrypoint", "test"} or "environment" in keys:
        # It runs in the container, which as a rule holds the repository as it is.
        page.words(node.line, node.start, node.value, ("",))
    elif keys[-1] != "image":
        page.value(node.line, node.start, node.value, BESIDE_THEN_ROOT)


def _volume(page: Page, node: _Node) -> None:
    path = node.value if node.keys[-1] == "source" else node.value.split(":", 1)[0]
    if not path.startswith(".") or "$" in path:
        return
    target = joined(folder_of(page.source), path)
    must = target is not None and _MOUNTED.search(path) is not None and page.exists(folder_of(target))
    page.path(node.line, node.start, path, (BESIDE,), must=must, style="dotted", assume=True)
