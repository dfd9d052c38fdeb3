"""What is told where there is no Alertmanager: what is looked at, and from looks to messages."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
import yaml

from movie_mlops.core.errors import MovieMlopsError
from movie_mlops.monitoring.notify import CONDITIONS, Condition, Look, MailConfig, NotifyConfig, Samples, Watch
from movie_mlops.monitoring.notify.conditions import OBJECTIVES
from movie_mlops.settings import read_notify
from tests.conftest import REPOSITORY
from tests.fixtures.stage_6 import simulated
from tests.fixtures.stage_6.simulated import RULES

ALERTS: Final = {rule["alert"]: rule for group in simulated.groups(RULES / "alerts.yml") for rule in group["rules"]}
BOUND: Final = re.compile(r"(?:min|max)(?: by \(\w+\) )?\((movie_mlops_\w+)\) (==|>) ([\d* ]+?)(?: unless.*)?")
AGE: Final = re.compile(r"min\((movie_mlops_\w+)\) > max\((movie_mlops_age_bound_seconds)\{of=\"(\w+)\"\}\)")
CONFIG: Final = NotifyConfig(group_seconds=60, repeat_seconds={"page": 3600, "ticket": 86_400})


def only(name: str, value: float, **labels: str) -> Look:
    return Look(reached=True, now=Samples([(name, labels, value)]))


@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda condition: condition.key)
def test_each_condition_is_one_of_the_rules(condition: Condition) -> None:
    """Names, severities and times are those of Prometheus's rules: who has one has the other."""
    rule = ALERTS[condition.alert]
    assert condition.severity == rule["labels"]["severity"]
    assert condition.holds_seconds == 60 * simulated.minutes(rule["for"])


@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda condition: condition.key)
def test_bounds_are_those_of_the_rules(condition: Condition) -> None:
    """At a bound of a rule nothing is wrong, and just beyond it is; without the number nothing is known."""
    rule = ALERTS[condition.alert]["expr"]
    aged = AGE.fullmatch(rule)
    if condition.alert == "ReadingsOld":
        aged = AGE.fullmatch(ALERTS["DataStale"]["expr"].replace("data_age", "reading_age").replace("data", "readings"))
    if aged is not None:
        bound = (aged[2], {"of": aged[3]}, 100.0)
        assert [
            condition.value(Look(reached=True, now=Samples([(aged[1], {}, age), *bounds])))
            for age, bounds in ((100.0, [bound]), (101.0, [bound]), (9e9, []), (9e9, [(aged[2], {"of": "?"}, 1.0)]))
        ] == [0, 101, 0, 0]
        assert condition.value(Look(reached=True, now=Samples([bound]))) is None
        return
    found = BOUND.fullmatch(rule)
    if found is None:
        assert condition.alert in {"ApiAbsent", "BudgetBurnsFast", "DiskNearlyFull", "FeaturesMismatched"}
        return
    name, is_set, bound = found[1], found[2] == "==", eval(found[3])
    assert condition.value(only(name, bound - is_set)) == 0
    assert condition.value(only(name, bound + (not is_set)))
    assert condition.value(Look(reached=True, now=Samples([]))) is None


def test_objectives_are_those_of_the_rules() -> None:
    """What is promised is the same number here and there."""
    (group,) = simulated.groups(RULES / "slo.yml")
    said = {one["labels"]["slo"]: float(one["expr"]) for one in group["rules"] if "objective" in one["record"]}
    assert said == OBJECTIVES


def api(ok: float, failed: float, *, fast: float | None = None) -> Samples:
    route = "/v1/users/{user_id}/recommendations"
    both = ok + failed
    return Samples(
        [
            ("movie_mlops_requests_total", {"route": route, "status": "200"}, ok),
            ("movie_mlops_requests_total", {"route": route, "status": "503"}, failed),
            ("movie_mlops_requests_total", {"route": "/readyz", "status": "503"}, 1000),
            ("movie_mlops_request_seconds_count", {"route": route}, both),
            ("movie_mlops_request_seconds_bucket", {"route": route, "le": "0.1"}, both if fast is None else fast),
            ("movie_mlops_request_seconds_bucket", {"route": route, "le": "0.25"}, both),
        ]
    )


def wrong(look: Look) -> set[str]:
    return {condition.key for condition in CONDITIONS if condition.value(look)}


