"""Who comes in, for what, and by which name: what ingest, the event log and serving ask before they keep anything."""

from movie_mlops.security.people.consents import CONSENTS, Consent, Consents, Stance
from movie_mlops.security.people.people import LeftOut, People
from movie_mlops.security.people.user_pseudonyms import (
    KNOWN_AS,
    UserPseudonyms,
    is_pseudonym,
    known_as,
    read_user_pseudonyms,
)
from movie_mlops.security.purposes import Purpose

__all__ = [
    "CONSENTS",
    "KNOWN_AS",
    "Consent",
    "Consents",
    "LeftOut",
    "People",
    "Purpose",
    "Stance",
    "UserPseudonyms",
    "is_pseudonym",
    "known_as",
    "read_user_pseudonyms",
]
