"""The servers of the laboratory: stores, nodes, and HAProxy in front. Each listens at 127.0.0.1, and ends with its block."""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests" / "peers"))
from harness import cached, free, listens, request, stop, tool, wait_for  # noqa: E402, F401

# The kinds of session: what the node is, how the load carries it, and what it is called.
SYSTEMS = {
    "signed": {"node": "signed", "load": [], "name": "saddlebag, signed, cookie"},
    "sealed": {"node": "sealed", "load": [], "name": "saddlebag, sealed, cookie"},
    "jwt": {"node": "jwt", "load": [], "name": "saddlebag, jwt, cookie"},
    "header": {"node": "header", "load": ["--header"], "name": "saddlebag, sealed, header"},
    "needed": {"node": "header", "load": ["--header", "--one-of", "5"],
               "name": "saddlebag, sealed, header of one request in five"},
    "jsonwebtoken": {"node": "jsonwebtoken", "load": [], "name": "jsonwebtoken, cookie"},
    "memory": {"node": "memory", "load": [], "name": "node's memory, sticky"},
    "redis": {"node": "redis", "load": [], "name": "Redis"},
    "memcached": {"node": "memcached", "load": [], "name": "memcached"},
    "mariadb": {"node": "mariadb", "load": [], "name": "MariaDB"},
    "pairs": {"node": "pairs", "load": [], "name": "master and backup (model)"},
}
STORES = ("redis", "memcached", "mariadb")
TOKENS = ("signed", "sealed", "jwt", "header", "needed", "jsonwebtoken")
# The application has one processor for itself; what is around it shares the other.
APPLICATION, AROUND = "0", "1"


def start(command, processor, output=subprocess.DEVNULL, **more):
    return subprocess.Popen(["taskset", "-c", processor, *map(str, command)], stdin=subprocess.DEVNULL, stdout=output,
                            stderr=subprocess.DEVNULL, **more)


def cpu(*processes):
    """Seconds of processor time that these have had so far."""
    total = 0
    for process in processes:
        for thread in pathlib.Path(f"/proc/{process.pid}/task").glob("*/schedstat"):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                total += int(thread.read_text().split()[0])
    return total / 1e9


def resident(*processes):
    """Bytes of memory that these have."""
    pages = sum(int(pathlib.Path(f"/proc/{process.pid}/statm").read_text().split()[1]) for process in processes)
    return pages * os.sysconf("SC_PAGESIZE")


class Server:
    """A process with an address, which can be killed and started again."""

    def __init__(self, folder, name):
        self.folder, self.name, self.address = folder, name, free()
        self.process = None

    def __enter__(self):
        self.up()
        return self

    def __exit__(self, *_):
        self.down()

    def up(self):
        self.process = self.started()
        wait_for(f"{self.name} listens", lambda: self.alive() and listens(self.address))

    def alive(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.name} ended by itself: {self.process.returncode}")
        return True

    def down(self):
        if self.process and self.process.poll() is None:
            stop(self.process)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


class Redis(Server):
    """With the files that its package sets up, unless it is told how much memory it may have."""

    def __init__(self, folder, megabytes=None):
        super().__init__(folder, "redis")
        # Its own: what another saved there would be loaded first.
        self.data = folder / f"redis-{self.address.split(':')[1]}"
        self.data.mkdir()
        self.limit = ["--maxmemory", f"{megabytes}mb", "--maxmemory-policy", "allkeys-lru"] if megabytes else []

    def started(self):
        host, port = self.address.split(":")
        return start([tool("redis-server"), "--bind", host, "--port", port, "--dir", self.data, *self.limit], AROUND)


class Memcached(Server):
    def __init__(self, folder, megabytes=4096):
        super().__init__(folder, "memcached")
        self.megabytes = megabytes

    def started(self):
        host, port = self.address.split(":")
        return start([tool("memcached"), "-u", "root", "-l", host, "-p", port, "-m", self.megabytes, "-t", 1], AROUND)


