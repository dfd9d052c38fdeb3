"""Everything about the main job that a project may choose; ``config/platform.yaml`` is this, written out."""

from typing import Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from movie_mlops.core.errors import ConfigurationError
from movie_mlops.evaluation import (
    ColdFilmsConfig,
    ColdUsersConfig,
    EvaluationConfig,
    LearningCurveConfig,
    LeaveOneOutConfig,
    StrongGeneralisationConfig,
    TimeSplitConfig,
    UserFoldsConfig,
)
from movie_mlops.features import FeedbackConfig
from movie_mlops.flows.tuned import NEEDED, TUNED, with_tuned
from movie_mlops.ingest import IngestConfig
from movie_mlops.recommenders import LikedFirstParams, PopularRecentParams, RecommenderError, create
from movie_mlops.release import GateConfig, UnreadableWaiver, Waiver

Protocol = Literal["auto", "time", "user-folds", "strong-generalisation", "leave-one-out", "cold-users", "cold-films"]


class Recipe(BaseModel):
    """One way of making a model."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z0-9-]+$", description="What it is called in reports.")
    model: str = Field(description="The recommender.")
    params: dict[str, Any] = Field(
        default_factory=dict,
        description="Its parameters; the rest keep their defaults. 'tuned' takes those of config/tuned.yaml that are"
        " called as the recipe, {tuned: NAME} those of that name; what is beside it goes over them.",
    )

    @model_validator(mode="before")
    @classmethod
    def _read_tuned(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("params") == TUNED:
            return {**given, "params": {TUNED: given.get("name")}}
        return given


BLEND_NEXT: Final = Recipe(
    name="blend-next",
    model="blend",
    params={
        "members": [
            {
                "model": "slist",
                "weight": 1.0,
                "params": {"memory": 10, "reach": 10, "history_power": 0.25, "regularisation": 50},
            },
            {"model": "edlae", "weight": 0.5},
        ],
        "popularity": 0.3,
        "expectation": 2,
    },
)
"""What comes next, from the order of what was liked before and from what goes together."""

BLEND_RETURN: Final = Recipe(
    name="blend-return",
    model="blend",
    params={
        "members": [
            *BLEND_NEXT.params["members"],
            {"model": "comeback", "weight": 1.0, "params": {"regularisation": 800}},
            {"model": "popular-recent", "weight": 0.6, "params": {"days": 30}},
        ],
        "popularity": 0.3,
        "expectation": 2,
    },
)
"""The same for people who were away: also what is liked by who comes back, and what is liked lately."""


def _default_recipes() -> tuple[Recipe, ...]:
    return (
        Recipe(name="popular", model="popular"),
        Recipe(name="popular-recent", model="popular-recent", params={"days": 30}),
        Recipe(name="item-knn", model="item-knn"),
        Recipe(name="ease", model="ease"),
        Recipe(name="edlae", model="edlae"),
        Recipe(name="ials", model="ials"),
        Recipe(name="blend", model="blend", params={"expectation": 2}),
        BLEND_NEXT,
        BLEND_RETURN,
    )


class EventsConfig(BaseModel):
    """What becomes of events."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    effects: Literal["at-once", "by-workers"] = Field(
        default="at-once",
        description="Whether an event is in its user's history and features before it is acknowledged, or is brought"
        " there by a worker within milliseconds, so that many more are taken a second.",
    )
    keep_days: float = Field(
        default=0.0,
        ge=0,
        description="Older events go with the nightly flow retention, once the lake and all consumers have them;"
        " 0: never.",
    )