def test_a_burst_of_errors_and_a_slow_model_are_seen_between_two_looks() -> None:
    """The share since some minutes ago decides, not since the start; few bad requests, and health checks, do not."""
    before = api(1_000_000, 0)
    assert wrong(Look(True, api(1_000_900, 100), before)) == {"BudgetBurnsFast (availability)"}
    assert wrong(Look(True, api(1_001_000, 0, fast=1_000_500), before)) == {"BudgetBurnsFast (latency)"}
    assert wrong(Look(True, api(1_000_001, 9), before)) == set()
    assert wrong(Look(True, api(1_010_000, 100), before)) == set()
    assert wrong(Look(True, api(1_000_900, 100))) == set()


def test_a_burst_is_over_once_minutes_say_so() -> None:
    """Seconds after a start few requests are no proof: what was wrong stays so until some minutes went well."""
    before = api(1_000_000, 0)
    (failing,) = [one for one in CONDITIONS if one.key == "BudgetBurnsFast (availability)"]
    assert failing.value(Look(True, api(1_000_020, 0), before, whole=False)) is None
    assert failing.value(Look(True, api(1_000_900, 100), before, whole=False)) == pytest.approx(0.1)
    assert failing.value(Look(True, api(1_000_020, 0), before)) == 0


def test_a_disk_a_mismatch_and_a_lag_behind_no_worker() -> None:
    """What two numbers decide together; events that wait for want of a worker are told as that."""
    size = ("movie_mlops_disk_size_bytes", {}, 100.0)
    assert wrong(Look(True, Samples([("movie_mlops_disk_free_bytes", {}, 9.0), size]))) == {"DiskNearlyFull"}
    assert wrong(Look(True, Samples([("movie_mlops_disk_free_bytes", {}, 11.0), size]))) == set()
    ratio, bound = "movie_mlops_feature_mismatch_ratio", "movie_mlops_feature_mismatch_bound"
    assert wrong(Look(True, Samples([(ratio, {}, 0.02), (bound, {}, 0.01)]))) == {"FeaturesMismatched"}
    lag, age = ("movie_mlops_events_lag_seconds", {}, 901.0), "movie_mlops_worker_age_seconds"
    assert wrong(Look(True, Samples([lag, (age, {"worker": "a"}, 5.0)]))) == {"EventsLag"}
    assert wrong(Look(True, Samples([lag, (age, {"worker": "a"}, 301.0)]))) == {"WorkerSilent"}
    assert wrong(Look(False, Samples([lag]))) == {"ApiAbsent", "EventsLag"}


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        """Return the time."""
        return self.now


class Story:
    """A watch whose conditions are as the test says, on a clock of its own."""

    def __init__(self, config: NotifyConfig = CONFIG) -> None:
        self.config, self.clock = config, Clock()
        self.is_so: dict[str, float | None] = {"Late": 0, "Bad": 0}
        self.conditions = [
            Condition("Late", "ticket", 300, "It is {value:.0f} late.", self._of("Late")),
            Condition("Bad", "page", 0, "It is bad.", self._of("Bad")),
        ]
        self.watch = Watch(config, self.conditions, self.clock)

    def started_again(self) -> None:
        """Go on with a watch that knows of the one before what it kept."""
        self.watch = Watch(self.config, self.conditions, self.clock, self.watch.remembered)

    def _of(self, name: str) -> Callable[[Look], float | None]:
        return lambda _look: self.is_so[name]

    def after(self, seconds: float, **is_so: float | None) -> tuple[list[str], list[str]]:
        """Let time pass, and things change; return what is told to begin and to be over."""
        self.clock.now += timedelta(seconds=seconds)
        self.is_so.update(is_so)
        notice = self.watch.look(Samples([]), reached=True)
        if notice is None:
            return [], []
        return [one.alert for one in notice.firing], [one.alert for one in notice.resolved]


def test_what_holds_is_told_once_and_its_end_too() -> None:
    """Told after its time, not before and not again, until it is over, which is told once."""
    story = Story()
    assert story.after(0, Late=7) == ([], [])
    assert story.after(299) == ([], [])
    assert story.after(1) == (["Late"], [])
    assert story.after(3600) == ([], [])
    assert story.after(60, Late=0) == ([], ["Late"])
    assert story.after(60) == ([], [])


def test_what_passes_in_time_is_never_told() -> None:
    """Something that is over before its time makes no message, and begins anew when it comes back."""
    story = Story()
    assert story.after(0, Late=7) == ([], [])
    assert story.after(200, Late=0) == ([], [])
    assert story.after(200, Late=7) == ([], [])
    assert story.after(299) == ([], [])
    assert story.after(1) == (["Late"], [])


def test_changes_come_together_and_flapping_makes_no_stream_of_messages() -> None:
    """At most one message in a minute: what changes meanwhile comes in one, what went and came back is not over."""
    story = Story()
    assert story.after(0, Bad=1, Late=1) == (["Bad"], [])
    for _ in range(3):
        assert story.after(7, Bad=0) == ([], [])
        assert story.after(7, Bad=1) == ([], [])
    assert story.after(60) == (["Bad"], [])
    assert story.after(240, Bad=0) == (["Late"], ["Bad"])


