"""Grafana's dashboards: what they ask for exists, and the files are what is declared."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from movie_mlops.cli.app import run
from movie_mlops.core.measures import MeasureKind
from movie_mlops.flows.reference import ROOMS
from movie_mlops.monitoring.dashboards import DASHBOARDS, FOLDER, Dashboard, write_dashboard
from tests.conftest import REPOSITORY
from tests.fixtures.stage_6 import simulated
from tests.fixtures.stage_6.simulated import RULES

MEASURES: Final = {measure.name: measure for measures in ROOMS.values() for measure in measures}
_RULES: Final = [rule for path in RULES.glob("*.yml") for group in simulated.groups(path) for rule in group["rules"]]
EXPRESSIONS: Final = {
    **{
        f"{one.uid}: {panel.title}: {legend}": expr
        for one in DASHBOARDS
        for panel in one.panels
        for legend, expr in panel.queries.items()
    },
    **{rule.get("alert") or f"{rule['record']}{rule.get('labels', '')}": rule["expr"] for rule in _RULES},
}
NAME: Final = re.compile(r"\bmovie_mlops[\w:]*")
PARTS: Final = {MeasureKind.HISTOGRAM: ("_bucket", "_count", "_sum"), MeasureKind.SUMMARY: ("_count", "_sum")}


def exposed() -> set[str]:
    """Return every name that a series may have."""
    names = {rule["record"] for rule in _RULES if "record" in rule}
    for name, measure in MEASURES.items():
        names |= {f"{name}{part}" for part in PARTS.get(measure.kind, ("",))}
    return names


@pytest.mark.parametrize("where", EXPRESSIONS)
def test_what_is_asked_for_is_measured(where: str) -> None:
    """Every metric in a panel or a rule is declared, with the labels by which it is asked for."""
    expression = EXPRESSIONS[where]
    assert set(NAME.findall(expression)) - {"movie_mlops"} <= exposed()
    for name, matchers in re.findall(r"(movie_mlops_\w+)\{([^}]*)\}", expression):
        base = next(MEASURES[one] for one in (name, name.rpartition("_")[0]) if one in MEASURES)
        known = {label.name for label in base.labels} | ({"le"} if name.endswith("_bucket") else set())
        assert set(re.findall(r"(\w+)(?:=~|!~|!=|=)\"", matchers)) <= known


@pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed (scripts/setup/setup_test_tools.sh installs it)"
)
def test_every_panel_asks_what_prometheus_understands(tmp_path: Path) -> None:
    """Each query is PromQL: the real promtool takes it."""
    rules = [{"record": f"panel:{number}", "expr": expr} for number, expr in enumerate(EXPRESSIONS.values())]
    (tmp_path / "panels.yml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    command = ["promtool", "check", "rules", tmp_path / "panels.yml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda one: one.uid)
def test_a_file_is_what_is_declared_and_what_grafana_takes(dashboard: Dashboard) -> None:
    """The committed JSON is the declaration's; ids differ, panels do not overlap, and all ask the provisioned source.

    Grafana itself is not asked: these are its rules for dashboard files (schema version 39), checked here.
    """
    text = (REPOSITORY / FOLDER / f"{dashboard.uid}.json").read_text()
    assert text == write_dashboard(dashboard), "write it again: movie-mlops monitor dashboards"
    document: dict[str, Any] = json.loads(text)
    assert re.fullmatch(r"[a-z0-9-]{1,40}", document["uid"])
    panels = document["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken = [
        (x, y)
        for panel in panels
        for place in [panel["gridPos"]]
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(taken)) == len(taken)
    assert max(x for x, _ in taken) < 24
    provisioned = yaml.safe_load(
        (REPOSITORY / "docker/configs/grafana/provisioning/datasources/prometheus.yml").read_text()
    )
    (source,) = provisioned["datasources"]
    for panel in panels:
        assert panel["type"] in {"stat", "timeseries"}
        assert {target["refId"] for target in panel["targets"]} == set("ABCDEF"[: len(panel["targets"])])
        for part in (panel, *panel["targets"]):
            assert part["datasource"] == {"type": source["type"], "uid": source["uid"]}


def test_every_alert_of_a_gauge_can_be_seen() -> None:
    """Whatever a rule goes by is on a dashboard, so that who is called can look."""
    queries = [expr for one in DASHBOARDS for panel in one.panels for expr in panel.queries.values()]
    shown = {name for expr in queries for name in NAME.findall(expr)}
    asked = {name for rule in _RULES if "alert" in rule for name in NAME.findall(rule["expr"])}
    hidden = {"movie_mlops_release_failing", "movie_mlops_feature_mismatch_age_seconds"}
    windows = {name for name in asked if ":" in name}
    assert asked - windows - shown - {"movie_mlops"} <= hidden


def test_a_file_that_was_changed_is_told_and_written_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``monitor dashboards --check`` finds a file that is not the declaration's; without it they are written."""
    assert run(["monitor", "dashboards", "--out", str(tmp_path)]) == 0
    assert run(["monitor", "dashboards", "--out", str(tmp_path), "--check"]) == 0
    (tmp_path / "api.json").write_text("{}")
    assert run(["monitor", "dashboards", "--out", str(tmp_path), "--check"]) == 1
    assert "api.json is not what would be written" in capsys.readouterr().err
    assert run(["monitor", "dashboards", "--out", str(tmp_path)]) == 0
    assert run(["monitor", "dashboards", "--out", str(tmp_path), "--check"]) == 0
