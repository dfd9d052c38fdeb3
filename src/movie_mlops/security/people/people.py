"""The people of one data set, as whoever keeps something of them must ask."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection

from movie_mlops.security.erasure import Erased
from movie_mlops.security.people.consents import Consents
from movie_mlops.security.people.user_pseudonyms import UserPseudonyms
from movie_mlops.security.purposes import Purpose


@dataclass(frozen=True)
class LeftOut:
    """Of whom nothing is kept.

    Attributes:
        erased: Their data was erased.
        unwilling: They do not permit it.
    """

    erased: frozenset[str]
    unwilling: frozenset[str]

    @property
    def all(self) -> frozenset[str]:
        """Both."""
        return self.erased | self.unwilling


@dataclass(frozen=True)
class People:
    """Who comes in, for what, and by which name.

    Attributes:
        erased: Whose data was erased.
        consents: What people permit.
        pseudonyms: By which names they are known; ``None``: by their ids.
    """

    erased: Erased
    consents: Consents
    pseudonyms: UserPseudonyms | None = None

    def left_out(self, users: Iterable[str], purpose: Purpose, connection: Connection | None = None) -> LeftOut:
        """Return of whom of some users nothing is kept.

        Args:
            users: By the names that they are known by.
            purpose: What it would be kept for.
            connection: A transaction to ask within, so that what it writes cannot overtake an erasure.

        Raises:
            ErasureError: Who was erased cannot be told any more.
        """
        meant = set(users)
        erased = self.erased.among(meant, connection)
        unwilling = self.consents.without(meant - erased, purpose, connection)
        return LeftOut(frozenset(erased), frozenset(unwilling))

    def known_as(self, user_id: str) -> str:
        """Return by which name somebody is known."""
        return user_id if self.pseudonyms is None else self.pseudonyms.of(user_id)
