"""Makes every key as a file for STOWAGE_SECRETS_DIR: ``python -m stowage_runtime.keys``."""

import argparse
import os
import secrets
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from stowage_runtime.secrets import encode

SEALED_FOR = ("image_store", "cache_autoscaler")
"""Services that own store credentials."""


def make() -> dict[str, str]:
    """Fresh keys by file name (the setting's environment name in lower case)."""
    signing = Ed25519PrivateKey.generate()
    found = {
        "stowage_ticket_signing_key": encode(signing.private_bytes_raw()),
        "stowage_ticket_verify_key": encode(signing.public_key().public_bytes_raw()),
        "stowage_at_rest_key": f"k1:{encode(secrets.token_bytes(32))}",
    }
    for service in SEALED_FOR:
        box = X25519PrivateKey.generate()
        found[f"stowage_seal_private_key_{service}"] = encode(box.private_bytes_raw())
        found[f"stowage_seal_public_key_{service}"] = encode(box.public_key().public_bytes_raw())
    return found


def write(folder: Path) -> list[Path]:
    """Write the keys that are missing, mode 600; a key that exists is never replaced.

    Raises FileExistsError when only half of a pair is there.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = make()
    missing = [name for name in found if not (folder / name).exists()]
    for pair in _pairs():
        if len(pair & set(missing)) == 1:
            raise FileExistsError(f"{folder} holds one of {' and '.join(sorted(pair))} only")
    return [_write(folder / name, found[name]) for name in missing]


def _pairs() -> list[set[str]]:
    boxes = [{f"stowage_seal_{half}_key_{s}" for half in ("private", "public")} for s in SEALED_FOR]
    return [{"stowage_ticket_signing_key", "stowage_ticket_verify_key"}, *boxes]


def _write(path: Path, text: str) -> Path:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)
    return path


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m stowage_runtime.keys", description=__doc__)
    parser.add_argument("--dir", type=Path, default=Path("secrets"), help="folder to fill")
    for path in write(parser.parse_args().dir):
        print(path)  # noqa: T201 - what was made, for the person who asked


if __name__ == "__main__":
    main()
