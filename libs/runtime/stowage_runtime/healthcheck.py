"""A container's health check: GET /healthz (or the path given) of the service beside it.

Standard library only, as it starts every few seconds.
"""

import http.client
import os
import ssl
import sys
from collections.abc import Sequence

SECONDS = 2.5


def status(host: str, port: int, path: str) -> int:
    """The answer's status. Raises OSError and HTTPException when there is none in time."""
    connection = _connection(host, port)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def _connection(host: str, port: int) -> http.client.HTTPConnection:
    if not os.environ.get("STOWAGE_HTTP_CERT"):
        return http.client.HTTPConnection(host, port, timeout=SECONDS)
    # Its certificate names the machine, not the loopback that is asked here.
    anybody = ssl._create_unverified_context()  # noqa: S323
    return http.client.HTTPSConnection(host, port, timeout=SECONDS, context=anybody)


def main(arguments: Sequence[str]) -> int:
    """The exit code: 0 when the service answers 200."""
    path = arguments[0] if arguments else "/healthz"
    host, port = os.environ.get("STOWAGE_HTTP_HOST", ""), os.environ.get("STOWAGE_HTTP_PORT", "")
    reachable = "127.0.0.1" if host in ("", "0.0.0.0", "::") else host  # noqa: S104 - compared only
    try:
        found = status(reachable, int(port or 8080), path)
    except (OSError, http.client.HTTPException) as error:
        sys.stderr.write(f"{path}: {type(error).__name__}: {error}\n")
        return 1
    sys.stdout.write(f"{path}: {found}\n")
    return 0 if found == http.HTTPStatus.OK else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
