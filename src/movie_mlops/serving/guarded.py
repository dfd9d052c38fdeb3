"""The app's routes beside the policy: which rule a request comes under, found as the router itself finds its route."""

import re
from collections.abc import Iterator
from typing import Final

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.routing import compile_path

from movie_mlops.security import RULES, Rule, SecurityError

_BEFORE: Final = "/v1/users/"
_AFTER: Final = "/recommendations"
_MOST: Final = RULES["GET", "/v1/users/{user_id}/recommendations"]
"""The request that comes most is found without a look at the others; its route is the first that there is."""


class Guarded:
    """The rule of each route of an app; filled when the app is whole."""

    def __init__(self) -> None:
        self._rules: dict[str, list[tuple[re.Pattern[str], Rule]]] = {}

    def fill(self, app: FastAPI) -> None:
        """Find the rule of every route.

        Raises:
            SecurityError: A route is in no rule: who may use it was not decided, so there is no app.
        """
        for method, path in app_routes(app):
            rule = RULES.get((method, template(path)))
            if rule is None:
                raise SecurityError(
                    f"Nobody has decided who may use {method} {template(path)}.",
                    next_step="Add a rule to security/policy.py.",
                )
            self._rules.setdefault(method, []).append((compile_path(path)[0], rule))

    def find(self, method: str, path: str) -> tuple[Rule | None, str | None]:
        """Return the rule that a request comes under, and the user whom its path names."""
        if method == "GET" and path.startswith(_BEFORE) and path.endswith(_AFTER):
            user_id = path[len(_BEFORE) : -len(_AFTER)]
            if user_id:
                return _MOST, user_id
        for pattern, rule in self._rules.get(method, ()):
            found = pattern.match(path)
            if found is not None:
                return rule, found.groupdict().get("user_id")
        return None, None


def app_routes(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Yield method and path of every route, in the order in which the router asks them."""
    for route in iter_route_contexts(app.routes):
        assert route.path is not None, "a route that is mounted has no rule"
        for method in sorted(route.methods or ()):
            yield method, route.path


def template(path: str) -> str:
    """Return a path without what its parts must look like, such as ``/static/{name}``."""
    return re.sub(r":\w+\}", "}", path)
