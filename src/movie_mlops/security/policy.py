"""The policy: one table that says of every route who may use it. A route that is not in it is answered to nobody."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from movie_mlops.security.principals import Role


class Entry(StrEnum):
    """Whether a route wants somebody."""

    PUBLIC = "public"
    """Nobody has to show anything, whatever the settings."""
    OPEN = "open"
    """Only where access is closed."""
    CLOSED = "closed"
    """Always."""
    SESSION = "session"
    """Always, by the session of the console, which itself asks whoever has none to sign in."""


class Check(StrEnum):
    """What of a request must be the viewer's own."""

    NONE = "-"
    PATH = "user in the path"
    BODY = "users in the body"
    ANSWER = "user of the answer"


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may use a route.

    Attributes:
        method: The HTTP method.
        route: The template, such as ``/v1/movies/{movie_id}``.
        entry: Whether it wants somebody.
        roles: Who may, of those who have shown who they are.
        check: What must be a viewer's own.
        writes: Whether it changes something, which a key that only reads may not.
    """

    method: str
    route: str
    entry: Entry
    roles: frozenset[Role]
    check: Check = Check.NONE
    writes: bool = False

    @property
    def path(self) -> str:
        """The template, as routers call it."""
        return self.route

    @property
    def name(self) -> str:
        """Method and template, as people write them."""
        return f"{self.method} {self.route}"


EVERYBODY: Final = frozenset(Role)
_LISTS: Final = frozenset({Role.VIEWER, Role.SERVICE, Role.ADMIN})
_OWN: Final = frozenset({Role.VIEWER, Role.ADMIN})
_WATCH: Final = frozenset({Role.ANALYST, Role.OPERATOR, Role.ADMIN})
_DECIDE: Final = frozenset({Role.OPERATOR, Role.ADMIN})
_ANSWER: Final = "/v1/recommendations/{recommendation_id}"

POLICY: Final[tuple[Rule, ...]] = (
    # Whether it lives, the page's files, and the way in.
    Rule("GET", "/healthz", Entry.PUBLIC, EVERYBODY),
    Rule("GET", "/readyz", Entry.PUBLIC, EVERYBODY),
    Rule("GET", "/static/{name}", Entry.PUBLIC, EVERYBODY),
    Rule("POST", "/console/sign-in", Entry.PUBLIC, EVERYBODY),
    Rule("POST", "/console/sign-out", Entry.PUBLIC, EVERYBODY),
    # Films and documents: the same for everybody.
    Rule("GET", "/", Entry.OPEN, EVERYBODY),
    Rule("GET", "/films/{movie_id}", Entry.OPEN, EVERYBODY),
    Rule("GET", "/passport", Entry.OPEN, EVERYBODY),
    Rule("GET", "/docs", Entry.OPEN, EVERYBODY),
    Rule("GET", "/openapi.json", Entry.OPEN, EVERYBODY),
    Rule("HEAD", "/openapi.json", Entry.OPEN, EVERYBODY),
    Rule("GET", "/v1/movies", Entry.OPEN, EVERYBODY),
    Rule("GET", "/v1/movies/{movie_id}", Entry.OPEN, EVERYBODY),
    Rule("GET", "/v1/movies/{movie_id}/similar", Entry.OPEN, EVERYBODY),
    Rule("GET", "/v1/genres", Entry.OPEN, EVERYBODY),
    # Lists, events and what is behind an answer.
    Rule("GET", "/v1/users/{user_id}/recommendations", Entry.OPEN, _LISTS, Check.PATH),
    Rule("GET", "/v1/users/{user_id}/rows", Entry.OPEN, _LISTS, Check.PATH),
    Rule("GET", "/v1/users/{user_id}/history", Entry.OPEN, _LISTS, Check.PATH),
    Rule("GET", "/v1/users/{user_id}/answered", Entry.OPEN, _LISTS, Check.PATH),
    Rule("POST", "/v1/recommendations", Entry.OPEN, _LISTS),
    Rule("POST", "/v1/recommendations/group", Entry.OPEN, _LISTS, Check.BODY),
    Rule("POST", "/v1/recommendations/rerank", Entry.OPEN, _LISTS, Check.BODY),
    Rule("POST", "/v1/events", Entry.OPEN, _LISTS, Check.BODY, writes=True),
    Rule("GET", f"{_ANSWER}/passport", Entry.OPEN, _LISTS, Check.ANSWER),
    Rule("GET", f"{_ANSWER}/why", Entry.OPEN, _LISTS, Check.ANSWER),
    Rule("GET", f"{_ANSWER}/lineage", Entry.OPEN, _LISTS, Check.ANSWER),
    Rule("GET", f"{_ANSWER}/lineage.svg", Entry.OPEN, _LISTS, Check.ANSWER),
    # What people may ask of their own data.
    Rule("GET", "/v1/users/{user_id}/export", Entry.CLOSED, _OWN, Check.PATH),
    Rule("DELETE", "/v1/users/{user_id}", Entry.CLOSED, _OWN, Check.PATH, writes=True),
    Rule("GET", "/v1/users/{user_id}/consents", Entry.CLOSED, _OWN, Check.PATH),
    Rule("PUT", "/v1/users/{user_id}/consents", Entry.CLOSED, _OWN, Check.PATH, writes=True),
    # What is measured.
    Rule("GET", "/metrics", Entry.OPEN, _WATCH),
    # What is released and rolled out.
    Rule("GET", "/v1/admin/releases", Entry.CLOSED, _WATCH),
    Rule("GET", "/v1/admin/rollouts", Entry.CLOSED, _WATCH),
    Rule("POST", "/v1/admin/promote", Entry.CLOSED, _DECIDE, writes=True),
    Rule("POST", "/v1/admin/rollback", Entry.CLOSED, _DECIDE, writes=True),
    Rule("POST", "/v1/admin/reload", Entry.CLOSED, _DECIDE, writes=True),
    Rule("POST", "/v1/admin/canary", Entry.CLOSED, _DECIDE, writes=True),
    Rule("POST", "/v1/admin/rollouts/{name}/{action}", Entry.CLOSED, _DECIDE, writes=True),
    # The console.
    Rule("GET", "/console", Entry.SESSION, _WATCH),
    Rule("GET", "/console/{name}", Entry.SESSION, _WATCH),
    Rule("GET", "/console/lineage.svg", Entry.SESSION, _WATCH),
    Rule("GET", "/console/reports/{name}", Entry.SESSION, _WATCH),
    Rule("POST", "/console/actions/{action}", Entry.SESSION, _DECIDE, writes=True),
)

RULES: Final = {(rule.method, rule.route): rule for rule in POLICY}
"""The same, by method and template."""


def matrix() -> list[dict[str, str]]:
    """Return the policy as rows for people: what nobody may do, and each role, by route."""
    return [
        {
            "route": rule.name,
            "open": _for_nobody(rule, closed=False),
            "closed": _for_nobody(rule, closed=True),
            **{role.value: _for_role(rule, role) for role in Role},
        }
        for rule in POLICY
    ]


def _for_nobody(rule: Rule, *, closed: bool) -> str:
    free = rule.entry is Entry.PUBLIC or (rule.entry is Entry.OPEN and not closed)
    return "yes" if free else "sign in" if rule.entry is Entry.SESSION else "401"


def _for_role(rule: Rule, role: Role) -> str:
    if rule.entry is Entry.PUBLIC:
        return "yes"
    if role not in rule.roles:
        return "403"
    return "own" if role is Role.VIEWER and rule.check is not Check.NONE else "yes"
