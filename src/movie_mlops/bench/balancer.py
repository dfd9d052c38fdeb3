"""A real nginx of a benchmark's own, in front of servers of this machine."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from movie_mlops.bench.errors import BenchError
from movie_mlops.serving import bind

_HOST: Final = "127.0.0.1"
_PATIENCE_SECONDS: Final = 20.0
_LOOK_SECONDS: Final = 0.02
# As docker/configs/nginx.conf passes requests on: a connection for each. Without its limits, which would be measured.
_CONFIG: Final = """worker_processes 1;
pid {folder}/pid;
error_log {folder}/errors;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  upstream api {{ {servers} }}
  server {{
    listen {host}:{port};
    location / {{
      proxy_pass http://api;
      proxy_http_version 1.1;
      proxy_set_header Connection close;
      proxy_set_header Host $http_host;
    }}
  }}
}}
"""


def find_nginx() -> str:
    """Return where nginx is.

    Raises:
        BenchError: It is not installed.
    """
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        raise BenchError("nginx is not installed.", next_step="Install it: scripts/setup/setup_test_tools.sh")
    return program


@contextmanager
def balancing(folder: Path, ports: Sequence[int]) -> Iterator[int]:
    """Run nginx in front of servers at these ports; give its own port.

    Args:
        folder: A new folder of its own.
        ports: Of the servers.

    Raises:
        BenchError: It is not installed, or does not start.
    """
    program = find_nginx()
    folder.mkdir()
    with bind(_HOST, 0) as free:
        port: int = free.getsockname()[1]
    servers = " ".join(f"server {_HOST}:{one};" for one in ports)
    (folder / "nginx").write_text(_CONFIG.format(folder=folder, servers=servers, host=_HOST, port=port), "utf-8")
    # Its worker would be somebody else, who may not enter the folder.
    ourselves = "user root;" if os.getuid() == 0 else ""
    words = [program, "-c", str(folder / "nginx"), "-e", str(folder / "errors"), "-g", f"daemon off; {ourselves}"]
    with subprocess.Popen(words, stderr=subprocess.DEVNULL) as process:  # noqa: S603 - the machine's nginx
        try:
            _wait(process, port, folder)
            yield port
        finally:
            process.terminate()


def _wait(process: "subprocess.Popen[bytes]", port: int, folder: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection((_HOST, port), 1).close()
        except OSError:
            time.sleep(_LOOK_SECONDS)
        else:
            return
    said = (folder / "errors").read_text("utf-8", "replace") if (folder / "errors").exists() else ""
    raise BenchError(
        f"nginx did not start: {(said.splitlines() or ['it said nothing'])[-1]}",
        next_step="Start nginx by hand and see why.",
    )
