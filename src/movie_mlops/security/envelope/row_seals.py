"""Seals for rows of tables: many at once, each under its owner's key, bound to its place."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from movie_mlops.security.envelope.data_keys import DataKeys, facts_of
from movie_mlops.security.envelope.master import MasterKeys
from movie_mlops.security.envelope.sealing import Envelopes, Seal
from movie_mlops.state import Database

_NAME_BYTES: Final = 16
# The keys of so many are in memory at once, and nothing of them afterwards: one that is destroyed opens nothing more.
_AT_ONCE: Final = 20_000


class RowSeals:
    """What seals and opens rows with the keys of one data set.

    Nothing is asked for before there is something to seal or to open: neither the state nor the master key.

    Args:
        database: Gives the state, where the owners' keys are kept.
        masters: Gives what wraps them, as it is now.
    """

    def __init__(self, database: Callable[[], Database], masters: Callable[[], MasterKeys]) -> None:
        self._database = database
        self._masters = masters
        self._keys: DataKeys | None = None

    def seal(self, owners: Sequence[str], places: Sequence[str], told: Sequence[bytes]) -> list[bytes]:
        """Encrypt each row under its owner's key, which is made where there is none.

        Args:
            owners: Whose each is; empty for what is nobody's.
            places: Where each will lie: it opens only under the same.
            told: What each says.

        Returns:
            The key's name and what was encrypted, for each.
        """
        sealed: list[bytes] = []
        for some in _parts(len(told)):
            envelopes = self._envelopes()
            whose = [facts_of(owner) for owner in owners[some]]
            names = envelopes.prepare(whose)
            for owner, place, one in zip(whose, places[some], told[some], strict=True):
                name = names[owner]
                sealed.append(bytes.fromhex(name) + envelopes.seal(name, one, place=place).data)
        return sealed

    def open(self, places: Sequence[str], sealed: Sequence[bytes]) -> list[bytes | None]:
        """Decrypt each row; ``None`` for one whose key is not there any more.

        Raises:
            TamperedError: One was changed, or lies in another place.
        """
        told: list[bytes | None] = []
        for some in _parts(len(sealed)):
            envelopes = self._envelopes()
            seals = [Seal(one[:_NAME_BYTES].hex(), one[_NAME_BYTES:]) for one in sealed[some]]
            there = envelopes.load(list({seal.key_id for seal in seals}))
            for seal, place in zip(seals, places[some], strict=True):
                told.append(envelopes.open(seal, place=place) if seal.key_id in there else None)
        return told

    def _envelopes(self) -> Envelopes:
        if self._keys is None:
            self._keys = DataKeys(self._database())
        return Envelopes(self._keys, self._masters())


def _parts(many: int) -> Iterator[slice]:
    return (slice(start, start + _AT_ONCE) for start in range(0, many, _AT_ONCE))
