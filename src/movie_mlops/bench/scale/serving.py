"""What a server costs that stands on so many films: time for an answer, memory, bytes that are sent and kept."""

from pathlib import Path
from typing import Final
from urllib.request import urlopen

from movie_mlops.bench.errors import BenchError
from movie_mlops.bench.load import Plan, drive_apart
from movie_mlops.bench.scale.config import ScaleBenchConfig
from movie_mlops.bench.scale.stored import files_bytes, state_bytes
from movie_mlops.bench.serve.config import StageConfig
from movie_mlops.bench.serve.measuring import EXPLAINED, HOST, PERSONALISED
from movie_mlops.bench.serve.process import serving, used_seconds
from movie_mlops.bench.serve.stage import set_stage

_WARM: Final = 300
_LONGEST_SECONDS: Final = 600.0


def serve(folder: Path, films: int, config: ScaleBenchConfig) -> dict[str, float]:
    """Set up a server with made-up weights, ask it over one connection, and return what that cost.

    Raises:
        BenchError: An answer was wrong.
    """
    stage = set_stage(folder, StageConfig(factors=config.factors, films=films, users=config.users, seed=config.seed))
    paths = tuple(f"/v1/users/{user}/recommendations?k=10" for user in stage.user_ids)
    empty = state_bytes(folder)
    with serving(stage.workspace) as served:
        # As many different users as there are: none of them is asked for twice while the server remembers the answer.
        drive_apart(_plan(served.port, paths, _WARM, 0))
        before = used_seconds(served.pid)
        outcome = drive_apart(_plan(served.port, paths, config.answers, _WARM))
        spent = used_seconds(served.pid) - before
        memory = memory_of(served.pid)
        with urlopen(f"http://{HOST}:{served.port}{paths[0]}") as answer:
            answer_bytes = len(answer.read()) + len(str(answer.headers))
    if outcome.errors or outcome.unanswered or outcome.requests < config.answers:
        raise BenchError(
            f"Of {config.answers:,} answers {outcome.requests:,} came, with the errors {outcome.errors}.",
            next_step="Run 'movie-mlops bench serve' to see why.",
        )
    return {
        "amount": float(stage.films),
        "seconds": outcome.seconds / outcome.requests,
        "cpu_seconds": spent / outcome.requests,
        **memory,
        "bundle_bytes": files_bytes(stage.workspace.models / stage.bundle_id),
        "answer_bytes": float(answer_bytes),
        "kept_bytes": (state_bytes(folder) - empty) / (_WARM + outcome.requests + 1),
    }


def memory_of(pid: int) -> dict[str, float]:
    """Return what a process holds for itself, and of files, which others that map them share; in bytes."""
    told = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]
    fields = {line.partition(":")[0]: int(line.split()[1]) * 1024 for line in told}
    return {
        "private_bytes": float(fields["Anonymous"]),
        "shared_bytes": float(fields["Rss"] - fields["Anonymous"]),
    }


def _plan(port: int, paths: tuple[str, ...], requests: int, first: int) -> Plan:
    markers = (PERSONALISED, EXPLAINED)
    return Plan(HOST, port, paths, _LONGEST_SECONDS, markers=markers, requests=requests, first=first)
