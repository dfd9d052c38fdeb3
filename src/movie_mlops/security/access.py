"""Who comes in: from what a request shows to somebody, and from somebody and a route to yes or no. It never waits."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from movie_mlops.security.accounts import Accounts
from movie_mlops.security.api_keys import PREFIX
from movie_mlops.security.asked_users import AskedUsers
from movie_mlops.security.config import SecurityConfig
from movie_mlops.security.errors import AdminShutError, ForbiddenError, UnauthorisedError
from movie_mlops.security.former_token import FormerToken
from movie_mlops.security.key_ring import KeyRing
from movie_mlops.security.limits import Limiter
from movie_mlops.security.policy import Check, Entry, Rule
from movie_mlops.security.principals import NOBODY, How, Principal, Role
from movie_mlops.security.sign_in import Tries
from movie_mlops.security.tokens import Tokens

ADMINISTRATOR: Final = Principal("admin-token", How.ADMIN_TOKEN, frozenset({Role.ADMIN}))
_BEARER: Final = b"bearer"


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided of a request, for who keeps a record of it.

    Attributes:
        route: Method and template; ``None`` where there is no such route.
        principal: Who asked.
        status: The HTTP status of the answer: 401, 403 and 429 are refusals.
        user_id: Whose data the path names, where it names somebody.
    """

    route: str | None
    principal: Principal
    status: int
    user_id: str | None = None


Listener = Callable[[Decision], None]
"""Hears of decisions, in the event loop: it must not wait."""


class Access:
    """Decides.

    Args:
        config: What may be chosen.
        admin_token: Whoever shows it is the administrator; ``None`` for nobody.
        former_token: The one before it, while it goes on.
        limiter: Counts requests.
        asked: Counts for how many users; without it this server does, as the settings say.
        keys: The API keys, where there are any.
        accounts: The accounts of the console, where there are any.
        tokens: The tokens of an identity provider, where there is one.
        on_decision: Hears of every refusal, and of whatever somebody who has shown who they are may do.
    """

    def __init__(
        self,
        config: SecurityConfig,
        *,
        admin_token: str | None,
        former_token: FormerToken | None = None,
        limiter: Limiter,
        asked: AskedUsers | None = None,
        keys: KeyRing | None = None,
        accounts: Accounts | None = None,
        tokens: Tokens | None = None,
        on_decision: Listener | None = None,
    ) -> None:
        self.config = config
        self.limiter = limiter
        self.asked = asked or AskedUsers(config.limits)
        self.keys = keys
        self.accounts = accounts
        self.tokens = tokens
        self.tries = Tries(config.sign_in)
        self._admin_token = admin_token or None
        # Without the new one the old one would be all that there is, and nobody would notice that it dies.
        self._former_token = former_token if self._admin_token else None
        self._closed = config.closed
        self._on_decision = on_decision

    @property
    def admin_token(self) -> str | None:
        """The administrator's token, which also signs their sessions of the console."""
        return self._admin_token

    @property
    def is_shut(self) -> bool:
        """Whether nobody at all can show who they are."""
        return self._admin_token is None and self.tokens is None and (self.keys is None or self.keys.is_empty)

    @property
    def is_console_shut(self) -> bool:
        """Whether nobody at all can sign in at the console."""
        return self.is_shut and (self.accounts is None or self.accounts.is_empty)

    def identify(self, authorization: bytes | None) -> Principal:
        """Return whoever a header ``Authorization`` is of; nobody where there is none.

        Raises:
            AccessError: What it shows does not hold.
            KeyNeededError: The provider's keys have to be asked for first.
        """
        if authorization is None:
            return NOBODY
        scheme, _, shown = authorization.partition(b" ")
        text = shown.strip().decode("latin-1")
        if scheme.lower() != _BEARER or not text or self.is_shut:
            # Somebody between us and the client may have put it there, for itself; and where nobody is known here,
            # there is nothing to hold it against. It shows nothing.
            return NOBODY
        return self.holder(text)

    def holder(self, text: str) -> Principal:
        """Return whoever holds a key, a token or the administrator's token.

        Raises:
            AccessError: It does not hold.
            KeyNeededError: The provider's keys have to be asked for first.
        """
        if text.startswith(PREFIX) and self.keys is not None:
            return self.keys.find(text)
        if self._admin_token is not None and same(text, self._admin_token):
            return ADMINISTRATOR
        if self._former_token is not None and self._former_token.is_this(text):
            return ADMINISTRATOR
        if self.tokens is not None and text.count(".") == 2:  # noqa: PLR2004 - header, claims, signature
            return self.tokens.find(text)
        raise UnauthorisedError(
            "The admin token, key or token is wrong.", next_step="Send the header 'Authorization: Bearer <key>'."
        )

    def account(self, name: str, password: str) -> Principal | None:
        """Return who has this name and password, of the accounts of the console; it takes its time."""
        return None if self.accounts is None else self.accounts.sign_in(name, password)

    def decide(self, rule: Rule | None, principal: Principal, user_id: str | None) -> None:
        """Let somebody through, or not.

        Args:
            rule: Of the route; ``None`` where there is no such route, which only those may learn who may be here.
            principal: Who asks.
            user_id: Whose data the path names.

        Raises:
            AccessError: They may not.
        """
        if rule is None:
            if self._closed and principal is NOBODY:
                raise missing()
            return
        if rule.entry is Entry.PUBLIC:
            return
        if principal is NOBODY:
            if rule.entry is Entry.OPEN and not self._closed:
                return
            if self.is_shut:
                raise AdminShutError(
                    "This route is shut: nobody can show who they are.",
                    next_step="Set an admin token and start the server again, or make a key: security keys create",
                )
            raise missing()
        if not principal.roles & rule.roles:
            raise ForbiddenError(
                f"As {_told(principal)} you may not use {rule.name}.",
                next_step="docs/07-security/access-reference.md says who may use which route.",
            )
        if rule.writes and not principal.writes:
            raise ForbiddenError("This key only reads.", next_step="Use a key with the scope write.")
        if rule.check is Check.PATH and not principal.is_own(user_id):
            raise not_own()

    @property
    def is_recorded(self) -> bool:
        """Whether somebody hears of decisions."""
        return self._on_decision is not None

    def tell(self, decision: Decision) -> None:
        """Tell whoever keeps a record: of what was refused, and of whatever somebody who is known did."""
        refused = decision.status in {401, 403, 429}
        if self._on_decision is not None and (refused or decision.principal is not NOBODY):
            self._on_decision(decision)


def same(given: str, expected: str) -> bool:
    """Return whether two secrets are one, in a time that tells nothing of where they differ."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), expected.encode("utf-8", "surrogatepass"))


def missing() -> UnauthorisedError:
    """Return what whoever has shown nothing is told."""
    return UnauthorisedError(
        "Who asks was not shown, and this address wants to know.",
        next_step="Send the header 'Authorization: Bearer <key>' with an API key, a token or the admin token.",
    )


def not_own() -> ForbiddenError:
    """Return what a viewer is told who asks for somebody else: the same whether there is such a user or not."""
    return ForbiddenError(
        "You may see and change your own data alone.", next_step="Ask with the user id that your key or token is for."
    )


def _told(principal: Principal) -> str:
    return " and ".join(sorted(role.value for role in principal.roles))
