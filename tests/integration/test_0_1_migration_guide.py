"""The migration guide shows what really happens."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

from tests.fixtures.stage_0.messy_repository import make_repository, quick_folder

REPOSITORY = Path(__file__).resolve().parents[2]
GUIDE = REPOSITORY / "docs/00-overview/migration-guide.md"
BLOCK = re.compile(r"^```(console|toml)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def run(root: Path, command: str) -> str:
    """Run a command of the guide in ``root`` and return what it shows, with every commit and time the same."""
    words = shlex.split(command)
    if words[0] == "movie-mlops":
        words = ["env", f"PYTHONPATH={REPOSITORY / 'src'}", sys.executable, "-m", "movie_mlops", *words[1:]]
    made = subprocess.run(words, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True)
    return re.sub(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d", "<time>", re.sub(r"\b[0-9a-f]{12}\b", "<commit>", made.stdout))


def shown(root: Path, text: str) -> str:
    """Return the guide with each command's output as it is now; the parts of the plan are looked for in the plan."""

    def block(match: re.Match[str]) -> str:
        kind, body = match.groups()
        if kind == "toml":
            plan = (root / "temp-cleanup/migration-plan.toml").read_text(encoding="utf-8")
            missing = [part for part in body.strip().split("\n\n") if part not in plan]
            assert missing == []
            return match.group()
        commands = [line for line in body.splitlines() if line.startswith("$ ")]
        return "```console\n" + "".join(f"{line}\n{run(root, line[2:])}" for line in commands) + "```"

    return BLOCK.sub(block, text)


def test_the_guide_shows_what_happens():
    """Every command in the guide, run in its order on the messy repository, prints what the guide says."""
    text = GUIDE.read_text(encoding="utf-8")
    with quick_folder() as folder:
        assert shown(make_repository(folder / "grown"), text) == text
