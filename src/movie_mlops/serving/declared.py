"""Every measure of the API, declared once: the metrics and their reference are made from this."""

from typing import Final

from movie_mlops.core.measures import Label, Measure, MeasureKind

_COUNTER, _GAUGE = MeasureKind.COUNTER, MeasureKind.GAUGE
_BUCKETS: Final = (0.0005, 0.001, 0.0015, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "OTHER")
_ROUTE: Final = Label("route", most=100)

REQUESTS: Final = Measure(
    "movie_mlops_requests_total",
    _COUNTER,
    "Requests answered.",
    (Label("method", _METHODS), _ROUTE, Label("status", most=40)),
)
REQUEST_SECONDS: Final = Measure(
    "movie_mlops_request_seconds",
    MeasureKind.HISTOGRAM,
    "Time from the first byte of a request to the last of its answer.",
    (_ROUTE,),
    _BUCKETS,
)
ANSWERS: Final = Measure(
    "movie_mlops_answers_total",
    _COUNTER,
    "Lists of recommendations, by where they come from.",
    (Label("source", ("personalised", "popular")),),
)
EVENTS: Final = Measure(
    "movie_mlops_events_total",
    _COUNTER,
    "Events received, by outcome.",
    (Label("outcome", ("accepted", "duplicate")),),
)
DEGRADED_ANSWERS: Final = Measure(
    "movie_mlops_degraded_answers_total",
    _COUNTER,
    "Lists of recommendations that are slower or poorer than they should be, by what is missing.",
    (Label("missing", ("redis", "history")),),
)
SHED_REQUESTS: Final = Measure(
    "movie_mlops_shed_requests_total", _COUNTER, "Requests refused because there was too much to do."
)
REFUSED_LINES: Final = Measure(
    "movie_mlops_refused_lines_total",
    _COUNTER,
    "Lines that were ended before the API had a request or its answer was taken: it came too slowly, its head was too"
    " long, too many came at once, the answer was not taken, there were too many lines.",
    (Label("reason", ("slow", "long", "many", "stuck", "crowd")),),
)
ARM_ANSWERS: Final = Measure(
    "movie_mlops_arm_answers_total",
    _COUNTER,
    "Lists that an arm of a roll-out was asked for, by what became of them.",
    (Label("rollout", most=50), Label("arm", most=20), Label("outcome", ("given", "failed"))),
)
EXPLORATION_COST: Final = Measure(
    "movie_mlops_exploration_cost",
    MeasureKind.SUMMARY,
    "Of each list with chance in it, the share of the best list's scores that it falls short by.",
)
RELEASE_INFO: Final = Measure(
    "movie_mlops_release_info",
    _GAUGE,
    "The release that serves; always 1.",
    (Label("release_id", most=1), Label("bundle_id", most=1), Label("model", most=1)),
)
RELEASE_FAILING: Final = Measure(
    "movie_mlops_release_failing", _GAUGE, "1 while the champion of the ledger cannot be loaded."
)
IMPRESSIONS_WAITING: Final = Measure("movie_mlops_impressions_waiting", _GAUGE, "Answers not written yet.")
IMPRESSIONS_DROPPED: Final = Measure(
    "movie_mlops_impressions_dropped_total", _COUNTER, "Answers given but not kept, because too many waited."
)
ONLINE_ROWS: Final = Measure(
    "movie_mlops_online_rows_total",
    _COUNTER,
    "Rows asked of the online store, by what became of it.",
    (Label("backend", most=3), Label("view", most=20), Label("outcome", most=20)),
)
ONLINE_DEGRADED: Final = Measure(
    "movie_mlops_online_degraded",
    _GAUGE,
    "1 while the online store is read from its record because what carries copies is away.",
)
MISMATCH_RATIO: Final = Measure(
    "movie_mlops_feature_mismatch_ratio",
    _GAUGE,
    "Share of served feature values that were not what was computed again, when it was last looked at.",
)
MISMATCH_BOUND: Final = Measure("movie_mlops_feature_mismatch_bound", _GAUGE, "What is allowed of it.")
MISMATCH_AGE: Final = Measure("movie_mlops_feature_mismatch_age_seconds", _GAUGE, "Seconds since it was looked at.")
COVERAGE: Final = Measure(
    "movie_mlops_list_coverage_ratio", _GAUGE, "Share of the catalogue's films that the last lists hold."
)
GINI: Final = Measure(
    "movie_mlops_list_gini_ratio",
    _GAUGE,
    "Gini coefficient of how often the last lists hold each film: 0 where all are shown alike, near 1 where few are.",
)
NOVELTY: Final = Measure(
    "movie_mlops_list_novelty_bits",
    _GAUGE,
    "How little known the films of the last lists are: the mean of -log2 of the share that each has of all likes.",
)
COLD_USERS: Final = Measure(
    "movie_mlops_cold_users_ratio", _GAUGE, "Of the last lists for users, the share whose user had no history."
)
SCORE: Final = Measure(
    "movie_mlops_score",
    _GAUGE,
    "Quantiles of the scores of the first places of the last personal lists, in the model's own scale.",
    (Label("quantile", ("0.1", "0.5", "0.9")),),
)
CPU_SECONDS: Final = Measure(
    "movie_mlops_process_cpu_seconds_total",
    _COUNTER,
    "Processor time of the process; its rate over that of answers is what an answer costs.",
)
MEMORY: Final = Measure("movie_mlops_process_memory_bytes", _GAUGE, "Memory that the process holds.")
LOG_LINES_DROPPED: Final = Measure(
    "movie_mlops_log_lines_dropped_total",
    _COUNTER,
    "Log lines that were not written, because the disk refused them or too many waited.",
)
SPANS_DROPPED: Final = Measure(
    "movie_mlops_spans_dropped_total",
    _COUNTER,
    "Spans that were not sent, because the collector did not take them or too many waited.",
)
SCRAPE_FAILED: Final = Measure(
    "movie_mlops_scrape_failed",
    _GAUGE,
    "1 where a part of this page could not be read in time: its metrics are missing, not zero.",
    (Label("part", most=20),),
)

MEASURES: Final = (
    REQUESTS,
    REQUEST_SECONDS,
    ANSWERS,
    EVENTS,
    DEGRADED_ANSWERS,
    SHED_REQUESTS,
    REFUSED_LINES,
    ARM_ANSWERS,
    EXPLORATION_COST,
    RELEASE_INFO,
    RELEASE_FAILING,
    IMPRESSIONS_WAITING,
    IMPRESSIONS_DROPPED,
    ONLINE_ROWS,
    ONLINE_DEGRADED,
    MISMATCH_RATIO,
    MISMATCH_BOUND,
    MISMATCH_AGE,
    COVERAGE,
    GINI,
    NOVELTY,
    COLD_USERS,
    SCORE,
    CPU_SECONDS,
    MEMORY,
    LOG_LINES_DROPPED,
    SPANS_DROPPED,
    SCRAPE_FAILED,
)
"""In the order of the reference."""
