"""What every part of the benchmark does alike: a load on one server, and what its figures are held against."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.request import urlopen

import numpy as np
import orjson
from numpy.typing import NDArray

from movie_mlops.bench.errors import BenchError
from movie_mlops.bench.load import Outcome, Plan, drive_apart
from movie_mlops.bench.percentiles import summary
from movie_mlops.bench.serve.config import ServeBenchConfig, StageConfig
from movie_mlops.bench.serve.process import Served
from movie_mlops.bench.serve.stage import Stage
from movie_mlops.bench.targets import at_most
from movie_mlops.core.digests import file_digest
from movie_mlops.core.progress import Progress

HOST: Final = "127.0.0.1"
PERSONALISED: Final = b'"source":"personalised"'
EXPLAINED: Final = b'"because":[{'
_CHECKED: Final = 20


@dataclass
class Part:
    """What a part of the benchmark found.

    Attributes:
        scenarios: Each load, with its figures.
        targets: What these should be.
        more: What else its record holds.
    """

    scenarios: list[dict[str, Any]] = field(default_factory=list)
    targets: list[dict[str, Any]] = field(default_factory=list)
    more: dict[str, Any] = field(default_factory=dict)

    def hold(self, scenario: Mapping[str, Any], **limits: float) -> None:
        """Hold percentiles of a scenario against their limits; errors beside them leave a target unmet."""
        for name, limit in limits.items():
            target = at_most(f"{scenario['name']}, {name}, ms", limit, scenario["latency_ms"][name])
            sound = not scenario["errors"] and not scenario["unanswered"]
            self.targets.append({**target, "met": target["met"] and sound})


@dataclass
class Floor:
    """A served stage, and the loads that are put on it.

    Attributes:
        config: What is run.
        stage: What the server stands on.
        served: The server.
        progress: Who listens.
        asked: How much was asked for so far. Each load goes on where the one before ended: a server remembers its
            newest answers, and what it is asked again at once it need not work out.
    """

    config: ServeBenchConfig
    stage: Stage
    served: Served
    progress: Progress
    asked: int = _CHECKED

    def run(self, name: str, title: str, plan: Plan) -> dict[str, Any]:
        """Put a load on the server; return its scenario."""
        return described(name, plan, self.drive(plan, title))

    def drive(self, plan: Plan, title: str) -> Outcome:
        """Put a load on the server, beginning where the one before ended."""
        outcome = drive_apart(replace(plan, first=self.asked), self.progress, title)
        self.asked += outcome.requests + len(outcome.refused_ms)
        return outcome

    def plan(self, paths: Sequence[str], *markers: bytes, **changes: Any) -> Plan:
        """Return a load of one connection, in a closed loop."""
        seconds = changes.pop("seconds", self.config.seconds)
        changes.setdefault("patience_seconds", self.config.patience_seconds)
        return Plan(HOST, self.served.port, tuple(paths), seconds, markers=markers, **changes)

    def warm(self, plan: Plan) -> None:
        """Have the server answer for a while, unmeasured."""
        self.drive(replace(plan, seconds=self.config.warm_up_seconds), "Warming up")

    def users(self, query: str) -> tuple[str, ...]:
        """Return what each user asks for, with a query beside how many films they want."""
        return tuple(f"/v1/users/{user}/recommendations?{query}" for user in self.stage.user_ids)


def described(name: str, plan: Plan, outcome: Outcome) -> dict[str, Any]:
    """Return what became of a load, as the record tells it."""
    told = {
        "name": name,
        "asked": ("POST " if plan.bodies else "GET ") + _template(plan.paths[0]),
        "loop": "closed" if plan.rate is None else "open",
        "rate": plan.rate,
        "connections": plan.connections,
        "seconds": round(outcome.seconds, 3),
        "requests": outcome.requests,
        "answered_per_second": round((outcome.requests - outcome.unanswered) / outcome.seconds, 1),
        "errors": outcome.errors,
        "unanswered": outcome.unanswered,
        "latency_ms": summary(outcome.latency_ms),
        "service_ms": summary(outcome.service_ms),
    }
    return {**told, "refused": len(outcome.refused_ms)} if plan.may_refuse else told


def like_lists(movie_ids: NDArray[np.int64], many: int, length: int, seed: int) -> list[list[int]]:
    """Return lists of films that somebody likes, made up; a film that is drawn twice counts once."""
    drawn = np.random.default_rng(seed).choice(movie_ids, (many, length))
    return [np.unique(row).tolist() for row in drawn]


def list_bodies(lists: Sequence[Sequence[int]], k: int, **wishes: Any) -> tuple[bytes, ...]:
    """Return the requests of people without an account who like these; without reasons, unless they wish for them."""
    asked = {"k": k, "explain": False, **wishes}
    return tuple(orjson.dumps({"history": [{"movie_id": movie_id} for movie_id in films], **asked}) for films in lists)


def check_answers(port: int, paths: Sequence[str], k: int) -> dict[str, Any]:
    """Make sure that what will be measured is what it should be: live, personal, complete, explained.

    Raises:
        BenchError: It is not.
    """
    asked, explained = paths[:_CHECKED], 0
    for path in asked:
        document = ask(port, path)
        items = document["items"]
        reasons = sum(item["reason"] is not None for item in items)
        if document["source"] != "personalised" or len(items) != k or not reasons:
            raise BenchError(
                f"The answer to {path} is {document['source']}, with {len(items)} films and {reasons} reasons"
                f" ({document['note'] or 'without a note'}).",
                next_step="Give a bundle that is personalised and explains, and the catalogue that belongs to it.",
            )
        explained += reasons
    return {"answers": len(asked), "films_each": k, "films_with_a_reason": explained}


def ask(port: int, path: str, host: str = HOST) -> dict[str, Any]:
    """Return one answer."""
    with urlopen(f"http://{host}:{port}{path}") as answer:
        document: dict[str, Any] = json.load(answer)
    return document


def stage_setup(config: StageConfig, stage: Stage) -> dict[str, Any]:
    """Return what a server stood on, as the record tells it."""
    catalogue = config.catalogue
    return {
        "model": stage.model,
        "factors": config.factors if config.bundle is None and stage.model == "ials" else None,
        "weights": config.weights,
        "bundle_id": stage.bundle_id,
        "catalogue": "made up" if catalogue is None else {"file": catalogue.name, "sha256": file_digest(catalogue)},
        "films": stage.films,
        "users": config.users,
        "history": config.history,
        "k": config.k,
        "server_processes": 1,
        "seed": config.seed,
    }


def _template(path: str) -> str:
    """Return a path without who asks."""
    before, users, after = path.partition("/users/")
    return before + users + "{user_id}/" + after.partition("/")[2] if users else path