class FeaturesConfig(BaseModel):
    """How features are computed; what they are hangs on none of this."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    memory_mib: float | None = Field(
        default=None,
        ge=64,
        description="About so much memory is taken at once, beside what the process holds anyway; more data goes piece"
        " by piece. null: an eighth of what the machine or its container has left.",
    )

    @property
    def at_once(self) -> int | None:
        """The same in bytes."""
        return None if self.memory_mib is None else round(self.memory_mib * 2**20)


class PlatformConfig(BaseModel):
    """What the main job does with the data."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    protocol: Protocol = Field(
        default="auto",
        description="How models are judged: 'time' (learn from the past, predict the future), 'user-folds' (random, "
        "where times are missing), 'strong-generalisation' (users no model has seen), 'leave-one-out' (the last like "
        "of each user), 'cold-users' (a few likes shown), 'cold-films' (films no model has seen), or 'auto': time "
        "where every interaction has one, else user-folds.",
    )
    ingest: IngestConfig = Field(
        default_factory=IngestConfig, exclude=True, description="What the contracts accept: config/contracts.yaml."
    )
    feedback: FeedbackConfig = Field(default_factory=FeedbackConfig, description="What counts as liking a film.")
    newcomers: LikedFirstParams = Field(
        default_factory=LikedFirstParams, description="What somebody is given of whom no like is known."
    )
    lately: PopularRecentParams = Field(
        default_factory=lambda: PopularRecentParams(days=30.0, least=2000),
        description="What is given to everybody else where no model speaks.",
    )
    features: FeaturesConfig = Field(default_factory=FeaturesConfig, description="How features are computed.")
    events: EventsConfig = Field(default_factory=EventsConfig, description="What becomes of events.")
    time_split: TimeSplitConfig = Field(default_factory=TimeSplitConfig, description="The global time split.")
    user_folds: UserFoldsConfig = Field(
        default_factory=lambda: UserFoldsConfig(folds=5, cases=1), description="The random split of each user's films."
    )
    strong_generalisation: StrongGeneralisationConfig = Field(
        default_factory=StrongGeneralisationConfig, description="The split by users."
    )
    leave_one_out: LeaveOneOutConfig = Field(
        default_factory=LeaveOneOutConfig, description="The split that holds out the last like of each user."
    )
    cold_users: ColdUsersConfig = Field(
        default_factory=ColdUsersConfig, description="The split of new users of whom a few likes are shown."
    )
    cold_films: ColdFilmsConfig = Field(
        default_factory=ColdFilmsConfig, description="The split of films that are taken out of training whole."
    )
    learning_curve: LearningCurveConfig = Field(
        default_factory=LearningCurveConfig, description="New users after none, one, two and more likes."
    )
    evaluation: EvaluationConfig = Field(default_factory=EvaluationConfig, description="What is measured.")
    gate: GateConfig = Field(
        default_factory=GateConfig, exclude=True, description="What a release must stand up to: config/gates.yaml."
    )
    waivers: tuple[Waiver | UnreadableWaiver, ...] = Field(
        default=(), exclude=True, description="Checks that somebody waived: config/waivers/."
    )
    baselines: tuple[str, ...] = Field(
        default=("popular", "popular-recent"), description="Recipes that a release must beat; they are never released."
    )
    recipes: tuple[Recipe, ...] = Field(default_factory=_default_recipes, description="The models that are tried.")
    composed_users: int = Field(
        default=200,
        ge=0,
        description="With fewer judged users recipes that are made of others are not tried: no lead that is known of"
        " them would be beyond doubt.",
    )
    budget_minutes: float = Field(
        default=10.0,
        ge=0,
        description="Once models were trained and judged for so long no further recipe is begun; baselines, the first"
        " recipe that may be released, and what serves are judged in any case.",
    )

    @field_validator("recipes")
    @classmethod
    def _can_be_made(cls, recipes: tuple[Recipe, ...], info: ValidationInfo) -> tuple[Recipe, ...]:
        names = [recipe.name for recipe in recipes]
        if len(set(names)) != len(names):
            message = "two recipes have the same name"
            raise ValueError(message)
        made, context = [], info.context or {}
        for recipe in recipes:
            try:
                params = with_tuned(
                    recipe.model, recipe.params, context.get(TUNED, {}), needed=context.get(NEEDED, True)
                )
                create(recipe.model, params)
            except (RecommenderError, ValueError) as error:
                message = f"the recipe {recipe.name!r}: {str(error).rstrip('.')}"
                raise ValueError(message) from error
            made.append(recipe.model_copy(update={"params": params}))
        return tuple(made)

    @model_validator(mode="after")
    def _can_be_judged(self) -> Self:
        names = [recipe.name for recipe in self.recipes]
        absent = [name for name in self.baselines if name not in names]
        if not self.baselines or absent:
            what = f"no recipe is called {absent[0]!r}" if absent else "there is none"
            message = f"baselines: {what}, and without one nothing can be judged; the recipes are {', '.join(names)}"
            raise ValueError(message)
        return self

    def judging(self, gate: GateConfig, waivers: tuple[Waiver | UnreadableWaiver, ...] = ()) -> Self:
        """Return the same with the gate of ``config/gates.yaml`` and the waivers.

        Raises:
            ConfigurationError: The gate judges a metric that is not measured.
        """
        if gate.metric not in (measured := self.evaluation.metrics):
            raise ConfigurationError(
                f"config/gates.yaml: metric is {gate.metric!r}, but measured are {', '.join(measured)}.",
                next_step="Name one of them, or add its cut-off under evaluation.cutoffs in config/platform.yaml.",
            )
        return self.model_copy(update={"gate": gate, "waivers": waivers})