class MariaDb(Server):
    """With its defaults: a write is on disk before it is answered."""

    def __init__(self, folder):
        super().__init__(folder, "mariadb")
        self.data = folder / f"mariadb-{self.address.split(':')[1]}"
        installed = [tool("mariadb-install-db"), "--no-defaults", f"--datadir={self.data}", "--user=root",
                     "--auth-root-authentication-method=normal", "--skip-test-db"]
        subprocess.run(installed, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def started(self):
        host, port = self.address.split(":")
        first = self.data / "first.sql"
        first.write_text("CREATE USER IF NOT EXISTS lab@'127.0.0.1' IDENTIFIED BY 'lab';\n"
                         "GRANT ALL ON *.* TO lab@'127.0.0.1';\n")
        options = ["--no-defaults", f"--datadir={self.data}", "--user=root", f"--bind-address={host}", f"--port={port}",
                   f"--socket={self.data}/socket", f"--init-file={first}", "--skip-name-resolve"]
        return start([tool("mariadbd"), *options], AROUND)

    def files(self):
        """Bytes on disk."""
        return sum(file.stat().st_size for file in self.data.rglob("*") if file.is_file())


def store(stack, system, folder, megabytes=None):
    """The store of a system, started, or `None`; it ends with the stack."""
    if system == "redis":
        return stack.enter_context(Redis(folder, megabytes))
    if system == "memcached":
        return stack.enter_context(Memcached(folder, megabytes or 4096))
    return stack.enter_context(MariaDb(folder)) if system == "mariadb" else None


class Node(Server):
    """A node of the application."""

    def __init__(self, folder, program, system, store=None, number=1, lifetime=900, processor=APPLICATION):
        super().__init__(folder, f"{system}-{number}")
        self.system, self.store, self.number, self.processor = system, store, number, processor
        self.program, self.lifetime = program, lifetime
        ring = folder / "ring.json"
        if not ring.exists():
            subprocess.run([program, "ring", ring], check=True)

    def started(self):
        options = ["--listen", self.address, "--ring", self.folder / "ring.json", "--lifetime", self.lifetime,
                   "--me", self.number, "--peers", self.folder / "peers"]
        if self.store:
            options += ["--store", self.store.address]
        return start([self.program, "node", SYSTEMS[self.system]["node"], *options], self.processor)


def write_peers(folder, nodes):
    """Who the nodes of the pairs are; replaced as a whole."""
    (folder / "peers.new").write_text("".join(f"{node.number} {node.address}\n" for node in nodes))
    (folder / "peers.new").rename(folder / "peers")


class HaProxy(Server):
    """One front for each system, over HTTP/1.1 and over HTTP/2, with as many servers as it is told."""

    def __init__(self, folder, nodes, spare=()):
        super().__init__(folder, "haproxy")
        self.nodes, self.spare = nodes, spare
        self.fronts = {system: (free(), free()) for system in nodes}
        self.address = self.fronts[next(iter(nodes))][0]
        self.control = folder / "haproxy.socket"

    def started(self):
        text = f"""
global
    maxconn 2000
    nbthread 1
    stats socket {self.control} mode 600 level admin
defaults
    mode http
    timeout connect 1s
    timeout client 30s
    timeout server 5s
    timeout check 2s
    option redispatch 1
    retries 3
    option httpchk GET /health
    default-server check inter 200 fall 2 rise 1
"""
        for system, nodes in self.nodes.items():
            one, two = self.fronts[system]
            sticky = system == "memory"
            text += f"frontend {system}\n    bind {one}\n    bind {two} proto h2\n    default_backend {system}\n"
            text += f"backend {system}\n" + ("    cookie NODE insert indirect nocache\n" if sticky else "")
            for node in nodes:
                text += f"    server n{node.number} {node.address}" + (f" cookie n{node.number}" if sticky else "")
                text += " disabled\n" if node in self.spare else "\n"
        file = self.folder / "haproxy.cfg"
        file.write_text(text)
        return start([tool("haproxy"), "-f", file, "-db"], AROUND)

    def tell(self, line):
        """A line to its control socket."""
        import socket
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(str(self.control))
            control.sendall((line + "\n").encode())
            return control.recv(65536).decode()


class Load:
    """Users that have logged in, and go when they are told; `told` is what they saw."""

    def __init__(self, program, target, *options, processor=AROUND):
        command = ["taskset", "-c", processor, program, "load", target, *map(str, options)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        first = self.process.stdout.readline()
        if not first:
            raise RuntimeError("the load ended by itself")
        self.why = None if first == "ready\n" else json.loads(first)["why"]
        self.carried = self.why is None

    def go(self):
        self.began = time.monotonic()
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def told(self):
        with self.process:
            return json.loads(self.process.stdout.read())

    def run(self):
        self.go()
        return self.told()

    def drop(self):
        self.process.kill()
        self.process.communicate()


def login(address, size, header=False):
    """The cookies, or the token, of a new session: a list of name and value of headers."""
    answer = request(address, "GET", f"/login/{size}")
    if answer.status != 200:
        raise RuntimeError(f"login: {answer.status}")
    if header:
        return [("x-session", answer.headers["x-session"])]
    return [("cookie", said.split(";")[0]) for said in answer.headers.get_all("set-cookie") if "=;" not in said]


def missing():
    """What the laboratory needs, and this machine lacks."""
    needed = ["taskset", "haproxy", "h2load", "redis-server", "memcached", "mariadbd", "mariadb-install-db"]
    return [name for name in needed if not shutil.which(name)]
