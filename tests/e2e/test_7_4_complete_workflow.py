"""Somebody asks to be forgotten: an operator looks, hands over the data, erases, and proves it."""

import json
from pathlib import Path

from tests.fixtures.stage_4.command_line import CommandLine
from tests.fixtures.stage_7.canary_home import CANARY, fill, opened, plant, write_source


def test_somebody_asks_to_be_forgotten(tmp_path: Path) -> None:
    """Promise P28: plan, export, erasure and receipt from the command line; the second time changes nothing."""
    platform = opened(tmp_path / "home")
    fill(platform, write_source(tmp_path / "source"))
    plant(platform)
    platform.close()
    command = CommandLine(tmp_path, tmp_path / "home")
    here = ("--dataset", "canary")
    planned = command("security", "erase", CANARY, "--plan", "--json", *here)
    assert planned.code == 0, planned.err
    assert planned.document["lake"]["interactions"]["rows"] == 4
    out = tmp_path / "theirs.json"
    assert command("security", "export", CANARY, "--out", str(out), *here).code == 0
    assert len(json.loads(out.read_text())["data"]["interactions"]) == 4
    erased = command("security", "erase", CANARY, "--by", "ticket 12", "--json", *here)
    assert erased.code == 0, erased.err
    [file] = (tmp_path / "home/reports/canary/erasures").glob("*.json")
    verified = command("security", "receipt", "verify", str(file))
    assert verified.code == 0
    assert "is whole" in verified.out
    assert json.loads(file.read_text()) == erased.document
    [listed] = command("security", "erasures", "--json", *here).document
    assert (listed["by"], listed["pseudonym"]) == ("ticket 12", erased.document["pseudonym"][:16])
    again = command("security", "erase", CANARY, "--json", *here)
    assert again.document == erased.document
    nobody = command("security", "erase")
    assert nobody.code == 1
    assert "Whose data" in nobody.err