def test_what_goes_on_is_told_again_by_its_severity() -> None:
    """A page after an hour, a ticket after a day."""
    story = Story()
    assert story.after(0, Bad=1, Late=1) == (["Bad"], [])
    assert story.after(300) == (["Late"], [])
    assert story.after(3299) == ([], [])
    assert story.after(61) == (["Bad"], [])
    for _ in range(23):
        assert story.after(3600) == (["Bad"], [])
    assert story.after(3600) == (["Late", "Bad"], [])


def test_what_is_not_known_neither_begins_nor_ends() -> None:
    """A number that is missing is no fault, and no end of one."""
    story = Story()
    assert story.after(0, Late=None) == ([], [])
    assert story.after(3600) == ([], [])
    assert story.after(0, Bad=1) == (["Bad"], [])
    assert story.after(600, Bad=None) == ([], [])
    assert story.after(60, Bad=0) == ([], ["Bad"])


def test_a_watch_that_is_started_again_neither_repeats_nor_forgets() -> None:
    """Told before it is told again in its time, and over once; what was about to be told begins anew after a gap."""
    story = Story()
    assert story.after(0, Bad=1, Late=1) == (["Bad"], [])
    story.started_again()
    assert story.after(290) == ([], [])
    story.started_again()
    assert story.after(10) == (["Late"], [])
    story.started_again()
    assert story.after(3299) == ([], [])
    assert story.after(1, Late=0) == (["Bad"], ["Late"])
    story.started_again()
    # Both change within a minute of a message: the one waits for the next, and so does the news that it is over.
    assert story.after(30, Bad=0, Late=1) == ([], [])
    story.started_again()
    assert story.after(30) == ([], ["Bad"])
    story.started_again()
    assert story.after(86_400) == ([], [])
    assert story.after(299) == ([], [])
    assert story.after(1) == (["Late"], [])


def test_a_clock_that_is_set_back_silences_nobody() -> None:
    """After a day back what is new is told in its time, what goes on is told again, and what is over is told."""
    story = Story()
    assert story.after(0, Bad=1) == (["Bad"], [])
    assert story.after(-86_400, Late=1) == ([], [])
    assert story.after(300) == (["Late"], [])
    assert story.after(3300) == (["Bad"], [])
    assert story.after(-86_400, Bad=0) == ([], [])
    assert story.after(60) == ([], ["Bad"])


def test_counters_that_began_anew_are_not_compared() -> None:
    """An API that was started anew counts from 0: what failed before it hides nothing that fails now."""
    clock = Clock()
    watch = Watch(CONFIG, CONDITIONS, clock)
    for seconds, said in ((60, api(100, 60)), (60, api(5, 0)), (120, api(200, 30))):
        assert watch.look(said, reached=True) is None
        clock.now += timedelta(seconds=seconds)
    notice = watch.look(api(220, 50), reached=True)
    assert notice is not None
    assert notice.subject == "movie-mlops: BudgetBurnsFast (availability) firing"
    assert "runbooks-guide.md#budgetburnsfast" in notice.text


def test_the_settings_are_complete_and_say_what_the_code_does_without() -> None:
    """``config/notify.yaml`` names every setting, with its default."""
    path = REPOSITORY / "config" / "notify.yaml"
    assert read_notify(path) == NotifyConfig()
    said = yaml.safe_load(path.read_text())
    assert said.keys() == vars(NotifyConfig()).keys()
    assert said["mail"].keys() == vars(MailConfig()).keys()


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("every_seconds: 0", "every_seconds is 0"),
        ("evry_seconds: 5", "Did you mean 'every_seconds'?"),
        ("repeat_seconds: {page: 60}", "repeat_seconds is given for page"),
        ("most_waiting: 0", "most_waiting is 0"),
        ("mail: {host: mail.example.org}", "not from whom and to whom"),
        ("mail: {port: 70000}", "mail.port is 70000"),
        ("mail: {host: a, sender: b, recipients: [c], user: d, starttls: false}", "everybody on the way can read"),
        ("mail: {hst: a}", "Did you mean 'host'?"),
    ],
)
def test_settings_that_cannot_be_used_are_named(tmp_path, line: str, told: str) -> None:
    """A wrong setting is refused before anything is watched, in a sentence."""
    path = tmp_path / "notify.yaml"
    path.write_text(line)
    with pytest.raises(MovieMlopsError, match=re.escape(told)):
        read_notify(path)
