"""Who asks, and as what."""

from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """What somebody is here; what each may do is in :mod:`movie_mlops.security.policy`."""

    VIEWER = "viewer"
    """A person: what is their own, and no more."""
    SERVICE = "service"
    """An application that asks for its users: lists and events of anybody."""
    ANALYST = "analyst"
    """Reads metrics, reports and the console; nothing of single users."""
    OPERATOR = "operator"
    """The same, and decides what is released and rolled out."""
    ADMIN = "admin"
    """Everything."""


class How(StrEnum):
    """How somebody showed who they are."""

    NOBODY = "nobody"
    """Not at all."""
    ADMIN_TOKEN = "admin-token"  # noqa: S105 - a word, not a secret
    """By the token of the settings."""
    KEY = "key"
    """By an API key."""
    TOKEN = "token"  # noqa: S105 - a word, not a secret
    """By a token of the identity provider."""
    ACCOUNT = "account"
    """By the name and password of an account, at the console's door alone."""


ALL_USERS: Final = frozenset({Role.SERVICE, Role.ADMIN})
"""Roles that may ask for any user; a viewer may for one."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who asks.

    Attributes:
        name: For records: ``key:<id>``, ``oidc:<subject>``, ``account:<name>``, ``admin-token`` or ``nobody``.
            No secret is in it.
        how: How they showed who they are.
        roles: What they are; none for nobody.
        user_id: As a viewer, whose data they may see.
        writes: Whether they may change something; a key can be made to read alone.
        per_second: How many requests a second they may send, where that is their own figure and not their role's.
        per_day: The same for a day.
    """

    name: str
    how: How
    roles: frozenset[Role] = frozenset()
    user_id: str | None = None
    writes: bool = True
    per_second: float | None = None
    per_day: float | None = None

    @property
    def bound(self) -> bool:
        """Whether they may see the data of one user alone."""
        return bool(self.roles) and not self.roles & ALL_USERS

    def is_own(self, user_id: str | None) -> bool:
        """Return whether they may see and change the data of a user; what has no user is nobody's own."""
        return not self.bound or (user_id is not None and user_id == self.user_id)


NOBODY: Final = Principal("nobody", How.NOBODY)
"""Whoever shows nothing. Where access is open, they may do what the policy leaves open, for any user."""

PRINCIPAL: ContextVar[Principal] = ContextVar("principal", default=NOBODY)
"""Who asks, in whichever thread the request is answered."""
