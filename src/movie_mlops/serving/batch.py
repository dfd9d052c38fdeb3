"""The lists of everybody, made as the API makes one that is asked for without any wish."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from movie_mlops.evaluation.case import Scorer
from movie_mlops.features import FeedbackConfig, History
from movie_mlops.serving.catalogue import Catalogue
from movie_mlops.serving.model import ServingModel, Snapshot
from movie_mlops.serving.recommend import Answer, answer
from movie_mlops.serving.rules import RuleBook, Rules
from movie_mlops.serving.scoring import Scored, Source, popular
from movie_mlops.serving.wishes import Wish

_NOTHING: Final = History.of((), FeedbackConfig())


class Batch:
    """A model with the rules of a list.

    Args:
        catalogue: The films.
        model: The released model.
        k: Films of a list at most.
        rules: What the house wants of every list.
        scorer: What scores histories, where that is not the model by itself.

    Attributes:
        model: The released model.
        scorer: What scores histories.
        k: Films of a list at most.
        source: Where a list by the model comes from.
        allowed: bool[items], what may be in a list.
        plain: Whether a list is simply the best of what is allowed.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        model: ServingModel,
        k: int,
        rules: Rules | None = None,
        scorer: Scorer | None = None,
    ) -> None:
        self.model = model
        self.scorer: Scorer = model.recommender if scorer is None else scorer
        self.k = k
        personalised = model.recommender.capabilities.personalised
        self.source = Source.PERSONALISED if personalised else Source.POPULAR
        self._catalogue = catalogue
        self._rules = RuleBook(rules)
        ruling = self._rules.of(catalogue)
        self.plain = ruling is None or ruling.plain
        self.allowed = model.allowed(None if ruling is None else ruling.allowed)

    def alike(self, scores: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Return, by row, whose scores are all the same: who gets what is popular."""
        same: NDArray[np.bool_] = scores.max(axis=1) <= scores.min(axis=1)
        return same

    def answer(self, scores: NDArray[np.float32] | None, seen: frozenset[int], *, newcomer: bool) -> Answer:
        """Return the list of one user.

        Args:
            scores: float32[items]; ``None`` for who gets what is popular.
            seen: What they are done with.
            newcomer: Whether no like is known of them.
        """
        if scores is None:
            why = "The released model draws nothing from this history"
            scored = popular(self._catalogue, why, newcomer=newcomer)
        else:
            scored = Scored(self.source, self._catalogue, scores, self.model)
        wish = Wish(k=self.k, exclude=seen, explain=False)
        return answer(Snapshot(self._catalogue, self.model), scored, _NOTHING, wish, rules=self._rules)
