"""What can go wrong when models are judged."""

from movie_mlops.core.errors import MovieMlopsError


class EvaluationError(MovieMlopsError):
    """Models cannot be judged on what was given."""

    code = "evaluation"


class TimesMissingError(EvaluationError):
    """Feedback without times was to be split by time."""

    code = "times-missing"


class SplitImpossibleError(EvaluationError):
    """The feedback is too little, or too uniform, for the split that was asked for."""

    code = "split-impossible"


class CaseInvalidError(EvaluationError):
    """An evaluation case contradicts itself: its shapes differ, or what is held out is also known."""

    code = "case-invalid"


class FoldsInvalidError(EvaluationError):
    """A folder of given folds is incomplete, or its files contradict each other."""

    code = "folds-invalid"


class NotComparableError(EvaluationError):
    """Two results were not measured on the same users, or lack the metric that was asked for."""

    code = "not-comparable"


class PropensitiesUnusableError(EvaluationError):
    """A log of lists lacks what a policy can be judged by: probabilities, predictions, or any likeness to it."""

    code = "propensities-unusable"


class SampleTooSmallError(EvaluationError):
    """A log holds too little of what a policy would have shown to say what it is worth."""

    code = "sample-too-small"


class ExperimentError(EvaluationError):
    """An experiment is planned or judged on figures that cannot be."""

    code = "experiment"
