"""The same scoring behind other servers: MLflow, BentoML, LitServe, Ray Serve, and FastAPI with NumPy and nothing else.

Each has the films' vectors of the same bundle, one worker, and the same lists of likes to answer in the same run.
They take turns, so that a busy moment of the machine hits all alike; before each turn the films of their answers are
compared with ours.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from http.client import HTTPException
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np
import orjson

from movie_mlops import __version__
from movie_mlops.bench.errors import BenchError
from movie_mlops.bench.load import Plan, drive_apart
from movie_mlops.bench.serve.config import RivalsConfig, ServeBenchConfig
from movie_mlops.bench.serve.measuring import HOST, Part, described, like_lists, list_bodies
from movie_mlops.bench.serve.process import serving
from movie_mlops.bench.serve.rival_process import Server, post, rival_serving, versions
from movie_mlops.bench.serve.stage import Stage
from movie_mlops.bench.targets import at_least
from movie_mlops.core.progress import Progress
from movie_mlops.recommenders import Recommender
from movie_mlops.release import Keys, KeysConfig, read_bundle

OURS: Final = "movie-mlops"
SCRIPTS: Final = Path(__file__).parent / "contenders"
_CHECKED: Final = 20
_WARM_SECONDS: Final = 1.0
_LOOK: Final = "The same scoring must stand behind all of them: look at src/movie_mlops/bench/serve/contenders/."


@dataclass(frozen=True)
class Contender:
    """Who answers.

    Attributes:
        name: Its name.
        package: What it is a version of.
        script: The script that serves; none for ours.
        path: Where lists are asked for.
        write: Returns the request of somebody who likes some films.
        read: Returns the films of an answer.
    """

    name: str
    package: str
    script: str
    path: str
    write: Callable[[Sequence[int]], bytes]
    read: Callable[[Any], list[int]]


def _named(films: Sequence[int]) -> bytes:
    return orjson.dumps({"movie_ids": films})


RIVALS: Final = (
    Contender(
        "MLflow",
        "mlflow",
        "mlflow_models.py",
        "/invocations",
        lambda films: orjson.dumps({"inputs": [films]}),
        lambda found: list(found["predictions"][0]),
    ),
    Contender("BentoML", "bentoml", "bento_service.py", "/recommend", _named, list),
    Contender("LitServe", "litserve", "lit_server.py", "/predict", _named, list),
    Contender("Ray Serve", "ray", "ray_deployment.py", "/", _named, list),
    Contender("FastAPI with NumPy", "fastapi", "plain_fastapi.py", "/recommend", _named, list),
)


def against_rivals(config: ServeBenchConfig, rivals: RivalsConfig, stage: Stage, progress: Progress) -> Part:
    """Measure all of them in turn, and hold our throughput against theirs.

    Raises:
        BenchError: The stage's model is not of films' vectors.
    """
    data = stage.workspace.home / "rivals"
    _write_scoring(data, stage, config.stage.k)
    lists = like_lists(stage.movie_ids, config.lists, config.stage.history, config.stage.seed)
    ours = Contender(
        OURS,
        OURS,
        "",
        "/v1/recommendations",
        lambda films: list_bodies([films], config.stage.k)[0],
        lambda found: [item["movie_id"] for item in found["items"]],
    )
    turns = _Turns(config, rivals, stage, data, lists, progress)
    there = [ours, *RIVALS]
    measured: dict[str, list[dict[str, Any]]] = {}
    failed: dict[str, str] = {}
    for round_ in range(rivals.rounds):
        # Ours first, since its films are what the others' are compared with; the rest begins elsewhere each time.
        for contender in [ours, *(RIVALS[(place + round_) % len(RIVALS)] for place in range(len(RIVALS)))]:
            if contender.name in failed:
                continue
            try:
                measured.setdefault(contender.name, []).append(turns.run(contender))
            except BenchError as error:
                if contender is ours:
                    raise
                failed[contender.name] = str(error)
                measured.pop(contender.name, None)
    known = {**versions(rivals.python, [rival.package for rival in RIVALS]), OURS: __version__}
    told = [
        {
            "name": one.name,
            "version": known.get(one.package),
            **_medians(measured[one.name]),
            "turns": measured[one.name],
        }
        for one in there
        if one.name in measured
    ]
    ratios = {one["name"]: round(told[0]["throughput"] / one["throughput"], 2) for one in told[1:]}
    return Part(
        targets=[
            at_least(f"throughput, times that of {name}", times, ratios[name])
            for name, times in rivals.times
            if name in ratios
        ],
        more={
            "rivals": {
                "rounds": rivals.rounds,
                "seconds": rivals.seconds,
                "connections": config.connections,
                "rate": rivals.rate,
                "workers": 1,
                "blas_threads": 1,
                "lists_compared": _CHECKED,
                "contenders": told,
                "times_throughput": ratios,
                "failed": [{"name": name, "error": error} for name, error in failed.items()],
            }
        },
    )


@dataclass
class _Turns:
    """What every turn has in common."""

    config: ServeBenchConfig
    rivals: RivalsConfig
    stage: Stage
    data: Path
    lists: list[list[int]]
    progress: Progress

    def __post_init__(self) -> None:
        self._right: list[set[int]] | None = None

    def run(self, contender: Contender) -> dict[str, Any]:
        """Return the three loads of one turn.

        Raises:
            BenchError: It does not start, does not answer, or answers with other films.
        """
        with self._started(contender) as server:
            self._compare(contender, server)
            bodies = tuple(map(contender.write, self.lists))
            plan = Plan(HOST, server.port, (contender.path,), self.rivals.seconds, bodies=bodies)
            busy = replace(plan, connections=self.config.connections)
            asked = drive_apart(replace(busy, seconds=_WARM_SECONDS, first=_CHECKED)).requests + _CHECKED
            turn = {}
            for name, load in {
                "throughput": busy,
                "one-connection": plan,
                "open": replace(busy, rate=self.rivals.rate),
            }.items():
                # Each goes on where the one before ended: nobody shall answer from memory what was asked just now.
                outcome = drive_apart(replace(load, first=asked), self.progress, f"{contender.name}, {name}")
                asked += outcome.requests
                turn[name] = described(name, load, outcome)
        wrong = {reason for load in turn.values() for reason in load["errors"]}
        if wrong or any(load["unanswered"] for load in turn.values()):
            said = ", ".join(sorted(wrong)) or "requests without an answer"
            raise BenchError(f"{contender.name} answered wrongly under load: {said}.", next_step=_LOOK)
        return turn

    @contextmanager
    def _started(self, contender: Contender) -> Iterator[Server]:
        first = contender.write(self.lists[0])
        if contender.name == OURS:
            with serving(self.stage.workspace) as served:
                yield Server(served.port)
        else:
            script, python = SCRIPTS / contender.script, self.rivals.python
            with rival_serving(
                python,
                script,
                self.data,
                name=contender.name,
                first=(contender.path, first),
                patience_seconds=self.rivals.patience_seconds,
            ) as server:
                yield server

    def _compare(self, contender: Contender, server: Server) -> None:
        try:
            given = [
                set(contender.read(orjson.loads(post(server.port, contender.path, contender.write(films)))))
                for films in self.lists[:_CHECKED]
            ]
        except (HTTPException, OSError, ValueError, LookupError, TypeError) as error:
            raise BenchError(f"{contender.name} gives no list of films: {error}.", next_step=_LOOK) from error
        if self._right is None:
            self._right = given
        others = sum(ours != theirs for ours, theirs in zip(self._right, given, strict=True))
        if others:
            raise BenchError(
                f"{contender.name} answers {others} of {len(given)} lists with other films.",
                next_step=_LOOK,
            )


def _medians(turns: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "throughput": median(turn["throughput"]["answered_per_second"] for turn in turns),
        **{
            f"{load}_{name}_ms": median(turn[load]["latency_ms"][name] for turn in turns)
            for load in ("one-connection", "open")
            for name in ("p50", "p99")
        },
    }


def _write_scoring(folder: Path, stage: Stage, k: int) -> None:
    """Write what the others score with: the same vectors and parameters."""
    trust = Keys(KeysConfig(stage.workspace.keys)).trust
    bundle = read_bundle(stage.workspace.models / stage.bundle_id, trust=trust)
    recommender: Recommender = bundle.recommender
    if recommender.name != "ials":
        raise BenchError(
            f"Rivals score with films' vectors, and the bundle is of {recommender.name}.",
            next_step="Leave --rivals out, or give a bundle of ials.",
        )
    arrays, params = recommender.arrays(), asdict(recommender.params)
    folder.mkdir()
    np.savez(
        folder / "scoring.npz",
        factors=arrays["item_factors"],
        movie_ids=bundle.movie_ids[arrays["known_items"]],
        alpha=params["alpha"],
        regularisation=params["regularisation"],
        k=k,
    )
