"""The threat model: what it says is covered is covered by a test that exists."""

import re
from collections.abc import Iterator

from tests.conftest import REPOSITORY

GUIDE = REPOSITORY / "docs" / "07-security" / "threat-model-guide.md"
NAMED = re.compile(r"`(test_\w+\.py)::(test_\w+)`")


def lines() -> Iterator[tuple[str, str]]:
    """Yield the lines of every table whose last column tells tests, as (line, last cell)."""
    counts = False
    for line in GUIDE.read_text().splitlines():
        if line.startswith("|") and not line.startswith("|---"):
            last = line.strip().strip("|").rpartition("|")[2].strip()
            if last in {"test", "wants"}:
                counts = last == "test"
            elif counts:
                yield line, last
        else:
            counts = counts and line.startswith("|---")


def test_each_line_names_tests_that_exist_or_is_open() -> None:
    """Every line of STRIDE, OWASP API Top 10 and ASVS names tests of this repository, or says that it is open."""
    files: dict[str, str] = {}
    for path in (REPOSITORY / "tests").rglob("test_*.py"):
        # Two kinds of test of one thing may have the same name.
        files[path.name] = files.get(path.name, "") + path.read_text()
    seen = 0
    for line, last in lines():
        seen += 1
        if last == "open":
            continue
        named = NAMED.findall(last)
        assert named, line
        assert NAMED.sub("", last).strip(" ,") == "", line
        for file, name in named:
            assert f"def {name}(" in files[file], (file, name)
    assert seen > 80


def test_every_room_and_every_risk_has_a_line() -> None:
    """Each room that takes something from outside, each of the ten risks and each chapter of ASVS that is ours."""
    text = "\n".join(line for line, _ in lines())
    rooms = ("serving", "ingest", "lake", "features", "events", "recommenders", "release", "state", "security")
    for room in (*rooms, "monitoring", "flows, cli", "CI", "containers"):
        assert f"| {room} |" in text, room
    assert re.findall(r"^\| API(\d+) ", text, re.MULTILINE) == [str(number) for number in range(1, 11)]
    assert {int(found) for found in re.findall(r"^\| V(\d+)", text, re.MULTILINE)} == set(range(1, 15))
