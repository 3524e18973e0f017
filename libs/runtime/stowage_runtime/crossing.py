"""What crosses a host goes by TLS, unless an operator says that its network is one machine's."""

import ipaddress
import ssl

from stowage_contracts.errors import InvalidInput
from yarl import URL

_TLS = {"amqps", "https"}
_TLS_MODES = {"require", "verify-ca", "verify-full"}


def check_crossing(url: str, setting: str, *, plaintext: bool) -> None:
    """Raises InvalidInput for a URL that leads to another machine without TLS.

    ``setting`` names where it was set; the URL itself is not shown, it may hold a password.
    """
    parsed = URL(url)
    if plaintext or _stays(parsed) or _has_tls(parsed):
        return
    wanted = "?sslmode=verify-full" if _is_database(parsed) else f"{parsed.scheme}s://"
    raise InvalidInput(
        f"{parsed.scheme}://{parsed.host} would be reached without TLS",
        resource=setting,
        code="plaintext",
        hint=f"use {wanted}, or set STOWAGE_PLAINTEXT=true where the network is one machine's",
    )


def server_tls(cert: str, key: str) -> ssl.SSLContext | None:
    """The context of a listening server; None without a certificate.

    Raises InvalidInput when the files can't be used.
    """
    if not cert:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(cert, key or None)
    except (OSError, ssl.SSLError) as error:
        raise InvalidInput(
            f"its certificate cannot be used: {error.strerror or type(error).__name__}",
            resource=cert,
            code="certificate",
            hint="name PEM files of a chain and its key that this user may read",
        ) from None
    return context


def _is_database(url: URL) -> bool:
    return url.scheme.startswith("postgres")


def _has_tls(url: URL) -> bool:
    if _is_database(url):
        return url.query.get("sslmode") in _TLS_MODES
    return url.scheme in _TLS


def _stays(url: URL) -> bool:
    host = url.query.get("host", url.host or "")
    if host in ("", "localhost") or host.startswith("/"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
