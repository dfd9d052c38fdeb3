"""What a candidate must stand up to; ``config/gates.yaml`` is this, written out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from movie_mlops.release.errors import GateError

BehaviourKind = Literal["adding-a-like", "order-of-history", "like-twice", "taking-a-like-back"]
Attack = Literal["random", "average", "bandwagon"]


@dataclass(frozen=True)
class DataGate:
    """What the data of a release must be.

    Attributes:
        max_refused: Greatest share of a batch that the contract may refuse.
        max_refused_for: The same for single reasons, such as ``{"user-missing": 0.01}``.
        max_age_days: How old the newest interaction may be; ``None`` for data that is frozen.
        never_older: Whether the newest interaction must be at least as new as that of the last training set.
        least_rows: Shifts are judged between sets of at least so many interactions.
        max_shift: Greatest part of the interactions that may lie elsewhere than in the last training set, from 0 to 1,
            for each of ``users``, ``films``, ``kinds`` and ``values``.
        least_volume: Fewest interactions, as a share of the last training set's.
        most_volume: Most interactions, as a multiple of the last training set's.
    """

    max_refused: float = 0.25
    max_refused_for: Mapping[str, float] = field(default_factory=dict)
    max_age_days: float | None = None
    never_older: bool = False
    least_rows: int = 1000
    max_shift: Mapping[str, float] = field(
        default_factory=lambda: {"users": 0.25, "films": 0.25, "kinds": 0.25, "values": 0.25}
    )
    least_volume: float = 0.5
    most_volume: float = 10.0


@dataclass(frozen=True)
class SegmentGate:
    """How groups of users and films are protected from an average that looks well.

    Attributes:
        max_drop: A segment fails where it is for certain worse than the champion by more than this share.
        false_alarms: How often an equal candidate may fail in any of the segments.
        least_users: A segment of fewer users is not judged.
        users: Groups of users by how many films the model was shown of each: name to the smallest number.
        flips: Number of sign flips behind the correction for many segments.
        most_users: So many users are judged at most, drawn by the seed.
        seed: Seed of both.
    """

    max_drop: float = 0.1
    false_alarms: float = 0.05
    least_users: int = 50
    users: Mapping[str, int] = field(default_factory=lambda: {"new": 0, "light": 5, "regular": 20, "heavy": 50})
    flips: int = 2000
    most_users: int = 20_000
    seed: int = 20


@dataclass(frozen=True)
class ListGate:
    """What all lists together may lose against the champion's.

    Attributes:
        max_coverage_drop: Greatest share of the champion's coverage that may be lost.
        max_gini_rise: Most that the Gini coefficient of exposure may rise.
        max_calibration_rise: Greatest share by which the lists' genres may for certain be further from those of the
            users' histories.
    """

    max_coverage_drop: float = 0.3
    max_gini_rise: float = 0.05
    max_calibration_rise: float = 0.1


@dataclass(frozen=True)
class BehaviourTest:
    """One thing that a model must do whatever its scores are.

    Attributes:
        name: What it is called.
        kind: ``adding-a-like`` of a genre never lowers that genre in the list; ``order-of-history`` and
            ``like-twice`` change nothing; ``taking-a-like-back`` (a dislike) never lifts the films that are most like
            the disliked one.
        genre: For ``adding-a-like``.
        tolerated: Share of the sampled users for whom it may be otherwise.
    """

    name: str
    kind: BehaviourKind
    genre: str | None = None
    tolerated: float = 0.0


_TESTS: Final = (
    BehaviourTest("liked-western", "adding-a-like", "Western", 0.05),
    BehaviourTest("liked-comedy", "adding-a-like", "Comedy", 0.3),
    BehaviourTest("liked-horror", "adding-a-like", "Horror", 0.15),
    BehaviourTest("history-in-any-order", "order-of-history", None, 0.01),
    BehaviourTest("like-said-twice", "like-twice"),
    BehaviourTest("dislike", "taking-a-like-back", None, 0.05),
)


@dataclass(frozen=True)
class BehaviourGate:
    """Behavioural tests of the bundle.

    Attributes:
        users: How many users are drawn for each test.
        least_users: With fewer users nothing is judged.
        seed: Seed of the draw.
        tests: What is tested.
    """

    users: int = 200
    least_users: int = 30
    seed: int = 20
    tests: tuple[BehaviourTest, ...] = _TESTS


@dataclass(frozen=True)
class FootprintGate:
    """What the bundle may cost when it answers single requests in a process of its own.

    Attributes:
        requests: How many are answered; 0 measures nothing.
        max_p99_ms: Greatest 99th percentile of the time for one, in milliseconds.
        max_mib: Greatest resident memory of the process, in MiB.
        patience_s: The process is given up after so many seconds.
    """

    requests: int = 300
    max_p99_ms: float = 250.0
    max_mib: float = 4096.0
    patience_s: float = 120.0


@dataclass(frozen=True)
class RobustnessGate:
    """What invented users may achieve.

    Attributes:
        attacks: Kinds of invented profiles; none asks nothing.
        shares: Invented users, as shares of the real ones.
        targets: How many films are pushed, one at a time.
        max_lift: Greatest part of the real users to whom an attack may bring its film.
        users: The attack is made on so many real users at most, drawn by the seed.
        films: And on so many of the most liked films at most.
        least_users: With fewer users nothing is judged.
        least_films: With fewer films nothing is judged: ten of a few are in many lists anyhow.
        seed: Seed of users, films and profiles.
    """

    attacks: tuple[Attack, ...] = ("bandwagon",)
    shares: tuple[float, ...] = (0.05,)
    targets: int = 2
    max_lift: float = 0.15
    users: int = 1000
    films: int = 2000
    least_users: int = 100
    least_films: int = 200
    seed: int = 20


@dataclass(frozen=True)
class CodeGate:
    """What a release must be made with.

    Attributes:
        production: Whether a release is refused that was made with changes that are not committed, with other
            libraries than the locked ones, or in a checkout that breaks the project standard. Where not, it is said.
    """

    production: bool = False


@dataclass(frozen=True)
class WaiverRules:
    """Who may waive a check, and for how long.

    Attributes:
        longest_days: Longest time between a waiver's date and its end.
        operators: Name to public key, as ``movie-mlops release operator`` prints it; nobody by default.
    """

    longest_days: int = 30
    operators: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class GateConfig:
    """What a candidate is judged on.

    Attributes:
        metric: The per-user metric that decides.
        max_drop: Greatest share of the champion's metric that a candidate may be below it by its point estimate, even
            where the interval is too wide to tell.
        data: What the data must be.
        segments: Groups of users and films.
        lists: All lists together.
        behaviour: Behavioural tests.
        footprint: Time and memory.
        robustness: Invented users.
        code: What the release is made with.
        waivers: Who may waive a check.

    Raises:
        GateError: A share is not between 0 and 1, or a count is negative.
    """

    metric: str = "ndcg@10"
    max_drop: float = 0.05
    data: DataGate = field(default_factory=DataGate)
    segments: SegmentGate = field(default_factory=SegmentGate)
    lists: ListGate = field(default_factory=ListGate)
    behaviour: BehaviourGate = field(default_factory=BehaviourGate)
    footprint: FootprintGate = field(default_factory=FootprintGate)
    robustness: RobustnessGate = field(default_factory=RobustnessGate)
    code: CodeGate = field(default_factory=CodeGate)
    waivers: WaiverRules = field(default_factory=WaiverRules)

    def __post_init__(self) -> None:
        shares = {
            "max_drop": self.max_drop,
            "data.max_refused": self.data.max_refused,
            **{f"data.max_refused_for.{name}": share for name, share in self.data.max_refused_for.items()},
            **{f"data.max_shift.{name}": share for name, share in self.data.max_shift.items()},
            "segments.max_drop": self.segments.max_drop,
            "segments.false_alarms": self.segments.false_alarms,
            "lists.max_coverage_drop": self.lists.max_coverage_drop,
            "robustness.max_lift": self.robustness.max_lift,
            **{f"robustness.shares.{number}": share for number, share in enumerate(self.robustness.shares)},
            **{f"behaviour.tests.{test.name}.tolerated": test.tolerated for test in self.behaviour.tests},
        }
        wrong = next((name for name, share in shares.items() if not 0.0 <= share <= 1.0), None)
        if wrong is not None:
            raise GateError(f"{wrong} is {shares[wrong]:g}, which is no share.", next_step="Give it between 0 and 1.")
        unknown = set(self.data.max_shift) - set(SHIFTS)
        if unknown:
            raise GateError(f"data.max_shift knows no {min(unknown)!r}.", next_step=f"Known are {', '.join(SHIFTS)}.")
        genreless = [test.name for test in self.behaviour.tests if test.kind == "adding-a-like" and not test.genre]
        if genreless:
            raise GateError(f"behaviour.tests: {genreless[0]!r} adds a like of no genre.", next_step="Give it a genre.")


SHIFTS: Final = ("users", "films", "kinds", "values")
"""What of the interactions is compared with the last training set."""
