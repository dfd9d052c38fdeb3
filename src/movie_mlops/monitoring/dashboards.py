"""Grafana's dashboards as a declaration; the JSON that Grafana reads is written from it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

FOLDER: Final = "config/monitoring/dashboards"
"""Where they lie in the project."""
_SOURCE: Final = {"type": "prometheus", "uid": "movie-mlops"}
_WIDTH: Final = 24
_HEIGHT: Final = 8
_WATCHED: Final = 'route!~"/healthz|/readyz|/metrics|/docs|/openapi.json|/console.*|/v1/admin.*"'
_BURN: Final = (
    "movie_mlops:bad_requests:increase{window} / on () group_left () movie_mlops:requests:increase{window}"
    " / on (slo) (1 - movie_mlops:objective:ratio)"
)


@dataclass(frozen=True)
class Panel:
    """One drawing.

    Attributes:
        title: What it shows.
        queries: What is asked of Prometheus, with what each line is called.
        unit: Grafana's name of the unit: ``short``, ``percentunit``, ``s``, ``bytes``, ``reqps``.
        is_number: Whether the newest value is shown large, in place of a line.
        limit: Where it becomes red, if anywhere.
        note: What is to be known to read it.
    """

    title: str
    queries: Mapping[str, str]
    unit: str = "short"
    is_number: bool = False
    limit: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Dashboard:
    """Panels on one page, so many beside each other.

    Attributes:
        uid: Its name in addresses and files.
        title: What it is about.
        panels: From left to right, and down.
        beside: How many in a row.
    """

    uid: str
    title: str
    panels: tuple[Panel, ...]
    beside: int = 3


def _quantile(share: str) -> str:
    return f"histogram_quantile({share}, sum by (le) (rate(movie_mlops_request_seconds_bucket{{{_WATCHED}}}[5m])))"


DASHBOARDS: Final = (
    Dashboard(
        "overview",
        "Overview",
        (
            Panel("What fires", {"{{alertname}} {{slo}}": 'ALERTS{alertstate="firing"}'}, is_number=True),
            Panel(
                "Left of what is allowed, last 3 days",
                {"{{slo}}": f"1 - ({_BURN.format(window='3d')})"},
                "percentunit",
                is_number=True,
                note="1 less the share of the allowed bad requests that were used; below 0 more were bad than may be.",
            ),
            Panel("APIs that answer", {"up": 'sum(up{job="movie-mlops"})'}, is_number=True),
            Panel(
                "Burn rate over an hour",
                {"{{slo}}": _BURN.format(window="1h")},
                limit=14.4,
                note="1 uses up in 30 days what is allowed in 30 days; from 14.4 on somebody is called.",
            ),
            Panel("Burn rate over 6 hours", {"{{slo}}": _BURN.format(window="6h")}, limit=6),
            Panel("Requests", {"all": f"sum(rate(movie_mlops_requests_total{{{_WATCHED}}}[5m]))"}, "reqps"),
            Panel("What serves", {"{{model}} {{bundle_id}}": "movie_mlops_release_info"}, is_number=True),
            Panel("Lists by source", {"{{source}}": "sum by (source) (rate(movie_mlops_answers_total[5m]))"}, "reqps"),
            Panel("Drift", {"verdict": "max(movie_mlops_drift_verdict)"}, is_number=True, limit=1),
        ),
    ),
    Dashboard(
        "api",
        "API",
        (
            Panel(
                "Requests by status", {"{{status}}": "sum by (status) (rate(movie_mlops_requests_total[5m]))"}, "reqps"
            ),
            Panel("Time of an answer", {"median": _quantile("0.5"), "99 %": _quantile("0.99")}, "s", limit=0.1),
            Panel(
                "Slowest routes, 99 %",
                {
                    "{{route}}": "topk(5, histogram_quantile(0.99, sum by (le, route) ("
                    f"rate(movie_mlops_request_seconds_bucket{{{_WATCHED}}}[5m]))))"
                },
                "s",
            ),
            Panel(
                "Failed, by route",
                {"{{route}}": 'sum by (route) (rate(movie_mlops_requests_total{status=~"5.."}[5m]))'},
            ),
            Panel("Refused", {"refused": "sum(rate(movie_mlops_shed_requests_total[5m]))"}, "reqps"),
            Panel("Refused lines", {"{{reason}}": "sum by (reason) (rate(movie_mlops_refused_lines_total[5m]))"}),
            Panel("Degraded lists", {"{{missing}}": "sum by (missing) (rate(movie_mlops_degraded_answers_total[5m]))"}),
            Panel("Processor", {"{{instance}}": "rate(movie_mlops_process_cpu_seconds_total[5m])"}, "percentunit"),
            Panel("Memory", {"{{instance}}": "movie_mlops_process_memory_bytes"}, "bytes"),
            Panel(
                "Processor for a thousand lists",
                {"of the last hour": "movie_mlops:cpu_seconds_per_thousand_answers:rate1h"},
                "s",
            ),
            Panel(
                "Memory for a thousand lists an hour",
                {"of the last hour": "movie_mlops:memory_bytes_per_thousand_answers:avg1h"},
                "bytes",
            ),
            Panel(
                "Answers not kept",
                {
                    "waiting": "sum(movie_mlops_impressions_waiting)",
                    "dropped": "sum(increase(movie_mlops_impressions_dropped_total[5m]))",
                },
            ),
        ),
    ),
    Dashboard(
        "events-and-data",
        "Events and data",
        (
            Panel("Events", {"{{outcome}}": "sum by (outcome) (rate(movie_mlops_events_total[5m]))"}, "reqps"),
            Panel("Events not in the lake", {"waiting": "max(movie_mlops_events_waiting)"}),
            Panel("Lag of events", {"oldest": "max(movie_mlops_events_lag_seconds)"}, "s", limit=900),
            Panel(
                "Since a worker was heard of", {"{{worker}}": "min by (worker) (movie_mlops_worker_age_seconds)"}, "s"
            ),
            Panel(
                "Ages",
                {
                    "data": "min(movie_mlops_data_age_seconds)",
                    "features": "min(movie_mlops_features_age_seconds)",
                    "model": "min(movie_mlops_model_age_seconds)",
                    "{{of}}, at most": 'max by (of) (movie_mlops_age_bound_seconds{of!="readings"})',
                },
                "s",
                note="Of a data set that stands still nothing is too old, and no bound is shown.",
            ),
            Panel("Consumers behind", {"{{consumer}}": "max by (consumer) (movie_mlops_consumer_behind_events)"}),
            Panel("Dead letters", {"waiting": "max(movie_mlops_dead_letters)"}, limit=1),
            Panel(
                "Telemetry dropped",
                {
                    "spans": "sum(increase(movie_mlops_spans_dropped_total[5m]))",
                    "lines": "sum(increase(movie_mlops_log_lines_dropped_total[5m]))",
                },
            ),
            Panel("Runs of the loop", {"{{stage}}": "max by (stage) (movie_mlops_loop_runs)"}),
            Panel(
                "Since a run was proposed",
                {
                    "any": "min(movie_mlops_loop_proposal_age_seconds)",
                    "the one that goes on": "max(movie_mlops_loop_open_seconds)",
                },
                "s",
            ),
            Panel("Runs that the day's budget has left", {"runs": "min(movie_mlops_loop_budget_runs_left)"}),
            Panel("What the rules of the triggers found", {"{{rule}}": "max by (rule) (movie_mlops_trigger_value)"}),
            Panel("The newest run has failed", {"failed": "max(movie_mlops_loop_failed)"}, limit=1),
            Panel(
                "Disk that is free",
                {"{{instance}}": "movie_mlops_disk_free_bytes / movie_mlops_disk_size_bytes"},
                "percentunit",
            ),
            Panel(
                "Online store",
                {"{{view}} {{outcome}}": "sum by (view, outcome) (rate(movie_mlops_online_rows_total[5m]))"},
            ),
            Panel("Online store degraded", {"{{instance}}": "movie_mlops_online_degraded"}, limit=1),
            Panel("Parts that cannot be read", {"{{part}}": "max by (part) (movie_mlops_scrape_failed)"}, limit=1),
        ),
    ),
    Dashboard(
        "model",
        "Model quality and drift",
        (
            Panel(
                "Online nDCG, and what was promised",
                {
                    "measured, {{release}}": "max by (release) (movie_mlops_online_ndcg)",
                    "promised, {{release}}": "max by (release) (movie_mlops_online_promised_ndcg)",
                },
            ),
            Panel(
                "Lists of which something was taken", {"{{release}}": "max by (release) (movie_mlops_online_hit_ratio)"}
            ),
            Panel(
                "Guardrails that are broken",
                {"{{guardrail}}": "max by (guardrail) (movie_mlops_online_guardrail_broken)"},
                limit=1,
            ),
            Panel("Below what was promised", {"verdict": "max(movie_mlops_online_below_promise)"}, limit=1),
            Panel(
                "Features that drift",
                {"features": "max(movie_mlops_drift_features)", "verdict": "max(movie_mlops_drift_verdict)"},
            ),
            Panel(
                "Served features that differ",
                {
                    "share": "max(movie_mlops_feature_mismatch_ratio)",
                    "allowed": "max(movie_mlops_feature_mismatch_bound)",
                },
                "percentunit",
            ),
            Panel(
                "Age of readings",
                {
                    "{{name}}": "max by (name) (movie_mlops_reading_age_seconds)",
                    "at most": 'max(movie_mlops_age_bound_seconds{of="readings"})',
                },
                "s",
            ),
            Panel(
                "Lists lately",
                {
                    "coverage": "avg(movie_mlops_list_coverage_ratio)",
                    "Gini": "avg(movie_mlops_list_gini_ratio)",
                    "cold users": "avg(movie_mlops_cold_users_ratio)",
                },
                "percentunit",
            ),
            Panel("Novelty of lists, bits", {"novelty": "avg(movie_mlops_list_novelty_bits)"}),
            Panel("Scores of first places", {"quantile {{quantile}}": "avg by (quantile) (movie_mlops_score)"}),
        ),
    ),
)


def write_dashboard(dashboard: Dashboard) -> str:
    """Return a dashboard as Grafana reads it: JSON, the same text each time."""
    document = {
        "uid": f"movie-mlops-{dashboard.uid}",
        "title": dashboard.title,
        "tags": ["movie-mlops"],
        "schemaVersion": 39,
        "editable": False,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "utc",
        "panels": [_panel(number, panel, dashboard.beside) for number, panel in enumerate(dashboard.panels)],
    }
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def _panel(number: int, panel: Panel, beside: int) -> dict[str, Any]:
    row, column = divmod(number, beside)
    width = _WIDTH // beside
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if panel.limit is not None:
        steps.append({"color": "red", "value": panel.limit})
    return {
        "id": number + 1,
        "type": "stat" if panel.is_number else "timeseries",
        "title": panel.title,
        "description": panel.note,
        "datasource": _SOURCE,
        "gridPos": {"x": column * width, "y": row * _HEIGHT, "w": width, "h": _HEIGHT},
        "fieldConfig": {
            "defaults": {
                "unit": panel.unit,
                "thresholds": {"mode": "absolute", "steps": steps},
                "custom": {} if panel.is_number else {"thresholdsStyle": {"mode": "line" if panel.limit else "off"}},
            },
            "overrides": [],
        },
        "targets": [
            {"refId": chr(ord("A") + place), "expr": expression, "legendFormat": legend, "datasource": _SOURCE}
            for place, (legend, expression) in enumerate(panel.queries.items())
        ],
    }
