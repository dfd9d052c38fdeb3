"""The graph behind every answer: what was made of what, to be walked in both directions."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What a node is; the order is the one from cause to effect."""

    SOURCE = "source"
    TABLE = "table"
    FEATURES = "features"
    CONFIGURATION = "configuration"
    CODE = "code"
    LIBRARIES = "libraries"
    TRAINING_SET = "training set"
    BUNDLE = "bundle"
    RELEASE = "release"
    ANSWERS = "answers"
    RECOMMENDATION = "recommendation"


@dataclass(frozen=True)
class Node:
    """A thing that was made, or that took part.

    Attributes:
        node_id: Unique in the graph, such as ``bundle:edlae-0123456789ab``.
        kind: What it is.
        title: What it is called.
        facts: What is known of it, the most telling first; ``None`` where that was not recorded.
        gone: Whether it cannot be had any more.
    """

    node_id: str
    kind: Kind
    title: str
    facts: Mapping[str, str | None]
    gone: bool = False


@dataclass(frozen=True)
class Edge:
    """What a thing did for another one.

    Attributes:
        source: The node that took part.
        target: The node that was made.
        what: In a word or two, such as ``learned from``.
    """

    source: str
    target: str
    what: str


class Graph:
    """Nodes and edges, without a circle: nothing is made of what was made of it.

    Args:
        thing: The node that was asked about.
    """

    def __init__(self, thing: str) -> None:
        self.thing = thing
        self._nodes: dict[str, Node] = {}
        self._edges: dict[tuple[str, str], Edge] = {}

    def __contains__(self, node_id: str) -> bool:
        return node_id in self._nodes

    def add(self, node: Node, *, from_: Iterable[tuple[str, str]] = ()) -> str:
        """Add a node, and its edges from others: pairs of a node's id and what that did. Return the node's id."""
        self._nodes[node.node_id] = node
        for source, what in from_:
            self.link(source, node.node_id, what)
        return node.node_id

    def link(self, source: str, target: str, what: str) -> None:
        """Say that one node took part in another; saying it again changes nothing."""
        self._edges[source, target] = Edge(source, target, what)

    @property
    def nodes(self) -> list[Node]:
        """Every node, from cause to effect."""
        order = list(Kind)
        return sorted(self._nodes.values(), key=lambda node: (order.index(node.kind), node.node_id))

    @property
    def edges(self) -> list[Edge]:
        """Every edge, in order."""
        return [self._edges[ends] for ends in sorted(self._edges)]

    def node(self, node_id: str) -> Node:
        """Return a node."""
        return self._nodes[node_id]

    def causes(self, node_id: str) -> list[Node]:
        """Return what a node was made of, directly."""
        made_of = {edge.source for edge in self._edges.values() if edge.target == node_id}
        return [node for node in self.nodes if node.node_id in made_of]

    def effects(self, node_id: str) -> list[Node]:
        """Return what was made of a node, directly."""
        made = {edge.target for edge in self._edges.values() if edge.source == node_id}
        return [node for node in self.nodes if node.node_id in made]

    def to_json(self) -> dict[str, Any]:
        """Return the graph as plain data."""
        return {
            "thing": self.thing,
            "nodes": [
                {
                    "id": node.node_id,
                    "kind": node.kind.value,
                    "title": node.title,
                    "gone": node.gone,
                    "facts": dict(node.facts),
                }
                for node in self.nodes
            ],
            "edges": [{"source": edge.source, "target": edge.target, "what": edge.what} for edge in self.edges],
        }

    def lines(self) -> Iterator[str]:
        """Yield the graph as text: the thing, what is behind it, and what came of it."""
        yield from _told(self.node(self.thing), 0)
        for title, step in (("made from", self.causes), ("and from it came", self.effects)):
            if step(self.thing):
                yield f"  {title}"
                seen: set[str] = set()
                yield from self._walk(self.thing, step, 4, seen)

    def _walk(self, node_id: str, step: Any, indent: int, seen: set[str]) -> Iterator[str]:
        for node in step(node_id):
            again = node.node_id in seen
            seen.add(node.node_id)
            yield from _told(node, indent, brief=again)
            if not again:
                yield from self._walk(node.node_id, step, indent + 4, seen)


def _told(node: Node, indent: int, *, brief: bool = False) -> Iterator[str]:
    pad = " " * indent
    yield f"{pad}{node.kind.value} {node.title}" + (" (see above)" if brief else " (gone)" if node.gone else "")
    if not brief:
        for name, value in node.facts.items():
            yield f"{pad}  {name}: {'not recorded' if value is None else value}"
