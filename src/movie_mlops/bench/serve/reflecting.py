"""How soon an event is in the next answer: an event is sent, acknowledged, and the film is looked for in the list."""

import json
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from http import HTTPStatus
from http.client import HTTPConnection
from multiprocessing import get_context
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from movie_mlops.bench.percentiles import summary
from movie_mlops.bench.serve.measuring import HOST, Floor


class Reflected(NamedTuple):
    """Milliseconds of each round, to the acknowledgement and from it to the answer, and what went wrong."""

    acknowledged_ms: NDArray[np.float64]
    answered_ms: NDArray[np.float64]
    errors: dict[str, int]


def reflect_apart(floor: Floor) -> dict[str, Any]:
    """Return the scenario, driven by a process that does nothing else.

    Its latency is that of the whole: from the first byte of the event to the last of the answer that reflects it.
    """
    config = floor.config
    words = (floor.served.port, floor.stage.user_ids, config.seconds, config.patience_seconds)
    context = get_context("forkserver")
    with (
        ProcessPoolExecutor(1, mp_context=context) as pool,
        floor.progress.task("Events and the answers after them", total=None, unit="s"),
    ):
        began = time.perf_counter()
        found = pool.submit(reflect, *words).result()
        seconds = time.perf_counter() - began
    latency = found.acknowledged_ms + found.answered_ms
    return {
        "name": "event-reflected",
        "asked": "POST /v1/events, GET /v1/users/{user_id}/recommendations",
        "loop": "closed",
        "rate": None,
        "connections": 1,
        "seconds": round(seconds, 3),
        "requests": len(latency),
        "answered_per_second": round(len(latency) / seconds, 1),
        "errors": found.errors,
        "unanswered": 0,
        "latency_ms": summary(latency),
        "acknowledged_ms": summary(found.acknowledged_ms),
        "answered_ms": summary(found.answered_ms),
    }


def reflect(port: int, user_ids: tuple[str, ...], seconds: float, patience_seconds: float) -> Reflected:
    """Have users, in turn, like the best film of their last list, and look whether the next is without it.

    Args:
        port: Of the server.
        user_ids: Who.
        seconds: For how long.
        patience_seconds: How long an answer is waited for.
    """
    line = HTTPConnection(HOST, port, timeout=patience_seconds)
    acknowledged, answered, errors = list[float](), list[float](), Counter[str]()
    end, rounds = time.perf_counter() + seconds, 0
    while time.perf_counter() < end:
        user = user_ids[rounds % len(user_ids)]
        rounds += 1
        # Unmeasured: the list that the user looks at.
        _, shown = _ask(line, "GET", f"/v1/users/{user}/recommendations?k=10")
        film = shown["items"][0]["movie_id"]
        event = json.dumps({"user_id": user, "movie_id": film, "kind": "like"})
        began = time.perf_counter()
        status, _ = _ask(line, "POST", "/v1/events", event)
        kept = time.perf_counter()
        _, after = _ask(line, "GET", f"/v1/users/{user}/recommendations?k=10")
        done = time.perf_counter()
        acknowledged.append(kept - began)
        answered.append(done - kept)
        if status != HTTPStatus.CREATED:
            errors[f"an event that was answered with {status}"] += 1
        elif film in {item["movie_id"] for item in after["items"]}:
            errors["a list with the film that was liked just before"] += 1
    line.close()
    return Reflected(np.array(acknowledged) * 1000, np.array(answered) * 1000, dict(errors))


def _ask(line: HTTPConnection, method: str, path: str, body: str | None = None) -> tuple[int, dict[str, Any]]:
    line.request(method, path, body, {"content-type": "application/json"} if body else {})
    answer = line.getresponse()
    document: dict[str, Any] = json.loads(answer.read())
    return answer.status, document
