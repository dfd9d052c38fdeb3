"""The rules of Prometheus, evaluated by promtool over simulated series."""

import re
import shutil
from pathlib import Path
from typing import Any, Final

import pytest

from tests.conftest import REPOSITORY
from tests.fixtures.stage_6 import simulated
from tests.fixtures.stage_6.simulated import (
    DRIFT,
    FAILED,
    FAST,
    FREE,
    GAUGES,
    OK,
    RULES,
    TIMED,
    UP_A,
    UP_B,
    WORKER,
    Fault,
)

ALERTS: Final = {rule["alert"]: rule for group in simulated.groups(RULES / "alerts.yml") for rule in group["rules"]}
RUNBOOKS: Final = REPOSITORY / "docs" / "06-monitoring" / "runbooks-guide.md"
TWO_DAYS: Final = 2 * 86_400.0
BEHIND: Final = 'movie_mlops_consumer_behind_events{consumer="features"}'
COST: Final = "movie_mlops_process_cpu_seconds_total"
MEMORY: Final = "movie_mlops_process_memory_bytes"
FIRING: Final = "group by (alertname) (count_over_time(ALERTS[30d]))"

# In minutes. Each fault is small enough to be that one only: what would be worse for users fires more.
QUICK: Final = (
    Fault("ApiAbsent", counters=dict.fromkeys(simulated.COUNTERS), gauges={**dict.fromkeys(GAUGES), UP_A: 0, UP_B: 0}),
    Fault("ScrapeFailed", gauges={UP_B: 0}, quiet=4),
    Fault("MetricsMissing", gauges={'movie_mlops_scrape_failed{part="lake"}': 1}, quiet=4),
    Fault("LinesRefused", counters={'movie_mlops_refused_lines_total{reason="slow"}': 40}, quiet=5, over=12),
    Fault("AnswersDegraded", counters={'movie_mlops_degraded_answers_total{missing="redis"}': 60}, quiet=8, over=15),
    Fault("ImpressionsDropped", counters={"movie_mlops_impressions_dropped_total": 5}, quiet=2, over=20),
    Fault("ReleaseFailing", gauges={"movie_mlops_release_failing": 1}),
    # Events wait, too, but there is one cause, and so one alert.
    Fault("WorkerSilent", slopes={WORKER: (0, 60), "movie_mlops_events_lag_seconds": (0, 60)}, quiet=7, lasts=30),
    Fault("EventsLag", slopes={"movie_mlops_events_lag_seconds": (0, 60)}, quiet=20, lasts=30),
    Fault("TelemetryDropped", counters={"movie_mlops_spans_dropped_total": 5}, quiet=2, over=20),
    Fault("TelemetryDropped", counters={"movie_mlops_log_lines_dropped_total": 5}, quiet=2, over=20),
    Fault("ConsumerBehind", gauges={BEHIND: 20_000}, quiet=18, lasts=30),
    # A burst that is worked off is no matter, and no worker has an alert of its own.
    Fault("", gauges={BEHIND: 20_000}, lasts=12),
    Fault("WorkerSilent", slopes={WORKER: (0, 60)}, gauges={BEHIND: 20_000}, quiet=7, lasts=30),
    Fault("DeadLetters", gauges={"movie_mlops_dead_letters": 1}, quiet=0),
    Fault("LoopFailed", gauges={"movie_mlops_loop_failed": 1}, quiet=0),
    Fault("DiskNearlyFull", gauges={FREE: 3e9}, quiet=4),
    Fault("FeaturesMismatched", gauges={"movie_mlops_feature_mismatch_ratio": 0.02}, quiet=0),
    # The drifted audience.
    Fault("DriftFound", gauges={DRIFT: 1, "movie_mlops_drift_features": 2}, quiet=0),
    Fault("QualityBelowPromise", gauges={"movie_mlops_online_below_promise": 1}, quiet=0),
    Fault("GuardrailBroken", gauges={'movie_mlops_online_guardrail_broken{guardrail="fallbacks"}': 1}, quiet=0),
    # What no job has read yet is no fault.
    Fault("", gauges=dict.fromkeys(name for name in (*GAUGES, *simulated.AGES) if not name.startswith("up"))),
)
# What takes longer is evaluated every five minutes, which a computer does faster.
SLOW: Final = (
    Fault("ModelStale", slopes={"movie_mlops_model_age_seconds": (30 * 86_400, 60)}, quiet=15, lasts=25),
    Fault("DataStale", slopes={"movie_mlops_data_age_seconds": (TWO_DAYS, 60)}, quiet=15, lasts=25),
    Fault("FeaturesStale", slopes={"movie_mlops_features_age_seconds": (TWO_DAYS, 60)}, quiet=15, lasts=25),
    # The same of what was taken once and may stand still.
    Fault("", slopes=dict.fromkeys(simulated.AGED, (9e6, 60)), gauges=dict.fromkeys(simulated.BOUNDS), lasts=25),
    Fault("DiskFullSoon", slopes={FREE: (5e10, -3e8)}, quiet=19, lasts=50, over=25),
    # A large file is written once: the disk does not grow full.
    Fault("", gauges={FREE: 2e10}, lasts=70, over=5),
    Fault(
        "ReadingsOld",
        slopes={'movie_mlops_reading_age_seconds{name="movie_mlops_drift_verdict"}': (TWO_DAYS, 60)},
        quiet=15,
        lasts=25,
    ),
    Fault("ReadingsOld", slopes={"movie_mlops_feature_mismatch_age_seconds": (TWO_DAYS, 60)}, quiet=15, lasts=25),
    # At night one of three requests fails: nobody is called for it.
    Fault("", counters={OK: 0.2, TIMED: 0.3, FAST: 0.2, FAILED: 0.1}, before=1, lasts=60),
    # An error burst.
    Fault("BudgetBurnsFast", counters={OK: 534, FAILED: 66}, quiet=5, lasts=18, over=12, before=370, days=True),
    # A slow model.
    Fault("BudgetBurnsFast", counters={FAST: 0}, quiet=5, lasts=20, over=12, before=370, days=True),
    Fault(
        "RequestsShed",
        counters={"movie_mlops_shed_requests_total": 8, FAILED: 8},
        quiet=5,
        over=12,
        before=370,
        days=True,
    ),
)
# Over hours, evaluated every quarter of an hour.
LONG: Final = (
    Fault("BudgetBurns", counters={FAILED: 7.2}, quiet=150, lasts=255, over=45, before=375, days=True),
    Fault("BudgetBurnsSlowly", counters={FAILED: 3.48}, quiet=600, lasts=990, over=375, before=375, days=True),
)


