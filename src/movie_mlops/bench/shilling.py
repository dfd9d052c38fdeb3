"""How well invented users are found: among real ones, by kind and share, and how many real ones are told with them."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
from scipy import sparse

from movie_mlops.bench.errors import BenchError
from movie_mlops.bench.machine import machine_facts
from movie_mlops.bench.record import write_record
from movie_mlops.core.columns import MOVIE_ID
from movie_mlops.core.progress import SILENT, Progress
from movie_mlops.monitoring.shilling import Pushed, find_pushed
from movie_mlops.release import Attack
from movie_mlops.release.gates import Audience
from movie_mlops.release.gates.shilling import profiles

_RARE: Final = 3
"""A film with fewer likes is pushed by nobody who wants to be believed."""


@dataclass(frozen=True)
class ShillingBenchConfig:
    """What is invented.

    Attributes:
        attacks: Kinds of profiles.
        shares: Invented users, as shares of the real ones.
        targets: How many rare films are pushed, one at a time.
        seed: Of everything that is drawn.

    Raises:
        BenchError: A number is out of range.
    """

    attacks: tuple[Attack, ...] = ("random", "average", "bandwagon")
    shares: tuple[float, ...] = (0.01, 0.03, 0.05)
    targets: int = 4
    seed: int = 3

    def __post_init__(self) -> None:
        if self.targets < 1 or not all(0 < share <= 1 for share in self.shares):
            raise BenchError(
                "Nobody would be invented.", next_step="Give targets of at least 1 and shares above 0, at most 1."
            )


def bench_shilling(
    config: ShillingBenchConfig, feedback: pl.DataFrame, out: Path, *, command: str = "", progress: Progress = SILENT
) -> dict[str, Any]:
    """Hide invented users among the users of a data set, look for them, and write what was found to a file.

    Args:
        config: What is invented.
        feedback: What is known of users and films.
        out: The JSON file, replaced whole.
        command: The command line, for the record.
        progress: Who listens.

    Returns:
        What the file holds: of each kind and share the share of the invented who were told (recall), of those who were
        told who were invented (precision), and of the pushed films that were named; and who was told without an attack.

    Raises:
        BenchError: No film is rare enough.
    """
    machine = machine_facts()
    films = np.unique(feedback[MOVIE_ID].to_numpy())
    real = Audience.of(feedback, films)
    likes = real.likes()
    rare = np.flatnonzero((likes >= _RARE) & (likes <= np.median(likes[likes > 0])))
    if rare.size < config.targets:
        raise BenchError("There are too few rare films to push.", next_step="Take a larger data set.")
    targets = np.random.default_rng(config.seed).choice(rare, config.targets, replace=False)
    rows = []
    with progress.task("Inventing users", len(config.attacks) * len(config.shares) * config.targets, "") as advance:
        for attack in config.attacks:
            for share in config.shares:
                found = []
                for target in targets:
                    invented = profiles(attack, round(share * len(real)), int(target), real, config.seed)
                    hidden = sparse.csr_matrix(sparse.vstack([real.histories, invented]))
                    found.append(_judged(find_pushed(hidden), int(target), len(real), invented.shape[0]))
                    advance(1)
                mean = {name: round(float(np.mean([one[name] for one in found])), 4) for name in found[0]}
                rows.append({"attack": attack, "share": share, **mean})
    told = find_pushed(real.histories)
    facts = {
        "setup": {"users": len(real), "films": int(films.size), **asdict(config)},
        "rows": rows,
        "without_an_attack": {"films": len(told), "users": _users(told).size},
    }
    return write_record(out, "shilling", command, machine, facts)


def _judged(found: tuple[Pushed, ...], target: int, real: int, invented: int) -> dict[str, float]:
    users = _users(found)
    right = int((users >= real).sum())
    return {
        "recall": right / invented,
        # Of nobody nothing wrong was said.
        "precision": right / users.size if users.size else 1.0,
        "named": float(any(one.film == target for one in found)),
    }


def _users(found: tuple[Pushed, ...]) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.unique(np.concatenate([one.users for one in found])) if found else np.array([], dtype=np.int64)
