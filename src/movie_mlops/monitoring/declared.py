"""Every reading that jobs note, declared once: the metrics and their reference are made from this."""

from typing import Final

from movie_mlops.core.measures import Label, Measure, MeasureKind

_GAUGE: Final = MeasureKind.GAUGE
_RELEASE: Final = Label("release", most=20)

DRIFT_FEATURES: Final = Measure(
    "movie_mlops_drift_features", _GAUGE, "How many features have drifted, when it was last looked at."
)
DRIFT_VERDICT: Final = Measure("movie_mlops_drift_verdict", _GAUGE, "1 where the whole has drifted, 0 where not.")
DRIFT_ROWS: Final = Measure("movie_mlops_drift_rows", _GAUGE, "How many live rows were compared for it.")
ONLINE_NDCG: Final = Measure(
    "movie_mlops_online_ndcg", _GAUGE, "nDCG of the lists that were given, by what their users did.", (_RELEASE,)
)
ONLINE_HIT_RATIO: Final = Measure(
    "movie_mlops_online_hit_ratio", _GAUGE, "Share of the lists of which their user took something.", (_RELEASE,)
)
ONLINE_PROMISED: Final = Measure(
    "movie_mlops_online_promised_ndcg", _GAUGE, "The nDCG that the evaluation of the release promised.", (_RELEASE,)
)
ONLINE_BELOW: Final = Measure(
    "movie_mlops_online_below_promise",
    _GAUGE,
    "1 where the lists are worth less, beyond chance, than was promised or than before.",
)
ONLINE_GUARDRAIL: Final = Measure(
    "movie_mlops_online_guardrail_broken",
    _GAUGE,
    "1 where what must hold beside the quality of the lists is beyond its bound, beyond chance, 0 where it holds.",
    (Label("guardrail", values=("fallbacks", "repeats", "coverage", "novelty", "unanswered", "displeased", "empty")),),
)
READING_AGE: Final = Measure(
    "movie_mlops_reading_age_seconds",
    _GAUGE,
    "Since each of the readings was noted; of one with several series the oldest.",
    (Label("name", most=100),),
)

MEASURES: Final = (
    DRIFT_FEATURES,
    DRIFT_VERDICT,
    DRIFT_ROWS,
    ONLINE_NDCG,
    ONLINE_HIT_RATIO,
    ONLINE_PROMISED,
    ONLINE_BELOW,
    ONLINE_GUARDRAIL,
    READING_AGE,
)
"""In the order of the reference."""
