"""An endpoint's own authorities: PEM text, checked where it comes in. Pure."""

import ssl

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

CERTIFICATES_CHARS_MAX = 100_000
UNREADABLE = (
    "no certificates can be read from it; give the authority's in PEM,"
    " from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----"
)


def certificates_checked(text: str) -> str:
    """The certificates alone, one after the other, without the words that may stand between them; "" for none.

    Raises ValueError, which never repeats the text: a key may be in it.
    """
    if not text.strip():
        return ""
    if "PRIVATE KEY-----" in text:
        raise ValueError("there is a private key in it, which nobody but its owner may have; give certificates alone")
    try:
        found = x509.load_pem_x509_certificates(text.encode())
        pem = "".join(one.public_bytes(Encoding.PEM).decode() for one in found)
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=pem)
    except (ValueError, ssl.SSLError) as error:
        raise ValueError(UNREADABLE) from error
    return pem
