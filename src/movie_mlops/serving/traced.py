"""The span of a request: named by its route, and nothing in it that the caller chose."""

from typing import Final

from movie_mlops.core.tracing import Carried, Span, TraceParent, Tracer
from movie_mlops.serving.shedding import ALWAYS

_SERVER_ERROR: Final = 500


def begin(tracer: Tracer | None, method: str, path: str, header: bytes | None) -> Span | None:
    """Return the span of a request; ``None`` where nobody wants one.

    Args:
        tracer: Where it is written down, if anywhere. Of those who watch the server nothing is.
        method: The request's.
        path: The request's.
        header: Its ``traceparent``. What is not written as it must be is as good as none.
    """
    parent = None if header is None else TraceParent.read(header.decode("latin-1"))
    if tracer is None or path in ALWAYS:
        return None if parent is None else Carried(parent)
    return tracer.start(method, kind="server", parent=parent)


def end(span: Span, method: str, route: str | None, status: int) -> None:
    """End the span of a request.

    Args:
        span: It.
        method: The request's, or ``OTHER``.
        route: Its route's template; ``None`` where it has none.
        status: The answer's; 0 where there was none.
    """
    span.tell({"http.request.method": method, "http.response.status_code": status})
    if route is not None:
        span.tell({"http.route": route})
    failed = str(status) if status >= _SERVER_ERROR else None
    span.end(name=method if route is None else f"{method} {route}", failed=failed if status else "cut off")
