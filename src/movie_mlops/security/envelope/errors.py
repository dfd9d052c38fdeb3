"""What cannot be sealed or opened."""

from movie_mlops.security.errors import SecurityError


class EnvelopeError(SecurityError):
    """Something cannot be encrypted or decrypted here."""

    code = "envelope"


class TamperedError(EnvelopeError):
    """What is to be opened was changed, or belongs to another key or place."""

    code = "tampered"


class KeyDestroyedError(EnvelopeError):
    """The key of what is to be opened is gone, on purpose: nobody can read it any more."""

    code = "key-destroyed"
