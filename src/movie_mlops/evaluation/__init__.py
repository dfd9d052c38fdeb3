"""Judging models: splits, full-ranking metrics, intervals and reports."""

from movie_mlops.evaluation.ablation import WITHOUT, Ablation, ablations
from movie_mlops.evaluation.case import EvaluationCase, Scorer
from movie_mlops.evaluation.cold import cold_films, cold_users, learning_cases
from movie_mlops.evaluation.config import (
    ColdFilmsConfig,
    ColdUsersConfig,
    EvaluationConfig,
    LearningCurveConfig,
    LeaveOneOutConfig,
    StrongGeneralisationConfig,
    TimeSplitConfig,
    UserFoldsConfig,
)
from movie_mlops.evaluation.curves import LearningCurve, learning_curve
from movie_mlops.evaluation.distances import miscalibration, total_variation
from movie_mlops.evaluation.errors import (
    CaseInvalidError,
    EvaluationError,
    ExperimentError,
    FoldsInvalidError,
    NotComparableError,
    PropensitiesUnusableError,
    SampleTooSmallError,
    SplitImpossibleError,
    TimesMissingError,
)
from movie_mlops.evaluation.films import RARE, Films
from movie_mlops.evaluation.given import given_folds, known_of_given_fold
from movie_mlops.evaluation.intervals import Interval
from movie_mlops.evaluation.judging import evaluate
from movie_mlops.evaluation.leaderboard import Leaderboard, Standing, leaderboard, metric_label
from movie_mlops.evaluation.list_files import read_lists, write_lists
from movie_mlops.evaluation.logged_lists import LoggedLists
from movie_mlops.evaluation.matrices import Feedback
from movie_mlops.evaluation.off_policy import Estimate, Method, OffPolicyConfig, Reach, estimate
from movie_mlops.evaluation.protocols import (
    known_before,
    known_of_fold,
    leave_one_out,
    strong_generalisation,
    time_split,
    user_folds,
)
from movie_mlops.evaluation.report import write_curve_report, write_report
from movie_mlops.evaluation.scores import Scores, WinsTiesLosses, compare, pool, wins_ties_losses
from movie_mlops.evaluation.segments import Segment, segments_by_films, segments_by_history
from movie_mlops.evaluation.significance import PairedTest, paired_tests

__all__ = [
    "RARE",
    "WITHOUT",
    "Ablation",
    "CaseInvalidError",
    "ColdFilmsConfig",
    "ColdUsersConfig",
    "Estimate",
    "EvaluationCase",
    "EvaluationConfig",
    "EvaluationError",
    "ExperimentError",
    "Feedback",
    "Films",
    "FoldsInvalidError",
    "Interval",
    "Leaderboard",
    "LearningCurve",
    "LearningCurveConfig",
    "LeaveOneOutConfig",
    "LoggedLists",
    "Method",
    "NotComparableError",
    "OffPolicyConfig",
    "PairedTest",
    "PropensitiesUnusableError",
    "Reach",
    "SampleTooSmallError",
    "Scorer",
    "Scores",
    "Segment",
    "SplitImpossibleError",
    "Standing",
    "StrongGeneralisationConfig",
    "TimeSplitConfig",
    "TimesMissingError",
    "UserFoldsConfig",
    "WinsTiesLosses",
    "ablations",
    "cold_films",
    "cold_users",
    "compare",
    "estimate",
    "evaluate",
    "given_folds",
    "known_before",
    "known_of_fold",
    "known_of_given_fold",
    "leaderboard",
    "learning_cases",
    "learning_curve",
    "leave_one_out",
    "metric_label",
    "miscalibration",
    "paired_tests",
    "pool",
    "read_lists",
    "segments_by_films",
    "segments_by_history",
    "strong_generalisation",
    "time_split",
    "total_variation",
    "user_folds",
    "wins_ties_losses",
    "write_curve_report",
    "write_lists",
    "write_report",
]