pytestmark = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed (scripts/setup/setup_test_tools.sh installs it)"
)


def within(fault: Fault) -> int:
    return simulated.minutes(ALERTS[fault.alert]["annotations"]["within"]) if fault.alert else fault.lasts - 1


def test_each_fault_is_noticed_within_its_stated_time_and_nothing_else_fires(tmp_path: Path) -> None:
    """A planted fault fires its alert and no other, not before it matters, within its stated time, until it ends."""
    drills = [simulated.drill(fault, within(fault)) for fault in QUICK]
    assert simulated.simulate(tmp_path, drills) == ""


def test_errors_slowness_and_refusals_are_noticed_by_how_fast_they_use_up_what_is_allowed(tmp_path: Path) -> None:
    """An error burst and a slow model call somebody within 15 minutes; a little of either within hours."""
    drills = [simulated.drill(fault, within(fault)) for fault in SLOW]
    assert simulated.simulate(tmp_path, drills, every="5m") == ""
    drills = [simulated.drill(fault, within(fault), every=15) for fault in LONG]
    assert simulated.simulate(tmp_path, drills, every="15m") == ""


def test_a_healthy_day_raises_nothing(tmp_path: Path) -> None:
    """In 24 simulated hours of healthy traffic no alert fires, and none is even about to."""
    day = simulated.test("a day", simulated.healthy(1440), [(FIRING, 1439, [])])
    assert simulated.simulate(tmp_path, [day], every="5m") == ""


def test_the_cost_of_a_thousand_lists_is_told_where_any_is_given(tmp_path: Path) -> None:
    """Six seconds of processor and 600 lists a minute are ten seconds for a thousand; of no list there is no cost."""
    series = {COST: "0+6x120", 'movie_mlops_answers_total{source="popular"}': "0+600x120", MEMORY: "360000000x120"}
    told = [{"series": name, "values": values} for name, values in series.items()]
    idle = [{**one, "values": one["values"].replace("600x", "0x")} for one in told]
    by_thousand = "movie_mlops:cpu_seconds_per_thousand_answers:rate1h"
    held = "movie_mlops:memory_bytes_per_thousand_answers:avg1h"
    tests = [
        simulated.test(
            "busy",
            told,
            [(by_thousand, 110, [{"labels": by_thousand, "value": 10}]), (held, 110, [{"labels": held, "value": 1e7}])],
        ),
        simulated.test("idle", idle, [(by_thousand, 110, []), (held, 110, [])]),
    ]
    assert simulated.simulate(tmp_path, tests) == ""


def test_where_nothing_has_failed_yet_none_of_what_is_allowed_is_used(tmp_path: Path) -> None:
    """A server counts failures from the first one on; until then they are told as none, and not as unknown."""
    bad = "movie_mlops:bad_requests:increase5m"
    told = [{"labels": f'{bad}{{slo="availability"}}', "value": 0}]
    tests = [
        simulated.test("nothing failed", [{"series": OK, "values": "0+60x20"}], [(bad, 19, told)]),
        simulated.test("nobody asked", [{"series": UP_A, "values": "1x20"}], [(bad, 19, [])]),
    ]
    assert simulated.simulate(tmp_path, tests) == ""


def test_every_alert_has_a_drill() -> None:
    """Nothing is told that was never tried."""
    assert {fault.alert for fault in (*QUICK, *SLOW, *LONG)} - {""} == set(ALERTS)


@pytest.mark.parametrize("name", ALERTS)
def test_every_alert_says_what_it_is_and_what_to_do(name: str) -> None:
    """Each alert has a severity, a plain sentence, a stated time, and a heading of its own in the runbooks."""
    rule: dict[str, Any] = ALERTS[name]
    assert rule["labels"].keys() == {"severity"}
    assert rule["labels"]["severity"] in {"page", "ticket"}
    notes = rule["annotations"]
    assert notes["summary"].endswith(".")
    assert simulated.minutes(notes["within"]) >= simulated.minutes(rule["for"])
    assert notes["runbook_url"].endswith(f"/docs/06-monitoring/runbooks-guide.md#{name.lower()}")
    assert re.search(rf"^## {name}$", RUNBOOKS.read_text(), re.MULTILINE)
