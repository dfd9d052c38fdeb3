"""Experiments on people who are being served: what may be looked at all the time, and what only when it was planned.

Pure functions of counts and sums: no clock, no store. They stand in this room because releases decide by them, and
because simulations, which may not import releases, must be able to prove them.
"""

from movie_mlops.evaluation.experiments.interleaving import Draft, Preference, credit, draft, preference
from movie_mlops.evaluation.experiments.means import ArmSums, MeanDifference, mean_difference
from movie_mlops.evaluation.experiments.rates import rate_difference, rate_interval
from movie_mlops.evaluation.experiments.sample_ratio import SampleRatio, sample_ratio
from movie_mlops.evaluation.experiments.spending import GroupSequential, Spending, group_sequential

__all__ = [
    "ArmSums",
    "Draft",
    "GroupSequential",
    "MeanDifference",
    "Preference",
    "SampleRatio",
    "Spending",
    "credit",
    "draft",
    "group_sequential",
    "mean_difference",
    "preference",
    "rate_difference",
    "rate_interval",
    "sample_ratio",
]
