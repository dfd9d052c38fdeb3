"""Security: who may do what, and what is on record of it."""

from movie_mlops.security.audit import AuditLog, Outcome, Pseudonyms, Refusals
from movie_mlops.security.errors import SecurityError

__all__ = ["AuditLog", "Outcome", "Pseudonyms", "Refusals", "SecurityError"]
