"""A lineage as a picture: layers from left to right, from cause to effect, as SVG without scripts.

The layout is that of Sugiyama, Tagawa and Toda ("Methods for Visual Understanding of Hierarchical System Structures",
IEEE Transactions on Systems, Man, and Cybernetics, 1981): layers by longest path, order by barycentres.
"""

import base64
import hashlib
import re
import unicodedata
from collections.abc import Iterator
from html import escape
from typing import Final

from movie_mlops.release.lineage import Graph, Node

_WIDTH: Final = 256
_GAP_X: Final = 72
_GAP_Y: Final = 18
_MARGIN: Final = 20
_HEAD: Final = 48
_LINE: Final = 17
_MOST_FACTS: Final = 4
_ROOM: Final = _WIDTH - 17 - 10
_FACT_LETTER: Final = 7.0
_TITLE_LETTER: Final = 8.5
_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d):\d\d(?:\.\d+)?Z")
_HASH: Final = re.compile(r"[0-9a-f]{32,}")
_SWEEPS: Final = 4

STYLE: Final = """
svg { font: 12px/1.3 system-ui, -apple-system, "Segoe UI", "Liberation Sans", Arial, sans-serif;
  --paper: #fbf8f3; --card: #fffdfa; --line: #d9d1c5; --ink: #2a211c; --muted: #6f645b; --edge: #b3a798;
  --data: #2f6f8f; --made: #b4492a; --given: #6b5ca5; --served: #2e7d51; }
@media (prefers-color-scheme: dark) { svg { --paper: #191412; --card: #251f1b; --line: #453b34; --ink: #f3ede4;
  --muted: #b3a799; --edge: #75685c; --data: #7fc0de; --made: #f0936d; --given: #b7a8f0; --served: #7fd0a2; } }
.paper { fill: var(--paper); } .card { fill: var(--card); stroke: var(--line); }
.asked .card { stroke: var(--hue); stroke-width: 2.5; } .gone .card { stroke-dasharray: 5 4; }
.bar { fill: var(--hue); } .kind { fill: var(--hue); font-size: 10.5px; font-weight: 650; letter-spacing: .04em; }
.title { fill: var(--ink); font-size: 14px; font-weight: 650; }
.fact { fill: var(--muted); } .fact tspan { fill: var(--ink); }
.edge { fill: none; stroke: var(--edge); stroke-width: 1.5; } .tip { fill: var(--edge); }
.source, .table, .features { --hue: var(--data); } .bundle, .training-set { --hue: var(--made); }
.configuration, .code, .libraries { --hue: var(--given); } .release, .answers, .recommendation { --hue: var(--served); }
"""

POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The policy to serve a picture with: its one style, and nothing else."""


def draw(graph: Graph) -> str:
    """Return the graph as an SVG document; it follows the reader's choice of light or dark."""
    layers = _ordered(graph, _layers(graph))
    heights = [sum(_height(node) + _GAP_Y for node in layer) - _GAP_Y for layer in layers]
    width = _MARGIN * 2 + len(layers) * (_WIDTH + _GAP_X) - _GAP_X
    height = _MARGIN * 2 + max(heights)
    places: dict[str, tuple[int, int]] = {}
    for column, (layer, tall) in enumerate(zip(layers, heights, strict=True)):
        y = (height - tall) // 2
        for node in layer:
            places[node.node_id] = (_MARGIN + column * (_WIDTH + _GAP_X), y)
            y += _height(node) + _GAP_Y
    return "".join(_document(graph, places, width, height))


def _layers(graph: Graph) -> list[list[Node]]:
    """Put each node behind all that it was made of, and what was made of nothing just before what it took part in."""
    depth: dict[str, int] = {}

    def deep(node_id: str) -> int:
        if node_id not in depth:
            depth[node_id] = 1 + max((deep(cause.node_id) for cause in graph.causes(node_id)), default=-1)
        return depth[node_id]

    for node in graph.nodes:
        deep(node.node_id)
    for node in graph.nodes:
        effects = graph.effects(node.node_id)
        if effects and not graph.causes(node.node_id):
            depth[node.node_id] = min(depth[effect.node_id] for effect in effects) - 1
    return [[node for node in graph.nodes if depth[node.node_id] == layer] for layer in sorted(set(depth.values()))]


