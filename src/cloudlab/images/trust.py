"""What a build takes over from the host: the certificates it trusts, and its proxies."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

# Where systems keep the bundle of all certificates they trust: Debian and Alpine, Fedora, SUSE, macOS.
SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "FTP_PROXY", "ALL_PROXY")


class TrustError(ValueError):
    """The host names a bundle of certificates that cannot be used."""


def ca_bundle(environ: Mapping[str, str], system_bundles: tuple[str, ...] = SYSTEM_BUNDLES) -> bytes:
    """The certificates that the host trusts, as PEM; empty where it has none.

    SSL_CERT_FILE wins over the system's bundle. Behind a proxy that inspects TLS, the proxy's own is among them.
    """
    named = environ.get("SSL_CERT_FILE", "")
    if named:
        try:
            return Path(named).read_bytes()
        except OSError as error:
            raise TrustError(
                f"SSL_CERT_FILE names {named}, which cannot be read ({error.strerror}). Correct or unset SSL_CERT_FILE."
            ) from None
    present = (Path(path) for path in system_bundles if Path(path).is_file())
    return next((path.read_bytes() for path in present), b"")


def proxy_arguments(environ: Mapping[str, str]) -> dict[str, str]:
    """The host's proxy variables as build arguments; every builder knows these without declaration."""
    names = [name for upper in PROXY_VARIABLES for name in (upper, upper.lower())]
    return {name: environ[name] for name in names if environ.get(name)}
