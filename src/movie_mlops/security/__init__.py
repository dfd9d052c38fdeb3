"""Security: who may do what, and what is on record of it."""

from movie_mlops.security.access import ADMINISTRATOR, Access, Decision, Listener, not_own
from movie_mlops.security.accounts import Account, Accounts, AccountStore
from movie_mlops.security.asked_users import AskedUsers
from movie_mlops.security.audit import AuditLog, Outcome, Pseudonyms, Refusals
from movie_mlops.security.config import CorsConfig, LimitConfig, OidcConfig, SecurityConfig, SignInConfig
from movie_mlops.security.errors import (
    AccessError,
    AccountError,
    AdminShutError,
    ApiKeyError,
    CredentialsUnreadableError,
    ForbiddenError,
    SecurityError,
    TooManyRequestsError,
    TooManyUsersError,
    UnauthorisedError,
    UnfitForProductionError,
)
from movie_mlops.security.former_token import FormerToken
from movie_mlops.security.jwks import ProviderKeys
from movie_mlops.security.key_ring import KeyRing
from movie_mlops.security.key_secret import KeySecret, read_key_secret
from movie_mlops.security.key_store import SCOPES, ApiKey, KeyStore, NewKey
from movie_mlops.security.limits import Buckets, LeaseNeededError, Limiter, MemoryLimiter, Taken
from movie_mlops.security.passwords import Argon2Cost
from movie_mlops.security.policy import EVERYBODY, POLICY, RULES, Check, Entry, Rule, matrix
from movie_mlops.security.principals import NOBODY, PRINCIPAL, How, Principal, Role
from movie_mlops.security.production import Exposure, require_fit, weakness
from movie_mlops.security.redis_limits import RedisLimiter
from movie_mlops.security.redis_users import RedisUsers
from movie_mlops.security.reference import REFERENCE, reference_text
from movie_mlops.security.tokens import KeyNeededError, Tokens

__all__ = [
    "ADMINISTRATOR",
    "EVERYBODY",
    "NOBODY",
    "POLICY",
    "PRINCIPAL",
    "REFERENCE",
    "RULES",
    "SCOPES",
    "Access",
    "AccessError",
    "Account",
    "AccountError",
    "AccountStore",
    "Accounts",
    "AdminShutError",
    "ApiKey",
    "ApiKeyError",
    "Argon2Cost",
    "AskedUsers",
    "AuditLog",
    "Buckets",
    "Check",
    "CorsConfig",
    "CredentialsUnreadableError",
    "Decision",
    "Entry",
    "Exposure",
    "ForbiddenError",
    "FormerToken",
    "How",
    "KeyNeededError",
    "KeyRing",
    "KeySecret",
    "KeyStore",
    "LeaseNeededError",
    "LimitConfig",
    "Limiter",
    "Listener",
    "MemoryLimiter",
    "NewKey",
    "OidcConfig",
    "Outcome",
    "Principal",
    "ProviderKeys",
    "Pseudonyms",
    "RedisLimiter",
    "RedisUsers",
    "Refusals",
    "Role",
    "Rule",
    "SecurityConfig",
    "SecurityError",
    "SignInConfig",
    "Taken",
    "Tokens",
    "TooManyRequestsError",
    "TooManyUsersError",
    "UnauthorisedError",
    "UnfitForProductionError",
    "matrix",
    "not_own",
    "read_key_secret",
    "reference_text",
    "require_fit",
    "weakness",
]
