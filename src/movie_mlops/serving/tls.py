"""TLS by the server itself, for who has no proxy: modern versions and ciphers alone (RFC 9325)."""

import ssl
from pathlib import Path
from typing import Final

from movie_mlops.core.errors import ConfigurationError

# Forward secrecy and authenticated encryption; TLS 1.3 has its own three, all of that kind.
_CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"


def tls_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """Return what connections are encrypted with: TLS 1.2 or newer, no compression, no renegotiation.

    Args:
        certificate: PEM, the server's own first and then those that vouch for it.
        key: Its private key as PEM, without a password.

    Raises:
        ConfigurationError: They cannot be read, or do not belong together. What the key holds is not shown.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.set_alpn_protocols(["http/1.1"])
    try:
        # A key with a password would be asked for on the terminal: an empty one is wrong for every such key.
        context.load_cert_chain(certificate, key, password=b"")
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"The certificate {certificate} or its key {key} is not there.",
            next_step="Name both, with --tls-cert and --tls-key.",
        ) from error
    except (ssl.SSLError, OSError) as error:
        raise ConfigurationError(
            f"The certificate {certificate} and the key {key} cannot be used together.",
            next_step="Give PEM files: the certificate with its chain, and its own key without a password.",
        ) from error
    return context
