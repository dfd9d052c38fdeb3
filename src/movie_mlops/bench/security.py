"""What security costs: one server asked openly, with an API key and with tokens; loads with pseudonyms and seals."""

import json
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from movie_mlops.bench.config import IngestBenchConfig
from movie_mlops.bench.errors import BenchError
from movie_mlops.bench.ingest import cost_of_privacy
from movie_mlops.bench.load import Outcome, Plan, drive_apart
from movie_mlops.bench.machine import machine_facts
from movie_mlops.bench.percentiles import percentile, summary
from movie_mlops.bench.record import write_record
from movie_mlops.bench.serve.config import StageConfig
from movie_mlops.bench.serve.measuring import HOST, PERSONALISED, check_answers, stage_setup
from movie_mlops.bench.serve.process import serving, used_seconds
from movie_mlops.bench.serve.stage import set_stage
from movie_mlops.bench.targets import at_most
from movie_mlops.core.progress import SILENT, Progress
from movie_mlops.security import (
    KeyStore,
    LimitConfig,
    NewKey,
    OidcConfig,
    Role,
    SecurityConfig,
    read_key_secret,
)
from movie_mlops.state import Database, StateConfig

_AUDIENCE: Final = "bench"
_KID: Final = "bench"
_LASTS_SECONDS: Final = 24 * 3600
_OPEN: Final = "open"
_MORE: Final = {"key": "with an API key", "token": "with a token", "new-token": "with a token never seen before"}
_LIMIT: Final = LimitConfig(per_second=1e6)
"""High enough to refuse nothing: what is counted costs the same."""


@dataclass(frozen=True)
class SecurityBenchConfig:
    """The benchmark of access, of pseudonyms and of sealing.

    Attributes:
        stage: What the server stands on.
        rounds: How often each way has its turn.
        seconds: How long a turn lasts.
        warm_up_seconds: How long each way is tried before, unmeasured.
        tokens: How many different tokens come where each is to be a new one; more than a server remembers.
        most_ms: What a key and a token may add to half of the answers.
        ingest: What is brought in with and without pseudonyms and seals: less than ``bench ingest`` by itself.

    Raises:
        BenchError: A number is out of range.
    """

    stage: StageConfig = field(default_factory=StageConfig)
    rounds: int = 30
    seconds: float = 0.5
    warm_up_seconds: float = 1.0
    tokens: int = 5_000
    most_ms: float = 0.2
    ingest: IngestBenchConfig = field(default_factory=lambda: IngestBenchConfig(rows=5_000_000, runs=5))

    def __post_init__(self) -> None:
        if self.rounds < 1 or self.seconds <= 0 or self.tokens < 1:
            raise BenchError("A benchmark needs rounds, seconds and tokens.", next_step="Give more than none of each.")


def bench_security(
    config: SecurityBenchConfig, out: Path, *, command: str, progress: Progress = SILENT
) -> dict[str, Any]:
    """Measure live lists of one server, asked in turns in each way, and loads in turns; write a file.

    Args:
        config: What is run.
        out: The JSON file, replaced whole.
        command: The command line, for the record.
        progress: Who listens.

    Returns:
        What the file holds.

    Raises:
        BenchError: The server does not answer as it should, or a load loses rows.
    """
    machine = machine_facts()
    with tempfile.TemporaryDirectory(prefix="movie-mlops-bench-") as name, _provider() as idp:
        stage = set_stage(Path(name), config.stage, progress)
        secret = read_key_secret(stage.workspace.keys, None)
        database = Database(StateConfig(stage.workspace.state_url))
        _, key = KeyStore(database, secret).create(NewKey("bench", Role.SERVICE, "bench"))
        database.close()
        with progress.task("Signing tokens"):
            tokens = [idp.token(f"app-{number}") for number in range(config.tokens)]
        oidc = OidcConfig(issuer=idp.url, audience=_AUDIENCE)
        security = SecurityConfig(limits={Role.SERVICE: _LIMIT}, oidc=oidc)
        with serving(stage.workspace, security) as served:
            paths = tuple(f"/v1/users/{user}/recommendations?k={config.stage.k}" for user in stage.user_ids)
            checked = check_answers(served.port, paths, config.stage.k)
            plain = Plan(HOST, served.port, paths, config.seconds, markers=(PERSONALISED,))
            ways = {
                _OPEN: plain,
                "key": replace(plain, headers=_shown(key)),
                "token": replace(plain, headers=_shown(tokens[0])),
                "new-token": replace(plain, headers=_shown(*tokens)),
            }
            turns = _measure(ways, served.pid, config, progress)
    ingest, privacy = cost_of_privacy(config.ingest, progress)
    measured = {way: _described(way, turns[way]) for way in ways}
    # Of each round the difference, of all differences the middle one: what slowed a round down slowed all its turns.
    medians = {way: np.array([percentile(np.sort(turn.latency_ms), 50) for turn in turns[way]]) for way in ways}
    added = {way: round(float(np.median(medians[way] - medians[_OPEN])), 4) for way in _MORE}
    found = {
        "setup": {**stage_setup(config.stage, stage), "rounds": config.rounds, "tokens": config.tokens},
        "checked": checked,
        "scenarios": list(measured.values()),
        "added_p50_ms": added,
        "added_cpu_ms": {way: round(measured[way]["cpu_ms"] - measured[_OPEN]["cpu_ms"], 4) for way in _MORE},
        "ingest": ingest,
        "targets": [
            *(_target(way, added[way], measured[way], config) for way in ("key", "token")),
            *(at_most(each["what"], each["limit"], each["measured"]) for each in privacy),
        ],
    }
    return write_record(out, "security", command, machine, found)


