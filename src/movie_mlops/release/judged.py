"""How a bundle's recipe was judged, as its manifest says: the facts ``evaluation`` and ``judged``, read with care.

A manifest may come from another machine, or from before these facts were kept: whatever has not this shape is absent.
"""

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, JsonValue, TypeAdapter, ValidationError

from movie_mlops.release.manifest import Manifest


class _Fact(BaseModel):
    model_config = ConfigDict(frozen=True)


class Measure(_Fact):
    """A value, with its interval where it has one."""

    estimate: FiniteFloat
    low: FiniteFloat | None = None
    high: FiniteFloat | None = None


class Spanned(_Fact):
    """A value with its interval."""

    estimate: FiniteFloat
    low: FiniteFloat
    high: FiniteFloat


class Baseline(_Fact):
    """What a baseline achieved on the same users, and the candidate minus that."""

    metrics: dict[str, Measure]
    difference: Spanned


class UserSegment(_Fact):
    """What was achieved for some of the users, or with some of the films for those who had such films to find."""

    label: str
    users: int
    value: Spanned


class Judged(_Fact):
    """On whom and against what a recipe was judged.

    Attributes:
        case: Name of the split.
        users: How many users were judged.
        level: Share of the bootstrap samples that an interval holds.
        metric: What decides.
        split: Counts and dates of the split.
        baselines: What needs no model, by name.
        segments: By model, the candidate as ``candidate``: short histories first.
        films: The same by slices of the films: genres, decades, the rare ones. Empty in bundles from before.
        positive_rating: From how many stars on a film counts as liked.
        lead: What the candidate achieved in the metric that decides.
    """

    case: str
    users: int
    level: float = Field(gt=0, lt=1)
    metric: str
    split: dict[str, JsonValue]
    baselines: dict[str, Baseline]
    segments: dict[str, list[UserSegment]]
    films: dict[str, list[UserSegment]] = Field(default_factory=dict)
    positive_rating: float | None = None
    lead: Spanned

    @classmethod
    def of(cls, manifest: Manifest) -> Self | None:
        """Return what a manifest says, or ``None``."""
        found, evaluation = manifest.facts.get("judged"), measures(manifest)
        if not isinstance(found, dict) or str(found.get("metric")) not in evaluation:
            return None
        lead = evaluation[str(found["metric"])].model_dump()
        try:
            judged = cls.model_validate({**found, "lead": lead})
        except ValidationError:
            return None
        complete = all(judged.metric in one.metrics for one in judged.baselines.values())
        return judged if complete else None

    @property
    def nearest(self) -> tuple[str, Spanned] | None:
        """The baseline that comes nearest, and the candidate minus it."""
        if not self.baselines:
            return None
        name = min(self.baselines, key=lambda one: self.baselines[one].difference.estimate)
        return name, self.baselines[name].difference

    @property
    def weakest(self) -> UserSegment | None:
        """The users that the candidate does least for."""
        return min(self.segments.get("candidate", ()), key=lambda one: one.value.estimate, default=None)

    @property
    def hardest(self) -> UserSegment | None:
        """The kind of films that the candidate finds least of."""
        return min(self.films.get("candidate", ()), key=lambda one: one.value.estimate, default=None)


_MEASURE: TypeAdapter[Measure] = TypeAdapter(Measure)


def measures(manifest: Manifest) -> dict[str, Measure]:
    """Return what the bundle's recipe achieved, by metric."""
    found: Any = manifest.facts.get("evaluation")
    told = {}
    for name, value in found.items() if isinstance(found, dict) else ():
        try:
            told[name] = _MEASURE.validate_python({"estimate": value} if isinstance(value, float) else value)
        except ValidationError:
            # The name of the split stands among them.
            continue
    return told
