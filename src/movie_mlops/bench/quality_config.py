"""What the benchmark of the lists' quality judges, and what is aimed at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Self

from movie_mlops.bench.errors import BenchError
from movie_mlops.evaluation import LearningCurveConfig, TimeSplitConfig
from movie_mlops.flows import BLEND_NEXT, BLEND_RETURN, Recipe
from movie_mlops.recommenders import BlendParams

NORMALISED: Final[Mapping[str, float]] = {
    "regularisation": 250,
    "dropout": 0.4,
    "history_power": 0.35,
    "target_power": 0.2,
    "popularity_power": 0.1,
}
"""What EDLAE was set to on films that were hidden from the training part of one fold."""

BENT: Final[Mapping[str, object]] = BlendParams().members[0].params
"""The same where the films' cosines are bent: as in every blend that is told no members."""

_NEXT: Final[Mapping[str, object]] = BLEND_NEXT.params["members"][0]["params"]

CHECKED: Final = (
    Recipe(name="popular", model="popular"),
    # The penalty with which the figures of the folds were published.
    Recipe(name="ease", model="ease", params={"regularisation": 238.56, "threads": 2}),
)
"""What is measured first on folds: whoever does not find the known figures evaluates wrongly."""

RECENT: Final = "popular-recent"
EASE: Final = "ease"
BASELINES: Final = (
    Recipe(name=RECENT, model="popular-recent", params={"days": 30}),
    Recipe(name=EASE, model="ease", params={"threads": 2}),
)
"""What is measured first on a split by time."""

_RERANKED: Final = Recipe(name="rerank", model="rerank", params={"threads": 2, "store_features": []})
_RERANKED_BY_STORE: Final = Recipe(name="rerank-store", model="rerank", params={"threads": 2})
"""The same with what the feature store knows: where a data set tells of films and times."""


@dataclass(frozen=True)
class QualityBenchConfig:
    """The benchmark of how good the lists are.

    Attributes:
        folds: A folder of given folds; ``None`` leaves them out.
        recipes: What is judged on the folds, beside popularity and EASE.
        timed_recipes: What is judged on the future, beside the popularity of the last days and EASE.
        time_split: How the future is cut off.
        learning: What is judged on new users after none, one and more likes; the first is what the others are held
            against.
        learning_curve: After how many likes, and of how many users.
        curves: Whether it is, and whether the best blend is judged without each of its members.
        patience: After so many seconds a training is ended, and its recipe left out.
        tuned: What searches found inside the training part of a data set, by its name: judged there too, and the first
            is the champion there.
        folds_target: The target on the folds, nDCG@10.
        champion: Which of the recipes is held against the targets on the folds; ``None`` for none.
        timed_champion: The same on the future.
        champions: Likewise on the future of one data set, by its name, where it was chosen there and not by a search:
            on windows inside the training part with those who come back alone, who are almost all that is judged.
        times_ease: The target on the future: so many times the nDCG@10 of EASE, the interval of the difference above 0.
        seconds: The target for training the champion on a fold.
        memory_mib: The target for its peak memory.

    Raises:
        BenchError: There is nothing to judge.
    """

    folds: Path | None = None
    recipes: tuple[Recipe, ...] = (
        Recipe(name="rp3-beta", model="rp3-beta"),
        Recipe(name="slim", model="slim"),
        Recipe(name="edlae", model="edlae", params={"threads": 2}),
        Recipe(name="kernel", model="kernel", params={"threads": 2}),
        Recipe(name="blend", model="blend", params={"expectation": 2, "threads": 2}),
        _RERANKED,
        Recipe(
            name="blend-deep",
            model="blend",
            params={
                "members": [
                    {"model": "edlae", "weight": 0.2, "params": BENT},
                    {"model": "edlae", "weight": 0.1, "params": NORMALISED},
                    {"model": "kernel", "weight": 0.3},
                    {"model": "ials", "weight": 0.25, "params": {"factors": 64, "alpha": 6, "regularisation": 60}},
                    # What one seed does not see the next may.
                    *({"model": "vae", "weight": 0.47, "params": {"seed": seed}} for seed in range(3)),
                ],
                "popularity": -0.2,
                "threads": 2,
            },
        ),
    )
    timed_recipes: tuple[Recipe, ...] = (
        Recipe(name="rp3-beta", model="rp3-beta"),
        Recipe(name="slim", model="slim"),
        Recipe(name="edlae", model="edlae", params={"threads": 2}),
        Recipe(name="edlae-bent", model="edlae", params={**BENT, "threads": 2}),
        Recipe(name="edlae-content", model="edlae-content", params={"threads": 2}),
        Recipe(name="sasrec", model="sasrec", params={"threads": 2}),
        Recipe(name="slist", model="slist", params={**_NEXT, "threads": 2}),
        Recipe(name="blend", model="blend", params={"expectation": 2, "threads": 2}),
        _RERANKED,
        _RERANKED_BY_STORE,
        *(
            recipe.model_copy(update={"params": {**recipe.params, "threads": 2}})
            for recipe in (BLEND_NEXT, BLEND_RETURN)
        ),
    )
    time_split: TimeSplitConfig = field(default_factory=TimeSplitConfig)
    learning: tuple[Recipe, ...] = (
        Recipe(name="popular", model="popular"),
        Recipe(name=EASE, model="ease", params={"threads": 2}),
        Recipe(name="edlae-content", model="edlae-content", params={"threads": 2}),
        Recipe(name="blend", model="blend", params={"expectation": 2, "threads": 2}),
    )
    learning_curve: LearningCurveConfig = field(default_factory=LearningCurveConfig)
    curves: bool = True
    patience: float = 600.0
    tuned: Mapping[str, Sequence[Recipe]] = field(default_factory=dict)
    champion: str | None = "blend-deep"
    timed_champion: str | None = BLEND_NEXT.name
    champions: Mapping[str, str] = field(default_factory=lambda: {"ml-1m-positives": BLEND_RETURN.name})
    folds_target: float = 0.362
    times_ease: float = 1.1
    seconds: float = 300.0
    memory_mib: float = 4096.0

    def __post_init__(self) -> None:
        if not self.recipes and not self.timed_recipes and not any(self.tuned.values()):
            raise BenchError("There is nothing to judge.", next_step="Name at least one recipe.")

    def only(self, names: Sequence[str]) -> Self:
        """Return the same with nothing judged but these recipes, beside what is measured first.

        Raises:
            BenchError: There is none of a name.
        """
        found = [recipe for recipes in self.tuned.values() for recipe in recipes]
        known = [recipe.name for recipe in (*self.recipes, *self.timed_recipes, *found)]
        for name in names:
            if name not in known:
                raise BenchError(
                    f"There is no recipe {name!r}.", next_step=f"Name some of {', '.join(dict.fromkeys(known))}."
                )
        return replace(
            self,
            recipes=tuple(one for one in self.recipes if one.name in names),
            timed_recipes=tuple(one for one in self.timed_recipes if one.name in names),
            tuned={data: [one for one in recipes if one.name in names] for data, recipes in self.tuned.items()},
            champion=self.champion if self.champion in names else None,
            timed_champion=self.timed_champion if self.timed_champion in names else None,
            champions={data: name for data, name in self.champions.items() if name in names},
        )
