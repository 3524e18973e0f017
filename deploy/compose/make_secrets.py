"""Makes, once, all that the composed system keeps secret: keys, passwords, addresses."""

from __future__ import annotations

import secrets
from pathlib import Path

from stowage_runtime import keys

SERVICES = Path("/var/lib/stowage/secrets")
SERVERS = Path("/var/lib/stowage/servers")
"""A volume that only PostgreSQL and RabbitMQ mount, as users of their own."""


def keep(path: Path, text: str, mode: int) -> str:
    """The file's text, which is written only if there is none yet."""
    if not path.exists():
        new = path.with_suffix(".new")
        new.write_text(text)
        new.chmod(mode)
        new.replace(path)
    return path.read_text()


def main() -> None:
    """Fill both volumes; what is there stays."""
    keys.write(SERVICES)
    database = keep(SERVERS / "postgres_password", secrets.token_hex(24), 0o444)
    broker = keep(SERVERS / "rabbitmq_password", secrets.token_hex(24), 0o444)
    settings = f"default_user = stowage\ndefault_pass = {broker}\nloopback_users = none\n"
    keep(SERVERS / "rabbitmq.conf", settings, 0o444)
    for name, text in {
        "database_url": f"postgresql://stowage:{database}@postgres/stowage",
        "amqp_url": f"amqp://stowage:{broker}@rabbitmq/",
        "amqp_management_url": f"http://stowage:{broker}@rabbitmq:15672",
        "admin_api_key": secrets.token_urlsafe(32),
        "admin_secret_key": secrets.token_urlsafe(32),
    }.items():
        keep(SERVICES / f"stowage_{name}", text, 0o400)


if __name__ == "__main__":
    main()
