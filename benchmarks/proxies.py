"""Measure how late pictures are behind nginx and Caddy: python -m benchmarks.proxies.

The site sends 40 KB frames at 30 fps, without a proxy and through each proxy that is installed. A quick
viewer reads all it gets, a slow one at half the rate. Printed is the age of a frame when it arrives: the quick
viewer's median and 95th percentile, and the slow viewer's newest frame after 20 s. To see what
net.ipv4.tcp_notsent_lowat does (docs/deploy.md), set it and measure again. Needs Linux.
"""

import argparse
import re
import shutil
import statistics
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from benchmarks.processes import free_port, running
from benchmarks.serving import this_site
from benchmarks.viewers import Viewer, ask, watch
from settings import ROOT

SECONDS = 20.0
REQUEST = b"GET /video_feed HTTP/1.0\r\nHost: localhost\r\n\r\n"  # 1.1 would bring chunks, which cut headers
LOWAT = Path("/proc/sys/net/ipv4/tcp_notsent_lowat")
NGINX = """
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
    uwsgi_temp_path {folder}; scgi_temp_path {folder};
    upstream faces {{ server 127.0.0.1:{site}; }}
    map $http_upgrade $connection_upgrade {{ default upgrade; "" ""; }}
    server {{ listen 127.0.0.1:{port}; {location} }}
}}
"""
CADDY = """{{
    admin off
}}
http://127.0.0.1:{port}, http://localhost:{port} {{
    reverse_proxy 127.0.0.1:{site}
}}
"""


def nginx_command(folder: Path, site: int, port: int) -> list[str]:
    """Write a configuration with the location of deploy/nginx.conf, and return the command."""
    deployed = (ROOT / "deploy" / "nginx.conf").read_text("utf-8")
    location = re.search(r"^    location / \{.*?^    \}", deployed, re.MULTILINE | re.DOTALL)
    assert location
    path = folder / "nginx.conf"
    path.write_text(NGINX.format(folder=folder, site=site, port=port, location=location[0]), "utf-8")
    return ["nginx", "-e", f"{folder}/error.log", "-c", str(path)]


def caddy_command(folder: Path, site: int, port: int) -> list[str]:
    """Write a configuration with what docs/deploy.md tells to write, and return the command."""
    path = folder / "Caddyfile"
    path.write_text(CADDY.format(site=site, port=port), "utf-8")
    return ["caddy", "run", "--adapter", "caddyfile", "--config", str(path)]


def quick_delays_ms(port: int) -> list[float]:
    """Return the delay of each picture, in ms, of a viewer that reads all it gets."""
    viewer, delays_ms = Viewer(ask(port, REQUEST)), []
    with viewer.connection:
        viewer.connection.setblocking(True)
        viewer.connection.settimeout(10)
        ends_s = time.monotonic() + SECONDS / 2
        while time.monotonic() < ends_s:
            pictures = viewer.pictures
            viewer.read(262_144)
            if viewer.pictures > pictures:
                delays_ms.append((time.time() - viewer.stamp) * 1000)
    return delays_ms[10:]  # the first ones wait for the connection


def slow_delay_s(port: int) -> float:
    """Return how old the newest picture is, in s, of a viewer that read at half the rate."""
    viewer = Viewer(ask(port, REQUEST))
    with viewer.connection:
        watch([], SECONDS, [viewer])
        return time.time() - viewer.stamp


def main() -> None:
    """Print the delays without a proxy and behind each one."""
    argparse.ArgumentParser(prog="python -m benchmarks.proxies", description=__doc__).parse_args()
    print(f"tcp_notsent_lowat is {LOWAT.read_text().strip()}")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        site = free_port()
        stack.enter_context(running(this_site(site), site, subprocess.DEVNULL))
        ports = {"no proxy": site}
        for name, make_command in (("nginx", nginx_command), ("caddy", caddy_command)):
            if shutil.which(name):
                ports[name] = free_port()
                command = make_command(folder, site, ports[name])
                stack.enter_context(running(command, ports[name], subprocess.DEVNULL))
            else:
                print(f"{name} is not installed")
        for name, port in ports.items():
            delays_ms = quick_delays_ms(port)
            median_ms, p95_ms = statistics.median(delays_ms), statistics.quantiles(delays_ms, n=20)[-1]
            quick = f"quick viewer {median_ms:.2f} ms, p95 {p95_ms:.2f} ms"
            print(f"{name}: {quick}; slow viewer {slow_delay_s(port):.1f} s", flush=True)


if __name__ == "__main__":
    main()
