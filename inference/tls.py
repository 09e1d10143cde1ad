"""TLS towards upstreams: always verified, by the system's roots and, for an endpoint that has them, its own."""

import ssl
from functools import lru_cache


@lru_cache(maxsize=64)
def tls_context(ca_certificates: str = "") -> ssl.SSLContext:
    """One for each text: each holds every root the system has, most of a megabyte. Raises ssl.SSLError for no PEM."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    if ca_certificates:
        if not ca_certificates.isascii():
            raise ssl.SSLError("PEM is ASCII")
        context.load_verify_locations(cadata=ca_certificates)
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # an intermediate authority may be all there is
    return context
