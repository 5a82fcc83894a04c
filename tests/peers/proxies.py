"""Real proxies in front of two gateways, with the configurations of deploy/ and the addresses of a run."""

import contextlib
import os
import pathlib
import subprocess

from harness import ROOT, cached, free, listens, request, stop, tool, wait_for

# A proxy, how it says which request it asks about, whether it passes a 302 on, and what starts it.
PROXIES = [
    ("nginx", "original", False, lambda *rest: nginx(*rest)),
    ("Caddy", "forwarded", True, lambda *rest: caddy(*rest)),
    ("HAProxy", "original", True, lambda *rest: haproxy(*rest)),
    ("Traefik", "forwarded", True, lambda *rest: traefik(*rest)),
    ("Envoy over HTTP", "path", True, lambda *rest: envoy("ext-authz-http.yaml", *rest)),
    ("Envoy over gRPC", "path", True, lambda *rest: envoy("ext-authz-grpc.yaml", *rest)),
]


def configured(folder, gateways, behind, *files, more=()):
    """Configurations of deploy/, in a folder, with the addresses of this run; and the proxy's own address."""
    front = free()
    addresses = {"127.0.0.1:8080": behind, "127.0.0.1:8000": front} | {address: free() for address in more}
    addresses |= zip(("127.0.0.1:7072", "127.0.0.1:7073"), gateways, strict=True)
    unseen = set(addresses)
    for file in files:
        text = (ROOT / "deploy" / file).read_text()
        for address, here in addresses.items():
            # Envoy has them in two parts.
            for old, new in ((address, here), *[(envoys(address), envoys(here))]):
                unseen -= {address} if old in text else set()
                text = text.replace(old, new)
        (folder / pathlib.Path(file).name).write_text(text)
    if unseen:
        raise RuntimeError(f"{files} do not have {unseen}")
    return front


def envoys(address):
    host, port = address.split(":")
    return f"address: {host}, port_value: {port}"


@contextlib.contextmanager
def serving(folder, front, command, **more):
    with (folder / "proxy.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, **more)
    try:
        wait_for(f"{command[0]} listens", lambda: process.poll() is not None or listens(front))
        if process.poll() is not None:
            raise RuntimeError((folder / "proxy.log").read_text())
        yield front
    finally:
        stop(process)


def nginx(folder, gateways, behind):
    front = configured(folder, gateways, behind, "nginx/forward-auth.conf")
    (folder / "nginx.conf").write_text(nginx_conf(folder, f"include {folder}/forward-auth.conf;"))
    return serving(folder, front, [tool("nginx"), "-p", str(folder), "-c", str(folder / "nginx.conf")])


def nginx_conf(folder, http):
    """What nginx needs around the `http` block, to run in a folder and in the foreground."""
    paths = "".join(f"{name}_temp_path {folder}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    user = "user root;\n" if os.getuid() == 0 else ""
    return (
        f"daemon off; pid {folder}/pid; error_log stderr; worker_processes 1;\n{user}events {{ worker_connections 8192; }}\n"
        f"http {{ access_log off; keepalive_requests 100000000;\n{paths}{http}\n}}\n"
    )


def caddy(folder, gateways, behind):
    front = configured(folder, gateways, behind, "caddy/Caddyfile")
    file = folder / "Caddyfile"
    file.write_text("{\n\tadmin off\n\tauto_https off\n}\n" + file.read_text())
    command = [tool("caddy"), "run", "--adapter", "caddyfile", "--config", str(file)]
    return serving(folder, front, command, env=os.environ | {"HOME": str(folder), "XDG_DATA_HOME": str(folder)})


def haproxy(folder, gateways, behind):
    front = configured(folder, gateways, behind, "haproxy/haproxy.cfg", "haproxy/saddlebag.lua", more=["127.0.0.1:7074"])
    return serving(folder, front, [tool("haproxy"), "-f", str(folder / "haproxy.cfg")])


@contextlib.contextmanager
def traefik(folder, gateways, behind):
    front = configured(folder, gateways, behind, "traefik/traefik.yml", "traefik/saddlebag.yml", more=["127.0.0.1:7074"])
    # Its names are relative to where it is started; and it asks nobody whether it is the newest.
    command = [cached("traefik", "TRAEFIK_BIN"), "--configFile=traefik.yml"]
    file = folder / "traefik.yml"
    file.write_text(file.read_text() + "global:\n  checkNewVersion: false\n  sendAnonymousUsage: false\n")
    with serving(folder, front, command, cwd=folder):
        # It listens before it has read what to do.
        wait_for("Traefik has its routes", lambda: request(front, "GET", "/hello").status == 200)
        yield front


def envoy(file, folder, gateways, behind):
    front = configured(folder, gateways, behind, f"envoy/{file}")
    command = [cached("envoy", "ENVOY_BIN"), "-c", str(folder / file), "--use-dynamic-base-id", "--log-level", "warn"]
    return serving(folder, front, command + ["--concurrency", "1"])
