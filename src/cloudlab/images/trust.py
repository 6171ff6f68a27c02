"""What a build takes from the host: trusted certificates and proxies."""

import os
from collections.abc import Mapping
from pathlib import Path

# The bundles of trusted certificates: Debian and Alpine, Fedora, SUSE, macOS.
SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "FTP_PROXY", "ALL_PROXY")


class TrustError(ValueError):
    """The bundle of certificates that SSL_CERT_FILE names cannot be used."""


def ca_bundle(environ: Mapping[str, str], system_bundles: tuple[str, ...] = SYSTEM_BUNDLES) -> bytes:
    """The certificates that the host trusts, as PEM; empty where it has none.

    SSL_CERT_FILE overrides the system's bundle. They include the certificate of a proxy that inspects TLS.
    """
    path = _source(environ, system_bundles)
    try:
        return Path(path).read_bytes() if path else b""
    except OSError as error:
        raise TrustError(
            f"SSL_CERT_FILE names {path}, which cannot be read ({error.strerror}). Correct or unset SSL_CERT_FILE."
        ) from None


def ca_file(environ: Mapping[str, str], system_bundles: tuple[str, ...] = SYSTEM_BUNDLES) -> str:
    """The absolute path of the file with these certificates; empty where the host has none."""
    return os.path.abspath(_source(environ, system_bundles)) if ca_bundle(environ, system_bundles) else ""


def _source(environ: Mapping[str, str], system_bundles: tuple[str, ...]) -> str:
    readable = (path for path in system_bundles if os.path.isfile(path) and os.access(path, os.R_OK))
    return environ.get("SSL_CERT_FILE") or next(readable, "")


def proxy_arguments(environ: Mapping[str, str]) -> dict[str, str]:
    """The host's proxy variables as build arguments, which need no declaration in a Dockerfile."""
    names = [name for upper in PROXY_VARIABLES for name in (upper, upper.lower())]
    return {name: environ[name] for name in names if environ.get(name)}
