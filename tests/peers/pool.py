"""The nodes of `nodes`, processes of examples (counter.rs, login.rs), and the HAProxy before them."""

import os
import re
import socket
import subprocess

from harness import Missing, environment, program, request, stop, tool, wait_for

# Seconds within which every node has read a ring that was saved: a look every 1.5 s, a fifth more or less, and what a
# busy machine adds.
REFRESH = 3

# As an operator would: any request may be tried again at another node, since a node keeps nothing of it, and the state
# travels with the request. Requests that change what is behind the nodes want `disable-l7-retry`.
CONFIG = """
global
    stats socket {socket} mode 600 level user
defaults
    mode http
    timeout connect 1s
    timeout client 30s
    timeout server 10s
    timeout check 2s
    retries 3
    option redispatch 1
    retry-on all-retryable-errors
frontend shop
    bind fd@{fd}
    default_backend nodes
backend nodes
    balance roundrobin
    # Each check begins a session that nobody has: there is nothing to clean up.
    option httpchk GET /
    default-server check inter 250ms fall 2 rise 1 observe layer4 error-limit 2 on-error mark-down
"""


class Node:
    """A process of an example, at one address from start to start; it ends with the block."""

    def __init__(self, folder, name, ring, example="counter"):
        self.folder, self.name, self.ring = folder, name, ring
        self.address = "127.0.0.1:0"
        self.program = os.path.join(os.path.dirname(program()), f"examples/{example}")
        if not os.access(self.program, os.X_OK):
            raise Missing(f"{self.program} is no program: cargo build --features server --example {example}")

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        stop(self.process)

    def start(self):
        told = self.folder / f"{self.name}.out"
        with told.open("wb") as output, (self.folder / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.program, self.address.rpartition(":")[2]],
                env=environment() | {"SADDLEBAG_RING": str(self.ring)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=log,
            )
        try:
            wait_for("the node listens", lambda: self.process.poll() is not None or told.read_text().endswith("\n"))
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended before it listened")
        except BaseException:
            stop(self.process)
            raise
        self.address = re.fullmatch(r"listening on http://(.+)/\n", told.read_text())[1]

    @property
    def pid(self):
        return self.process.pid

    def kill(self):
        """As a machine that loses its power."""
        self.process.kill()
        self.process.wait(15)

    def terminate(self):
        """As a deploy does; how it ended."""
        self.process.terminate()
        return self.process.wait(15)


class Proxy:
    """HAProxy in front of the nodes; it ends with the block."""

    def __init__(self, folder, nodes):
        self.folder, self.nodes = folder, nodes
        self.haproxy = tool("haproxy")

    def __enter__(self):
        config, self.socket = self.folder / "haproxy.cfg", self.folder / "haproxy.sock"
        # Made here and handed over, so that nobody else takes the port.
        with socket.create_server(("127.0.0.1", 0)) as listener, (self.folder / "haproxy.log").open("wb") as log:
            self.address = f"127.0.0.1:{listener.getsockname()[1]}"
            text = CONFIG.format(socket=self.socket, fd=listener.fileno())
            config.write_text(text + "".join(f"    server {node.name} {node.address}\n" for node in self.nodes))
            self.process = subprocess.Popen(
                [self.haproxy, "-db", "-f", config],
                pass_fds=[listener.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            wait_for("HAProxy answers", lambda: self.ended() or self.answers())
            if self.ended():
                raise RuntimeError("HAProxy ended before it answered")
        except BaseException:
            stop(self.process)
            raise
        return self

    def __exit__(self, *_):
        stop(self.process)

    def ended(self):
        return self.process.poll() is not None

    def answers(self):
        try:
            return request(self.address, "GET", "/").status == 200
        except OSError:
            return False

    def told(self):
        """How often it had to try again, as it counts itself."""
        with socket.socket(socket.AF_UNIX) as asked:
            asked.connect(str(self.socket))
            asked.sendall(b"show stat\n")
            text = b"".join(iter(lambda: asked.recv(65536), b"")).decode()
        lines = [line.split(",") for line in text.lstrip("# ").splitlines() if line]
        names = lines[0]
        whole = next(dict(zip(names, line)) for line in lines if line[:2] == ["nodes", "BACKEND"])
        return f"{whole['wretr']} retries, {whole['wredis']} changes of the node, {whole['hrsp_5xx']} answers of 5xx"
