"""The graph behind an answer, and its picture."""

import json
import re
from base64 import b64encode
from hashlib import sha256
from itertools import combinations
from xml.etree import ElementTree as ET

from movie_mlops.release import POLICY, Graph, Kind, Node, draw


def graph() -> Graph:
    """Two tables of one source, a bundle of both, two releases of it."""
    graph = Graph("bundle:b")
    graph.add(Node("source:s", Kind.SOURCE, "sample", {"fingerprint": "f" * 64}))
    for table in ("interactions", "movies"):
        graph.add(Node(f"table:{table}", Kind.TABLE, f"{table}@0", {"rows": "7"}), from_=[("source:s", "loaded")])
    graph.add(Node("code:b", Kind.CODE, "<script>'&'</script>", {"commit": None}))
    made_of = [("table:interactions", "learned from"), ("table:movies", "films of"), ("code:b", "given")]
    graph.add(Node("bundle:b", Kind.BUNDLE, "b", {}), from_=made_of)
    for release in "12":
        facts = {"since": "2026-01-06T12:00:00.25Z"}
        node = Node(f"release:{release}", Kind.RELEASE, f"release {release}", facts, gone=True)
        graph.add(node, from_=[("bundle:b", "serves as")])
    return graph


def test_both_directions_tell_the_same() -> None:
    """Every edge is found from either end, and what was made of nothing has no cause."""
    drawn = graph()
    for edge in drawn.edges:
        assert drawn.node(edge.target) in drawn.effects(edge.source)
        assert drawn.node(edge.source) in drawn.causes(edge.target)
    assert drawn.causes("source:s") == drawn.causes("code:b") == drawn.effects("release:1") == []
    assert [node.node_id for node in drawn.effects("bundle:b")] == ["release:1", "release:2"]


def test_text_and_json_name_every_node() -> None:
    """As text each node stands once with its facts, what was not recorded says so; JSON has nodes and edges."""
    lines = list(graph().lines())
    assert lines[0] == "bundle b"
    assert lines.count("        source sample") == 1
    assert lines.count("        source sample (see above)") == 1
    assert "      commit: not recorded" in lines
    assert "    release release 2 (gone)" in lines
    document = json.loads(json.dumps(graph().to_json()))
    assert document["thing"] == "bundle:b"
    assert {"source": "table:movies", "target": "bundle:b", "what": "films of"} in document["edges"]
    assert {node["id"]: node["gone"] for node in document["nodes"]}["release:1"] is True


def test_the_picture_is_sound_and_holds_nothing_that_runs() -> None:
    """The SVG is well-formed, markup in a name is text, and the policy names its one style by its digest."""
    picture = draw(graph())
    root = ET.fromstring(picture)
    names = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert names <= {"svg", "style", "rect", "path", "g", "title", "text", "tspan"}
    assert not [name for element in root.iter() for name in element.attrib if name.startswith("on") or "href" in name]
    assert "<script>'&'</script>" in [element.text for element in root.iter() if element.text]
    (style,) = re.findall("<style>(.*?)</style>", picture, re.DOTALL)
    assert f"style-src 'sha256-{b64encode(sha256(style.encode()).digest()).decode()}'" in POLICY
    assert "script-src" not in POLICY
    assert "prefers-color-scheme: dark" in style


def cards(picture: str) -> dict[str, tuple[float, float, float, float]]:
    boxes = {}
    for group in ET.fromstring(picture).iter("{http://www.w3.org/2000/svg}g"):
        x, y = (float(part) for part in re.findall(r"[\d.]+", group.attrib["transform"]))
        box = group.find("{http://www.w3.org/2000/svg}rect")
        title = group.find("{http://www.w3.org/2000/svg}title")
        assert box is not None
        assert title is not None
        boxes[str(title.text)] = (x, y, x + float(box.attrib["width"]), y + float(box.attrib["height"]))
    return boxes


def test_causes_stand_left_of_effects_and_no_card_covers_another() -> None:
    """Every edge goes from left to right, and all cards lie apart and within the picture."""
    picture = draw(graph())
    boxes = cards(picture)
    width, height = (float(ET.fromstring(picture).attrib[side]) for side in ("width", "height"))
    by_title = {title.splitlines()[0]: box for title, box in boxes.items()}
    assert by_title["table movies@0"][2] < by_title["bundle b"][0]
    assert by_title["source sample"][2] < by_title["table movies@0"][0]
    assert by_title["bundle b"][2] < by_title["release release 1"][0]
    # What was made of nothing stands just before what it took part in.
    assert by_title["code <script>'&'</script>"][0] == by_title["table movies@0"][0]
    assert all(x >= 0 and y >= 0 and right <= width and low <= height for x, y, right, low in boxes.values())
    for one, other in combinations(boxes.values(), 2):
        assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]


def test_the_picture_says_times_and_digests_shortly_and_in_full_in_the_tip() -> None:
    """A card shows a time to the minute and the first digits of a digest; the tip has them whole."""
    picture = draw(graph())
    assert "<tspan>2026-01-06 12:00 UTC</tspan>" in picture
    assert f"<tspan>{'f' * 12}</tspan>" in picture
    assert f"fingerprint: {'f' * 64}" in picture
