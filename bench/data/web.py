"""nginx serving a folder: the web server a user would have."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.apt import Requirement, program, provide
from tests.servers.ports import free_ports, listening
from tests.servers.process import wait_until

SETTINGS = """\
daemon off; pid {here}/nginx.pid; error_log {here}/error.log; worker_processes 1;
events {{ worker_connections 64; }}
http {{
  access_log off; sendfile on; tcp_nopush on; client_body_temp_path {here}/b;
  proxy_temp_path {here}/p; fastcgi_temp_path {here}/f; uwsgi_temp_path {here}/u;
  scgi_temp_path {here}/s; default_type application/octet-stream;
  server {{ listen 127.0.0.1:{port}; root {folder}; }}
}}
"""


@contextmanager
def serving(folder: Path, here: Path) -> Iterator[str]:
    """The base URL of ``folder``; nginx is installed where it is missing and may be."""
    provide([Requirement(("nginx",), ("nginx-light",))])
    (port,) = free_ports(1)
    here.mkdir()
    settings = here / "nginx.conf"
    settings.write_text(SETTINGS.format(here=here, port=port, folder=folder))
    server = subprocess.Popen([program("nginx"), "-e", str(here / "start.log"), "-c", settings])
    try:
        wait_until(lambda: listening(port), "nginx", 10)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(10)
