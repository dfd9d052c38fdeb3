"""Security: who may do what, and what is on record of it."""

from movie_mlops.security.audit import AuditLog, Outcome, Pseudonyms, Refusals
from movie_mlops.security.errors import SecurityError, UnfitForProductionError
from movie_mlops.security.production import Exposure, require_fit, weakness

__all__ = [
    "AuditLog",
    "Exposure",
    "Outcome",
    "Pseudonyms",
    "Refusals",
    "SecurityError",
    "UnfitForProductionError",
    "require_fit",
    "weakness",
]
