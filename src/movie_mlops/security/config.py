"""Who comes in, and how much they may ask: what ``config/security.yaml`` says."""

from typing import Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from movie_mlops.security.principals import Role

Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519"]
"""Signatures with a key pair: what is known here to check a token is not enough to make one."""

_WORDS: Final[dict[str, Role]] = {role.value: role for role in Role if role is not Role.ADMIN}
"""What words of a token mean where nobody says otherwise: the roles themselves, but for the one that may everything."""

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LimitConfig(_Settings):
    """How much somebody may ask.

    Attributes:
        per_second: Requests a second in the long run; ``None`` for any number.
        burst: So many at once after a pause; as many as in two seconds where it is not said.
        per_day: Requests within 24 hours, of which what was used comes back evenly; ``None`` for any number.
        users_per_hour: Different users to ask for within an hour of the clock; ``None`` for any number.
    """

    per_second: float | None = Field(default=None, gt=0)
    burst: float | None = Field(default=None, ge=1)
    per_day: float | None = Field(default=None, ge=1)
    users_per_hour: int | None = Field(default=None, ge=1, le=1_000_000)


class CorsConfig(_Settings):
    """Whose pages may ask from a browser.

    Attributes:
        origins: Such as ``https://films.example.com``; ``*`` for any. Cookies never come with such a request.
        max_age_seconds: How long a browser may remember the answer.
    """

    origins: tuple[str, ...] = ()
    max_age_seconds: int = Field(default=600, ge=0)

    @field_validator("origins")
    @classmethod
    def _are_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            parts = urlsplit(origin)
            if origin != "*" and (
                f"{parts.scheme}://{parts.netloc}" != origin or parts.scheme not in {"http", "https"}
            ):
                message = f"{origin!r} is no origin: write scheme, host and port, such as https://films.example.com"
                raise ValueError(message)
        return origins


class SignInConfig(_Settings):
    """How often somebody may be wrong at the console's door.

    Attributes:
        tries: Wrong tokens at once from one address.
        seconds: After so long without one all tries are there again.
        addresses: Of so many addresses it is remembered.
    """

    tries: int = Field(default=5, ge=1)
    seconds: float = Field(default=300.0, gt=0)
    addresses: int = Field(default=10_000, ge=1)


class OidcConfig(_Settings):
    """The identity provider whose tokens are taken (OpenID Connect, OAuth 2.0).

    Attributes:
        issuer: What ``iss`` must be, to the letter.
        audience: What ``aud`` must hold.
        jwks_url: Where its keys are; read from its ``/.well-known/openid-configuration`` where it is not said.
        algorithms: Which signatures are taken.
        leeway_seconds: How far its clock may be from this one's.
        roles_claim: Where a token names roles; points lead into a claim, such as ``realm_access.roles``.
        roles: What its words mean here. A word that is not here means nothing.
        default_role: What somebody is of whom no word means anything; ``None`` refuses them.
        user_claim: Which claim is the user id of a viewer.
        fresh_seconds: Keys are asked for again when they are as old as this.
        stale_seconds: Keys that could not be asked for again are used until they are as old as this.
        pause_seconds: How long it is left alone at least between two questions, whatever tokens come.
    """

    issuer: str
    audience: str = Field(min_length=1)
    jwks_url: str | None = None
    algorithms: tuple[Algorithm, ...] = ("RS256", "ES256")
    leeway_seconds: float = Field(default=30.0, ge=0, le=300)
    roles_claim: str = "roles"
    roles: dict[str, Role] = Field(default_factory=lambda: dict(_WORDS))
    default_role: Role | None = None
    user_claim: str = "sub"
    fresh_seconds: float = Field(default=300.0, gt=0)
    stale_seconds: float = Field(default=3600.0, gt=0)
    pause_seconds: float = Field(default=10.0, ge=1)

    @field_validator("issuer", "jwks_url")
    @classmethod
    def _is_encrypted(cls, url: str | None) -> str | None:
        if url is None:
            return None
        parts = urlsplit(url)
        if not parts.hostname or not (
            parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
        ):
            message = f"{url!r} is not https: keys that come another way are whoever's"
            raise ValueError(message)
        return url

    @field_validator("algorithms")
    @classmethod
    def _are_some(cls, algorithms: tuple[Algorithm, ...]) -> tuple[Algorithm, ...]:
        if not algorithms:
            message = "name at least one"
            raise ValueError(message)
        return algorithms


_DEFAULT_LIMITS: Final = {
    Role.VIEWER: LimitConfig(per_second=10, burst=40),
    Role.SERVICE: LimitConfig(per_second=500, burst=1000),
    Role.ANALYST: LimitConfig(per_second=10, burst=40),
    Role.OPERATOR: LimitConfig(per_second=10, burst=40),
    Role.ADMIN: LimitConfig(),
}


class RetentionConfig(_Settings):
    """For how many days what is kept of people is kept; ``None``: as long as the platform.

    Attributes:
        interactions: What they did with films, by when they did it.
        quarantine: Rows about them that were refused.
        answers: Which lists they were given, with what those were made from.
    """

    interactions: float | None = Field(default=None, gt=0)
    quarantine: float | None = Field(default=None, gt=0)
    answers: float | None = Field(default=None, gt=0)


class SecurityConfig(_Settings):
    """Everything that may be chosen about access.

    Attributes:
        access: ``open``: what the policy leaves open wants nobody to show who they are; ``closed``: everything does.
        tls: Whether browsers reach this server by https alone, and are told to.
        cors: Whose pages may ask from a browser.
        limits: How much each role may ask; a key may have figures of its own.
        sign_in: How often somebody may be wrong at the console's door.
        oidc: The identity provider; ``None`` for none.
        retention: For how many days what is kept of people is kept.
        key_stale_seconds: How long keys are believed while the state database does not answer.
    """

    access: Literal["open", "closed"] = "open"
    tls: bool = False
    cors: CorsConfig = CorsConfig()
    limits: dict[Role, LimitConfig] = Field(default_factory=dict)
    sign_in: SignInConfig = SignInConfig()
    oidc: OidcConfig | None = None
    retention: RetentionConfig = RetentionConfig()
    key_stale_seconds: float = Field(default=60.0, ge=1)

    @model_validator(mode="after")
    def _are_all_limited(self) -> Self:
        """Have a limit for each role: what is not said of one is the default, not freedom."""
        object.__setattr__(self, "limits", {**_DEFAULT_LIMITS, **self.limits})
        return self

    @property
    def closed(self) -> bool:
        """Whether everything wants somebody to show who they are."""
        return self.access == "closed"

    def as_closed(self) -> "SecurityConfig":
        """Return the same with access closed."""
        return self.model_copy(update={"access": "closed"})
