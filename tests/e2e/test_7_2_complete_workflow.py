"""Back-ups as an operator has them: written, one person taken out for good, restored on a new machine."""

from pathlib import Path

import pytest

from tests.fixtures.stage_4.command_line import CommandLine, copied


@pytest.mark.long
def test_a_home_is_backed_up_and_comes_back_without_who_was_erased(finished: CommandLine, tmp_path: Path) -> None:
    """Promise P28: after ``shred`` the same back-up restores everybody else; a new master key opens it all the same."""
    home = copied(finished, tmp_path)
    place = tmp_path / "backups"
    made = home("security", "backup", str(place), "--json").document
    count = "SELECT count(DISTINCT user_id) AS people, min(user_id) AS first FROM interactions"
    (before,) = home("lake", "sql", count, "--json").document
    assert made["people"] == before["people"]
    shredded = home("security", "shred", before["first"], "--json").document
    assert shredded["places"] == [str(place)]
    assert home("security", "rotate-master", "--json").document["wrapped"] == made["people"]
    new = tmp_path / "new"
    keys = new / "data" / "keys"
    keys.mkdir(parents=True)
    (keys / "master-key").write_bytes((home.home / "data" / "keys" / "master-key").read_bytes())
    (keys / "master-key").chmod(0o600)
    restored = home("security", "restore", made["folder"], "--dataset", "sample", "--json", home=new)
    assert restored.code == 0, restored.err
    assert restored.document["people"] == before["people"] - 1
    assert restored.document["erased"] == 1
    (after,) = home("lake", "sql", count, "--json", home=new).document
    assert after["people"] == before["people"] - 1
    assert after["first"] != before["first"]
    assert home("release", "history", "--json", home=new).document == home("release", "history", "--json").document
    again = home("security", "restore", made["folder"], "--dataset", "sample", home=new)
    assert (again.code, "data here already" in again.err) == (1, True)
