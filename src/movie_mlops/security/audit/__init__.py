"""The audit log: who did what, on what, when, from where and how it ended; added to, and never changed."""

from movie_mlops.security.audit.entries import Entry, Outcome
from movie_mlops.security.audit.log import AuditLog, Verified
from movie_mlops.security.audit.pseudonyms import Pseudonyms
from movie_mlops.security.audit.refusals import Refusals

__all__ = ["AuditLog", "Entry", "Outcome", "Pseudonyms", "Refusals", "Verified"]
