"""Who is told: Alertmanager's settings, asked by its own amtool."""

import shutil
import subprocess
from typing import Final

import pytest
import yaml

from tests.conftest import REPOSITORY
from tests.fixtures.stage_6 import simulated

SETTINGS: Final = REPOSITORY / "docker" / "configs" / "alertmanager.yml"
ALERTS: Final = [rule for group in simulated.groups(simulated.RULES / "alerts.yml") for rule in group["rules"]]

pytestmark = pytest.mark.skipif(
    shutil.which("amtool") is None, reason="amtool is not installed (scripts/setup/setup_test_tools.sh installs it)"
)


def amtool(*words: str) -> str:
    done = subprocess.run(["amtool", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_alertmanager_takes_its_settings() -> None:
    """The real tool reads the file, and every receiver that is named is there."""
    assert "2 receivers" in amtool("check-config", str(SETTINGS))


@pytest.mark.parametrize(("severity", "receiver"), [("page", "pages"), ("ticket", "tickets"), ("misspelt", "tickets")])
def test_pages_and_tickets_go_their_ways(severity: str, receiver: str) -> None:
    """Each severity goes to its receiver; one that nobody knows is a ticket, and is not lost."""
    told = amtool("config", "routes", "test", f"--config.file={SETTINGS}", f"severity={severity}", "alertname=Any")
    assert told.strip() == receiver


def test_what_is_inhibited_is_an_alert() -> None:
    """Names in the settings are names of rules: a misspelt one would inhibit nothing, silently."""
    names = {rule["alert"] for rule in ALERTS}
    for rule in yaml.safe_load(SETTINGS.read_text())["inhibit_rules"]:
        for matcher in (*rule["source_matchers"], *rule["target_matchers"]):
            assert matcher.startswith("alertname")
            assert set(matcher.partition('"')[2].rstrip('"').split("|")) <= names
