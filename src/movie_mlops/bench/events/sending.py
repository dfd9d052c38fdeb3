"""Events sent over HTTP as fast as they are acknowledged, written before the clock starts."""

import os
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import orjson

from movie_mlops.bench.percentiles import summary

_CREATED: Final = b"HTTP/1.1 201"
_KINDS: Final = ("rating", "like", "view", "watch")
_LENGTH: Final = b"content-length:"


def made_up(count: int, users: int, films: int, seed: int) -> Iterator[dict[str, Any]]:
    """Yield events of chance: ids that nobody has, in the order in which they are made, as those of our clients are."""
    chance, salt = random.Random(seed), os.urandom(8).hex()  # noqa: S311 - no secret
    for number in range(count):
        kind = chance.choice(_KINDS)
        event = {"user_id": f"{chance.randrange(users)}", "movie_id": 1 + chance.randrange(films), "kind": kind}
        if kind == "rating":
            event["value"] = chance.randrange(1, 11) / 2
        yield {**event, "event_id": f"{salt}{number:016x}", "event_time": "2026-01-31T12:00:00Z"}


def requests_of(events: list[dict[str, Any]], batch: int) -> list[bytes]:
    """Return events as whole requests, so many in each; single ones without a list."""
    bodies = (
        orjson.dumps(events[start] if batch == 1 else {"events": events[start : start + batch]})
        for start in range(0, len(events), batch)
    )
    head = b"POST /v1/events HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    return [head % len(body) + body for body in bodies]


def send(port: int, requests: list[bytes], *, connections: int, batch: int, seconds: float) -> dict[str, Any]:
    """Send requests over some connections, each the next as soon as the last is answered, for so long or until the end.

    Returns:
        Events acknowledged a second, the time to each answer, and what was answered otherwise.
    """
    lanes = [requests[lane::connections] for lane in range(connections)]
    taken: list[float] = []
    errors: Counter[str] = Counter()
    until = time.perf_counter() + seconds

    def lane(own: list[bytes]) -> None:
        with socket.create_connection(("127.0.0.1", port)) as line:
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for request in own:
                began = time.perf_counter()
                if began > until:
                    return
                line.sendall(request)
                answer = _answer(line)
                if answer.startswith(_CREATED):
                    taken.append(time.perf_counter() - began)
                else:
                    errors[answer[:12].decode("latin-1")] += 1

    began = time.perf_counter()
    threads = [threading.Thread(target=lane, args=(own,)) for own in lanes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spent = time.perf_counter() - began
    return {
        "connections": connections,
        "batch": batch,
        "seconds": round(spent, 3),
        "events": len(taken) * batch,
        "events_per_second": round(len(taken) * batch / spent, 1),
        "acknowledged_ms": summary(np.array(taken) * 1000),
        "errors": dict(errors),
        "ran_out": len(taken) + sum(errors.values()) == len(requests),
    }


def _answer(line: socket.socket) -> bytes:
    """Read one whole answer; return its beginning."""
    got = bytearray()
    while (end := got.find(b"\r\n\r\n")) < 0:
        got += _more(line)
    head = bytes(got[:end]).lower()
    length = int(head.partition(_LENGTH)[2].partition(b"\r\n")[0])
    left = end + 4 + length - len(got)
    while left > 0:
        left -= len(_more(line))
    return bytes(got[:end])


def _more(line: socket.socket) -> bytes:
    got = line.recv(1 << 18)
    if not got:
        raise ConnectionError("the server closed the connection")
    return got
