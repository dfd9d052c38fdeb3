"""Every measure that joins rooms, declared once: the metrics and their reference are made from this."""

from typing import Final

from movie_mlops.core.measures import Label, Measure, MeasureKind
from movie_mlops.events.triggers import RULES, Stage

_GAUGE: Final = MeasureKind.GAUGE
MOST_WORKERS: Final = 16
MOST_CONSUMERS: Final = 8

EVENTS_WAITING: Final = Measure(
    "movie_mlops_events_waiting", _GAUGE, "Events that are recorded and not yet in the lake, at most."
)
EVENTS_LAG: Final = Measure(
    "movie_mlops_events_lag_seconds", _GAUGE, "Since the oldest of them was recorded; 0 where there is none."
)
CONSUMER_BEHIND: Final = Measure(
    "movie_mlops_consumer_behind_events",
    _GAUGE,
    "Places of the event log that a consumer has not got to yet; the lake has a measure of its own.",
    (Label("consumer", most=MOST_CONSUMERS),),
)
DEAD_LETTERS: Final = Measure(
    "movie_mlops_dead_letters", _GAUGE, "Events whose effect could not be made, and that nobody retried or dropped yet."
)
WORKER_AGE: Final = Measure(
    "movie_mlops_worker_age_seconds",
    _GAUGE,
    "Since a worker last said that it lives; one that has been silent for a day is told no more.",
    (Label("worker", most=MOST_WORKERS),),
)
DATA_AGE: Final = Measure("movie_mlops_data_age_seconds", _GAUGE, "Since rows last came into the lake's interactions.")
FEATURES_AGE: Final = Measure(
    "movie_mlops_features_age_seconds", _GAUGE, "Since the online store was last made from the lake."
)
MODEL_AGE: Final = Measure(
    "movie_mlops_model_age_seconds", _GAUGE, "Since the champion's bundle was registered, which is when it was trained."
)
AGE_BOUND: Final = Measure(
    "movie_mlops_age_bound_seconds",
    _GAUGE,
    "How old each may be before somebody is told; not told of what may stand still.",
    (Label("of", values=("data", "features", "model", "readings")),),
)
LOOP_RUNS: Final = Measure(
    "movie_mlops_loop_runs",
    _GAUGE,
    "Runs of the loop that are on record, by how far they are or what they came to.",
    (Label("stage", most=len(Stage)),),
)
LOOP_PROPOSAL_AGE: Final = Measure(
    "movie_mlops_loop_proposal_age_seconds", _GAUGE, "Since a run of the loop was last proposed."
)
LOOP_OPEN: Final = Measure(
    "movie_mlops_loop_open_seconds", _GAUGE, "Since the run that goes on was proposed; 0 where none does."
)
LOOP_FAILED: Final = Measure(
    "movie_mlops_loop_failed", _GAUGE, "1 where the newest run that ended has failed, 0 where not."
)
LOOP_RUNS_LEFT: Final = Measure(
    "movie_mlops_loop_budget_runs_left", _GAUGE, "How many runs the budget of a day still lets begin."
)
LOOP_SECONDS_LEFT: Final = Measure(
    "movie_mlops_loop_budget_seconds_left",
    _GAUGE,
    "How long runs may still take until a day's budget is used up.",
)
TRIGGER_VALUE: Final = Measure(
    "movie_mlops_trigger_value",
    _GAUGE,
    "What a rule found when it was last looked at; not told where that could not be told.",
    (Label("rule", most=len(RULES)),),
)
TRIGGER_LOOK_AGE: Final = Measure(
    "movie_mlops_trigger_look_age_seconds",
    _GAUGE,
    "Since a rule was last looked at.",
    (Label("rule", most=len(RULES)),),
)
DISK_FREE: Final = Measure(
    "movie_mlops_disk_free_bytes", _GAUGE, "What is left of the file system that holds the state."
)
DISK_SIZE: Final = Measure("movie_mlops_disk_size_bytes", _GAUGE, "How large that file system is.")

MEASURES: Final = (
    EVENTS_WAITING,
    EVENTS_LAG,
    CONSUMER_BEHIND,
    DEAD_LETTERS,
    WORKER_AGE,
    DATA_AGE,
    FEATURES_AGE,
    MODEL_AGE,
    AGE_BOUND,
    LOOP_RUNS,
    LOOP_PROPOSAL_AGE,
    LOOP_OPEN,
    LOOP_FAILED,
    LOOP_RUNS_LEFT,
    LOOP_SECONDS_LEFT,
    TRIGGER_VALUE,
    TRIGGER_LOOK_AGE,
    DISK_FREE,
    DISK_SIZE,
)
"""In the order of the reference."""