def _target(way: str, added: float, told: Mapping[str, Any], config: SecurityBenchConfig) -> dict[str, Any]:
    target = at_most(f"what an answer {_MORE[way]} takes longer, p50, ms", config.most_ms, added)
    return {**target, "met": target["met"] and not told["errors"] and not told["unanswered"]}


def _shown(*secrets: str) -> tuple[str, ...]:
    return tuple(f"authorization: Bearer {secret}" for secret in secrets)


@dataclass(frozen=True)
class _Turn:
    """What became of one turn.

    Attributes:
        outcome: Its requests.
        cpu_seconds: How long the server worked meanwhile.
    """

    outcome: Outcome
    cpu_seconds: float

    @property
    def latency_ms(self) -> NDArray[np.float64]:
        """How long each request took."""
        return self.outcome.latency_ms


def _measure(
    ways: Mapping[str, Plan], pid: int, config: SecurityBenchConfig, progress: Progress
) -> dict[str, list[_Turn]]:
    """Give each way a short turn, again and again, so that what else the machine does falls on all of them."""
    turns: dict[str, list[_Turn]] = {way: [] for way in ways}
    asked = 0
    for number in range(config.rounds + 1):
        # No way is always the one after another.
        for way in _rotated(list(ways), number):
            # First all are tried; a turn goes on where the one before ended, so that no list is given again.
            seconds = config.seconds if number else config.warm_up_seconds
            before = used_seconds(pid)
            plan = replace(ways[way], first=asked, seconds=seconds)
            outcome = drive_apart(plan, progress, f"{way}, round {number}")
            asked += outcome.requests
            if number:
                turns[way].append(_Turn(outcome, used_seconds(pid) - before))
    return turns


def _rotated(names: list[str], by: int) -> list[str]:
    place = by % len(names)
    return names[place:] + names[:place]


def _described(way: str, turns: Sequence[_Turn]) -> dict[str, Any]:
    """Return what became of a way's turns, as the record tells it."""
    errors: Counter[str] = Counter()
    for turn in turns:
        errors.update(turn.outcome.errors)
    requests = sum(turn.outcome.requests for turn in turns)
    return {
        "name": way,
        "requests": requests,
        "errors": dict(errors),
        "unanswered": sum(turn.outcome.unanswered for turn in turns),
        "latency_ms": summary(np.concatenate([turn.latency_ms for turn in turns])),
        "cpu_ms": round(1000 * sum(turn.cpu_seconds for turn in turns) / requests, 4),
    }


class _Provider:
    """An identity provider of this machine, with one key."""

    def __init__(self, url: str) -> None:
        from joserfc.jwk import RSAKey  # noqa: PLC0415 - only where it is measured

        self.url = url
        self._key = RSAKey.generate_key(2048)

    def document(self, path: str) -> dict[str, Any]:
        """Return what it says of itself, or its key."""
        if path.startswith("/.well-known"):
            return {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        return {"keys": [{**self._key.as_dict(private=False), "kid": _KID, "use": "sig"}]}

    def token(self, subject: str) -> str:
        """Return a token of an application."""
        from joserfc import jwt  # noqa: PLC0415

        now = int(time.time())
        claims = {"iss": self.url, "aud": _AUDIENCE, "sub": subject, "iat": now, "exp": now + _LASTS_SECONDS}
        return jwt.encode({"alg": "RS256", "kid": _KID}, {**claims, "roles": ["service"]}, self._key)


@contextmanager
def _provider() -> Iterator[_Provider]:
    """Run a provider on a free port."""
    made: list[_Provider] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(made[0].document(self.path)).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer((HOST, 0), Handler)
    made.append(_Provider(f"http://{HOST}:{server.server_port}"))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield made[0]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
