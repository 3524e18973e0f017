"""Base images for our Dockerfile and compose file, made here where no registry answers."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.servers.apt import debian_mirror, program
from tests.servers.process import ServerError, run

RECIPES = Path(__file__).resolve().parents[2] / "deploy" / "test-images"
AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
BASE = "debian:trixie-slim"
IMAGES: Mapping[str, str] = {
    "python": "python:3.13-slim",
    "postgres": "postgres:17",
    "rabbitmq": "rabbitmq:4-management",
}


def provide_images(env: Mapping[str, str], folder: Path) -> None:
    """See that every image is there or can be pulled; else make them from Debian packages."""
    if all(_present(image, env) for image in IMAGES.values()) or _registry_answers(env):
        return
    folder.mkdir(parents=True, exist_ok=True)
    _import_base(env, folder)
    with ThreadPoolExecutor() as pool:
        builds = [pool.submit(_build, name, image, env) for name, image in IMAGES.items()]
    for build in builds:
        build.result()


def _present(image: str, env: Mapping[str, str]) -> bool:
    return _succeeds(["image", "inspect", image], 20, env)


def _registry_answers(env: Mapping[str, str]) -> bool:
    return _succeeds(["pull", "-q", IMAGES["python"]], 120, env)


def _succeeds(arguments: list[str], seconds: float, env: Mapping[str, str]) -> bool:
    try:
        run([program("docker"), *arguments], seconds, env)
    except ServerError:
        return False
    return True


def _import_base(env: Mapping[str, str], folder: Path) -> None:
    """A minimal Debian that trusts whom this machine trusts, so that pip works in it."""
    archive = folder / "base.tar"
    excluded = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("man", "doc", "locale")]
    copied = [f"--customize-hook=copy-in {AUTHORITIES} /etc/ssl/certs"]
    what = ["--variant=minbase", "--include=ca-certificates", *excluded, *copied]
    run([program("mmdebstrap"), "--quiet", *what, "trixie", archive, debian_mirror()], 600)
    variables = ["LANG=C.UTF-8"] + [
        f"{name}={AUTHORITIES}" for name in ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE")
    ]
    changes = [word for variable in variables for word in ("-c", f"ENV {variable}")]
    changes += ["-c", 'CMD ["bash"]']
    run([program("docker"), "import", *changes, archive, BASE], 120, env)
    archive.unlink()


def _build(name: str, image: str, env: Mapping[str, str]) -> None:
    recipe = RECIPES / f"{name}.Dockerfile"
    flags = ["--pull=false", "-q", "-t", image, "-f", str(recipe)]
    run([program("docker"), "build", *flags, str(RECIPES)], 600, env)
