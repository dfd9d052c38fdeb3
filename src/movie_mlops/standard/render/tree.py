"""The layout as a tree that a person reads: every declared path, the names that each folder takes, what each is for."""

from collections.abc import Iterator

from movie_mlops.standard.findings import say
from movie_mlops.standard.spec import Kind, Spec

_COLUMN = 56


class _Node:
    def __init__(self, text: str = "") -> None:
        self.text = text
        self.inside: dict[str, _Node] = {}


def tree(spec: Spec, language: str) -> str:
    """Return the tree, as text for a code block."""
    root = _Node()
    for layout in spec.paths.values():
        _at(root, layout.path, folder=layout.folder).text = say(layout.holds, language)
    for kind in spec.kinds.values():
        if not kind.fallback:
            _add_kind(root, spec, kind, language)
    return "\n".join(line.rstrip() for line in _lines(root, ""))


def _add_kind(root: _Node, spec: Spec, kind: Kind, language: str) -> None:
    # A name without a hole is either in the layout already or says nothing about this folder.
    templates = [one for one in kind.templates if "language" not in one.holes and (one.holes or "*" in one.text)]
    names = [template.show() for template in templates]
    for folder in kind.folders:
        if folder.text == "**" or (folder.holes and "stage_folder" not in folder.holes):
            continue
        for path in _folders(spec, folder.text):
            node = root if path == "." else _at(root, path, folder=True)
            number = next((s for s in spec.stages.values() if _folder_of(spec, s.number) == path.split("/")[-1]), None)
            if number is not None:
                node.text = node.text or say(number.name, language)
            if "{" not in folder.text:
                for name in names:
                    if not name.startswith("*") and name not in node.inside:
                        node.inside[name] = _Node(say(kind.name, language))
                    elif name.startswith("*"):
                        node.text = node.text or say(kind.name, language)


def _folder_of(spec: Spec, stage: int) -> str:
    return spec.derived({"stage": str(stage)}).get("stage_folder", "")


def _folders(spec: Spec, folder: str) -> list[str]:
    if "{" not in folder:
        return [folder]
    if folder.count("/") > 1:
        return []  # implementation/ and testing/ of each stage: the text beside the tree says it once
    return [folder.replace("{stage_folder}", _folder_of(spec, number)) for number in spec.stages]


def _at(root: _Node, path: str, *, folder: bool) -> _Node:
    node = root
    parts = path.split("/")
    for index, part in enumerate(parts):
        name = f"{part}/" if folder or index < len(parts) - 1 else part
        node = node.inside.setdefault(name, _Node())
    return node


def _order(child: tuple[str, _Node]) -> tuple[bool, str]:
    """Files before folders, numbered folders before others; the declaration's order otherwise."""
    name = child[0]
    if not name.endswith("/"):
        return False, ""
    return True, name if name[0].isdigit() else "~"


def _lines(node: _Node, prefix: str) -> Iterator[str]:
    last = len(node.inside) - 1
    for index, (name, inner) in enumerate(sorted(node.inside.items(), key=_order)):
        head = f"{prefix}{'└── ' if index == last else '├── '}{name}"
        yield f"{head:<{_COLUMN}}  {inner.text}" if inner.text else head
        yield from _lines(inner, prefix + ("    " if index == last else "│   "))
