"""Traces on their way to a collector: by OTLP over HTTP, and to nobody's harm where it is away."""

import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from movie_mlops.core.tracing import traced
from movie_mlops.flows.worker import Worker
from movie_mlops.monitoring import TraceConfig
from movie_mlops.monitoring.tracing import OpenTelemetry
from tests.fixtures.stage_5.platform import Platform, running
from tests.fixtures.stage_6.collector import collecting, facts
from tests.fixtures.stage_9.shop import say, shop

TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
HEADER = {"traceparent": f"00-{TRACE}-{CALLER}-01"}
ROUTE = "GET /v1/movies/{movie_id}"


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    """A platform without a release."""
    platform = Platform(tmp_path)
    yield platform
    platform.database.close()


@pytest.fixture
def closed() -> Iterator[str]:
    """An address at which nobody listens, and which nobody else can have."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


def test_a_collector_receives_requests_and_what_goes_on_with_them(platform: Platform, tmp_path: Path) -> None:
    """A request with its parts, under its caller, and the worker's span with a link to the request that wrote."""
    (tmp_path / "lake").mkdir()
    with collecting() as collector:
        config = TraceConfig(collector.url)
        with OpenTelemetry(config, "movie-mlops-api") as tracer, running(platform.app(tracer=tracer)) as url:
            httpx.get(f"{url}/v1/movies/6", headers=HEADER).raise_for_status()
        with OpenTelemetry(config, "movie-mlops-worker") as tracer, shop(tmp_path / "lake") as stores:
            with traced(tracer, "a request", kind="server"):
                say(stores, 10, 2)
            Worker(stores, "one", tracer=tracer).turn()
        assert tracer.dropped == 0
    assert collector.paths == {"/v1/traces"}
    assert collector.services() == {"movie-mlops-api", "movie-mlops-worker"}
    found = collector.spans()
    request = found[ROUTE]
    assert (request.trace_id.hex(), request.parent_span_id.hex()) == (TRACE, CALLER)
    assert facts(request.attributes)["http.response.status_code"] == 200
    appended, brought = found["events append"], found["events into the lake"]
    assert [(link.trace_id, link.span_id) for link in brought.links] == [(appended.trace_id, appended.span_id)]
    assert appended.parent_span_id == found["a request"].span_id
    assert brought.trace_id != appended.trace_id


@pytest.mark.parametrize("how", ["away", "silent", "refusing"])
def test_a_collector_that_does_not_take_traces_costs_spans_and_nothing_else(
    platform: Platform, closed: str, how: str
) -> None:
    """Away, silent or refusing: everything is answered, the process ends, and each span that is lost is counted."""
    with socket.create_server(("127.0.0.1", 0)) as silent, collecting() as collector:
        collector.status = 400
        address = {
            "away": closed,
            "silent": f"http://127.0.0.1:{silent.getsockname()[1]}",
            "refusing": collector.url,
        }[how]
        config = TraceConfig(address, every_seconds=0.01, patience_seconds=0.2)
        with OpenTelemetry(config, "movie-mlops-api") as tracer, running(platform.app(tracer=tracer)) as url:
            for _ in range(10):
                httpx.get(f"{url}/v1/movies/6").raise_for_status()
        assert tracer.dropped == 10
