"""What follows from what was measured: is it what was promised, and does what is beside it hold?"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from math import hypot
from typing import Any, Final

from movie_mlops.monitoring.quality.config import GuardrailBounds, QualityConfig
from movie_mlops.monitoring.quality.figures import Figure


class State(StrEnum):
    """How something stands."""

    OK = "ok"
    BELOW = "below"
    UNKNOWN = "cannot be judged"


@dataclass(frozen=True)
class Promise:
    """What the evaluation said of a bundle.

    Attributes:
        bundle_id: The bundle.
        ndcg: What it achieved; ``None`` where its manifest does not say.
        case: On which split.
    """

    bundle_id: str
    ndcg: float | None
    case: str | None = None


@dataclass(frozen=True)
class Check:
    """One thing that was held to something.

    Attributes:
        name: What.
        state: How it stands.
        sentence: What was found, for people.
        value: The number; ``None`` where there is none.
        bound: What it was held to.
    """

    name: str
    state: State
    sentence: str
    value: float | None = None
    bound: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return asdict(self)


GUARDRAILS: Final[Mapping[str, str]] = {
    "fallbacks": "of the answers were not personal",
    "repeats": "of the places held a film that was shown on an earlier day",
    "coverage": "of the catalogue was shown to anybody",
    "novelty": "bits of novelty in what was shown",
    "unanswered": "of the answers met no reaction",
    "displeased": "of the answers had a film that was disliked or skipped",
    "empty": "of the answers had no film",
}
"""Each guardrail, and what its number says."""

_WORTH: Final = ("promise of release ", "hits ")
_AT_LEAST: Final = frozenset({"coverage", "novelty"})


def judge_promise(release: str, found: Figure | None, promise: Promise | None, config: QualityConfig) -> Check:
    """Hold what a release did online to what was promised of it; only an interval that lies below it is below.

    Args:
        release: Which.
        found: Its nDCG online; ``None`` where nothing could be measured.
        promise: What the evaluation said; ``None`` where the bundle is gone.
        config: The smallest sample, and what is taken for kept.
    """
    name = f"promise of release {release}"
    said = None if promise is None else promise.ndcg
    if found is None or found.users < config.least_users:
        users = 0 if found is None else found.users
        sentence = f"{users:,} users had something to find after final answers; {config.least_users:,} are needed"
        return Check(name, State.UNKNOWN, f"{sentence}.", None if found is None else found.value, said)
    online = f"online {found.value:.3f} ({found.low:.3f} to {found.high:.3f}, {found.users:,} users)"
    if said is None:
        return Check(name, State.UNKNOWN, f"{online}; its bundle does not say what was promised.", found.value)
    floor = said * (1 - config.tolerance)
    state = State.BELOW if found.high < floor else State.OK
    sentence = f"offline {said:.3f}, {online}"
    if state is State.BELOW:
        sentence += f": below what is taken for kept, {floor:.3f}"
    return Check(name, state, f"{sentence}.", found.value, floor)


def judge_drop(name: str, found: Figure | None, than: str, before: Figure | None, config: QualityConfig) -> Check:
    """Hold a hit ratio to an earlier one: below where it is, for certain, lower by more than is taken for kept.

    What is shown is liked because it is shown, so that a worse model is seen here first. The two are taken for
    independent; users that both have in common make the check more careful than it has to be.

    Args:
        name: What is held.
        found: Its hit ratio.
        than: What it is held to, in words.
        before: The hit ratio of that.
        config: The smallest sample, and what is taken for kept.
    """
    if found is None or before is None or min(found.users, before.users) < config.least_users:
        value = None if found is None else found.value
        sentence = f"{name}: fewer than {config.least_users:,} users on one side of the comparison with {than}."
        return Check(name, State.UNKNOWN, sentence, value)
    floor = before.value * (1 - config.tolerance)
    reach = hypot(found.high - found.low, (before.high - before.low) * (1 - config.tolerance)) / 2
    state = State.BELOW if found.value + reach < floor else State.OK
    told = f"{found.value:.1%} of the answers led to a like, {before.value:.1%} of those of {than}"
    return Check(name, state, f"{told}.", found.value, floor)


def judge_guardrails(values: Mapping[str, Figure | float | None], bounds: GuardrailBounds) -> list[Check]:
    """Hold each guardrail to its bound; one without a bound or without a number cannot be judged.

    Args:
        values: Shares with their intervals, of which the whole must lie beyond the bound to break it, or plain numbers.
        bounds: What they are held to.
    """
    return [_guardrail(name, values.get(name), getattr(bounds, name)) for name in GUARDRAILS]


def _guardrail(name: str, found: Figure | float | None, bound: float | None) -> Check:
    if found is None:
        return Check(name, State.UNKNOWN, f"{name}: nothing to measure yet.", None, bound)
    value, low, high = (found.value, found.low, found.high) if isinstance(found, Figure) else (found, found, found)
    form = "{:.2f}" if name == "novelty" else "{:.1%}"
    interval = f" ({form.format(low)} to {form.format(high)})" if isinstance(found, Figure) else ""
    sentence = f"{form.format(value)}{interval} {GUARDRAILS[name]}"
    if bound is None:
        return Check(name, State.UNKNOWN, f"{sentence}; no bound is set.", value)
    kept = high >= bound if name in _AT_LEAST else low <= bound
    way = "at least" if name in _AT_LEAST else "at most"
    state = State.OK if kept else State.BELOW
    return Check(name, state, f"{sentence}, bound: {way} {form.format(bound)}.", value, bound)


def worth_less(checks: Sequence[Check]) -> bool:
    """Return whether the lists are worth less to users than was promised, or than they were before.

    Both call somebody: where hardly anything is watched but what is recommended, a worse model keeps its promise.
    """
    return any(check.state is State.BELOW and check.name.startswith(_WORTH) for check in checks)


def together(checks: Sequence[Check]) -> State:
    """Return how everything stands: below where anything is; ok where the promise is judged and nothing is below."""
    if any(check.state is State.BELOW for check in checks):
        return State.BELOW
    promised = any(check.state is State.OK and check.name.startswith("promise") for check in checks)
    return State.OK if promised else State.UNKNOWN
