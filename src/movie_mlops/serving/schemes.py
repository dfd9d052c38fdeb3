"""The API's description says how callers show who they are, and which operations want that."""

from collections.abc import Callable
from typing import Any, Final

from fastapi import FastAPI

from movie_mlops.security import RULES, Entry

_SCHEMES: Final = {
    "Bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key (`movie-mlops security keys create`), an access token (JWT) of the identity"
        " provider that `config/security.yaml` names, or the admin token of the settings.",
    },
}
_REFUSALS: Final = {
    "401": "Nobody has shown who they are, or with something that does not hold.",
    "403": "Whoever asks may not do this.",
    "429": "Whoever asks has asked as much as they may for now.",
}
_PROBLEM: Final = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemOut"}}}


def install(app: FastAPI) -> None:
    """Have the description tell the scheme; an operation that is open where access is open says that it wants none."""
    describe: Callable[[], dict[str, Any]] = app.openapi

    def told() -> dict[str, Any]:
        return app.openapi_schema or _with_schemes(describe())

    app.openapi = told  # type: ignore[method-assign]


def _with_schemes(document: dict[str, Any]) -> dict[str, Any]:
    document["components"]["securitySchemes"] = _SCHEMES
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            rule = RULES[method.upper(), path]
            if rule.entry is Entry.PUBLIC:
                continue
            shown: list[dict[str, list[str]]] = [{"Bearer": []}]
            operation["security"] = shown if rule.entry is Entry.CLOSED else [*shown, {}]
            for status, what in _REFUSALS.items():
                operation["responses"].setdefault(status, {"description": what, "content": _PROBLEM})
    return document