def _ordered(graph: Graph, layers: list[list[Node]]) -> list[list[Node]]:
    """Bring each node near those that it is linked with, so that few lines cross."""
    for sweep in range(_SWEEPS):
        forward = sweep % 2 == 0
        for before, layer in zip(*((layers, layers[1:]) if forward else (layers[:0:-1], layers[-2::-1])), strict=False):
            place = {node.node_id: rank / max(1, len(before) - 1) for rank, node in enumerate(before)}

            def centre(node: Node, place: dict[str, float] = place, forward: bool = forward) -> float:
                linked = graph.causes(node.node_id) if forward else graph.effects(node.node_id)
                near = [place[other.node_id] for other in linked if other.node_id in place]
                return sum(near) / len(near) if near else 0.5

            layer.sort(key=centre)
    return layers


def _height(node: Node) -> int:
    shown = min(len(node.facts), _MOST_FACTS)
    return _HEAD + shown * _LINE + (8 if shown else 4)


def _document(graph: Graph, places: dict[str, tuple[int, int]], width: int, height: int) -> Iterator[str]:
    thing = graph.node(graph.thing)
    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    yield f' role="img" aria-label="{escape(f"What is behind {thing.kind} {thing.title}, and what came of it")}">'
    yield f"<style>{STYLE}</style>"
    yield f'<rect class="paper" width="{width}" height="{height}" rx="14"/>'
    for edge in graph.edges:
        yield _line(graph, places, edge.source, edge.target)
    for node in graph.nodes:
        yield from _card(node, *places[node.node_id], asked=node.node_id == graph.thing)
    yield "</svg>"


def _line(graph: Graph, places: dict[str, tuple[int, int]], source: str, target: str) -> str:
    (x1, y1), (x2, y2) = places[source], places[target]
    x1, y1 = x1 + _WIDTH, y1 + _height(graph.node(source)) // 2
    y2 = y2 + _height(graph.node(target)) // 2
    half = (x2 - x1) // 2
    return (
        f'<path class="edge" d="M{x1} {y1}C{x1 + half} {y1} {x2 - half} {y2} {x2 - 7} {y2}"/>'
        f'<path class="tip" d="M{x2 - 1} {y2}l-8 -4.5v9z"/>'
    )


def _card(node: Node, x: int, y: int, *, asked: bool) -> Iterator[str]:
    height = _height(node)
    classes = [node.kind.replace(" ", "-"), *(["asked"] if asked else []), *(["gone"] if node.gone else [])]
    whole = [f"{node.kind} {node.title}", *(f"{name}: {value or 'not recorded'}" for name, value in node.facts.items())]
    yield f'<g class="{" ".join(classes)}" transform="translate({x} {y})"><title>{escape(chr(10).join(whole))}</title>'
    yield f'<rect class="card" width="{_WIDTH}" height="{height}" rx="9"/>'
    yield f'<path class="bar" d="M9 0h-1a8 8 0 0 0 -8 8v{height - 16}a8 8 0 0 0 8 8h1z" transform="scale(.6 1)"/>'
    yield f'<text class="kind" x="17" y="19">{escape(node.kind.upper())}{" · GONE" if node.gone else ""}</text>'
    yield f'<text class="title" x="17" y="38">{escape(_clipped(node.title, _ROOM / _TITLE_LETTER))}</text>'
    for place, (name, value) in enumerate(list(node.facts.items())[:_MOST_FACTS]):
        said = _clipped(_short(value or "not recorded"), _ROOM / _FACT_LETTER - _letters(name) - 1)
        at = _HEAD + 9 + place * _LINE
        yield f'<text class="fact" x="17" y="{at}">{escape(name)} <tspan>{escape(said)}</tspan></text>'
    yield "</g>"


def _short(value: str) -> str:
    """Return a time to the minute and a digest to its first digits; the whole is in the tip."""
    return _HASH.sub(lambda found: found[0][:12], _TIME.sub(r"\1 \2 UTC", value))


def _clipped(text: str, room: float) -> str:
    """Return as much of a text as fits into so many letters."""
    if _letters(text) <= room:
        return text
    while text and _letters(text) > room - 1:
        text = text[:-1]
    return f"{text.rstrip()}…"


def _letters(text: str) -> float:
    return sum(1.75 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)
