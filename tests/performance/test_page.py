"""The benchmark of the page, end to end: the real command, the real server, a real Chromium."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

pytestmark = pytest.mark.browser


@pytest.mark.long
def test_the_command_measures_when_the_first_answer_is_painted(tmp_path: Path) -> None:
    """Visitors who are new and known see an answer; the file has both times, beside a page without a script."""
    if not Path("/usr/bin/chromium").exists():
        if os.environ.get("CI") == "true":  # noqa: TID251 - CI's own variable says where we run
            pytest.fail("no Chromium")
        pytest.skip("no Chromium at /usr/bin/chromium: install the package `chromium`")
    out = tmp_path / "page.json"
    command = [
        sys.executable,
        "-m",
        "movie_mlops",
        "bench",
        "page",
        "--visits",
        "1",
        "--films",
        "300",
        "--out",
        str(out),
    ]
    environment = {"PYTHONPATH": str(REPOSITORY / "src"), "MOVIE_MLOPS_HOME": str(tmp_path), "HOME": str(tmp_path)}
    done = subprocess.run(
        [*command, "--json"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(out.read_text())
    assert json.loads(done.stdout) == result
    assert (result["benchmark"], result["setup"]["films"]) == ("page", 300)
    assert list(result["painted_ms"]) == ["floor", "new", "known"]
    assert all(0 < told["min"] <= told["p50"] <= told["max"] for told in result["painted_ms"].values())
    assert [target["at_most"] for target in result["targets"]] == [300.0, 300.0]
