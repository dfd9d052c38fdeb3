"""Encryption of what is kept: a key for each person, wrapped by one master key; without the key nothing can be read."""

from movie_mlops.security.envelope.data_keys import GENERAL, DataKey, DataKeys, facts_of
from movie_mlops.security.envelope.errors import EnvelopeError, KeyDestroyedError, TamperedError
from movie_mlops.security.envelope.master import MasterKey, MasterKeys, read_master_keys, renew_master_key
from movie_mlops.security.envelope.row_seals import RowSeals
from movie_mlops.security.envelope.sealing import Envelopes, Seal

__all__ = [
    "GENERAL",
    "DataKey",
    "DataKeys",
    "EnvelopeError",
    "Envelopes",
    "KeyDestroyedError",
    "MasterKey",
    "MasterKeys",
    "RowSeals",
    "Seal",
    "TamperedError",
    "facts_of",
    "read_master_keys",
    "renew_master_key",
]
