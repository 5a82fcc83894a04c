"""What the checks of this folder share: a node of its own for each, requests to it, and the count.

Nothing is skipped: what is missing is said, and ends the script.
"""

import collections
import contextlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import traceback

ROOT = pathlib.Path(__file__).resolve().parents[2]

Answer = collections.namedtuple("Answer", "status headers body")


def run(name, checks, within):
    """Runs `checks(count, folder)` for at most `within` seconds, and ends the process with its outcome."""
    count = Count()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupted)
    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(within)
    with tempfile.TemporaryDirectory(prefix="saddlebag-") as folder:
        folder = pathlib.Path(folder)
        try:
            checks(count, folder)
        except Missing as missing:
            sys.exit(f"{name}: {missing}")
        except Exception:
            count.that(f"{name} runs to its end", False, traceback.format_exc())
        signal.alarm(0)
        if count.failed:
            for log in folder.glob("*.log"):
                print(f"-- the end of {log.name}", *log.read_text(errors="replace").splitlines()[-40:], sep="\n")
    print(f"{name}: {count.passed} passed, {count.failed} failed")
    sys.exit(1 if count.failed or not count.passed else 0)


class Missing(Exception):
    """What a check needs and this machine does not have."""


class Count:
    """Checks that held, and that did not."""

    def __init__(self):
        self.passed = self.failed = 0

    def that(self, sentence, holds, told=""):
        """Counts one check; what is told is shown where it does not hold."""
        if holds:
            self.passed += 1
        else:
            self.failed += 1
        print(f"{'ok  ' if holds else 'FAIL'} {sentence}", flush=True)
        if not holds and told:
            print("     " + str(told).strip().replace("\n", "\n     "), flush=True)


class Node:
    """A running `saddlebag serve` with listeners of its own, and a ring unless it is given one; it ends with the block."""

    def __init__(self, folder, *flags, policy=(), ring=None):
        self.folder = folder
        self.program = program()
        self.ring = ring or f"file:{folder / 'ring.json'}"
        if not ring:
            saddlebag("keys", "init", "--ring", self.ring, *policy)
        self.flags = flags

    def credential(self, *roles):
        """A credential of these roles."""
        roles = [word for role in roles for word in ("--role", role)]
        return saddlebag("credential", "issue", "--ring", self.ring, *roles)

    def __enter__(self):
        self.start()
        return self

    def start(self):
        listeners = ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]
        told = self.folder / "serve.out"
        with told.open("wb") as output, (self.folder / "serve.log").open("wb") as log:
            self.process = subprocess.Popen(
                [self.program, "serve", "--ring", self.ring, *listeners, *self.flags],
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=log,
            )
        try:
            wait_for("the node is ready", lambda: self.ended() or "ready\n" in told.read_text())
            if self.ended():
                raise RuntimeError("saddlebag serve ended before it was ready")
        except BaseException:
            self.stop()
            raise
        lines = dict(line.split(" listening on ") for line in told.read_text().splitlines() if " on " in line)
        self.api, self.admin = lines["api"], lines["admin"]

    def __exit__(self, *_):
        self.stop()

    def ended(self):
        return self.process.poll() is not None

    def stop(self):
        stop(self.process)

    def kill(self):
        """Ends it as a crash does: it closes nothing, and says goodbye to nobody."""
        self.process.kill()
        self.process.wait()


def request(address, method, path, body=None, headers=(), ca=None, patience=10):
    """One request on a connection of its own; a body that is not text is sent as JSON, with TLS if there is a CA."""
    headers = dict(headers)
    if body is not None and not isinstance(body, str):
        body = json.dumps(body)
        headers.setdefault("content-type", "application/json")
    if ca:
        made = http.client.HTTPSConnection(address, timeout=patience, context=ssl.create_default_context(cafile=ca))
    else:
        made = http.client.HTTPConnection(address, timeout=patience)
    with contextlib.closing(made) as connection:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read().decode(errors="replace"))


def bearer(credential):
    """The header with which a caller says who it is."""
    return {"authorization": f"Bearer {credential}"}


def wait_for(what, happens, within=30):
    """Waits until `happens()` gives something, and returns it."""
    deadline = time.monotonic() + within
    while not (happened := happens()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {within} s in vain: {what}")
        time.sleep(0.05)
    return happened


def stop(process, group=False):
    """Ends a process that was started here, the hard way where it does not end by itself."""
    send = (lambda number: os.killpg(process.pid, number)) if group else process.send_signal
    for number, patience in ((signal.SIGTERM, 15), (signal.SIGKILL, 5)):
        with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
            send(number)
            process.wait(patience)
            return


def saddlebag(*arguments):
    """What a command of the program prints."""
    done = subprocess.run([program(), *arguments], env=environment(), capture_output=True, text=True, timeout=30)
    if done.returncode:
        raise RuntimeError(f"saddlebag {' '.join(arguments[:2])}: {done.stderr}")
    return done.stdout.strip()


def program():
    """The program to check: SADDLEBAG_BIN, or the debug build."""
    found = pathlib.Path(os.environ.get("SADDLEBAG_BIN") or ROOT / "target/debug/saddlebag")
    if not os.access(found, os.X_OK):
        raise Missing(f"{found} is no program: build it (cargo build --features server), or set SADDLEBAG_BIN")
    return str(found.resolve())


def tool(name):
    """A program of another package."""
    found = shutil.which(name)
    if not found:
        raise Missing(f"{name} is missing: run tests/peers/install")
    return found


def free():
    """An address that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return f"127.0.0.1:{found.getsockname()[1]}"


def listens(address):
    host, port = address.split(":")
    with contextlib.suppress(OSError), socket.create_connection((host, int(port)), 1):
        return True
    return False


def cached(name, variable, package=None):
    """A program that is named by a variable, installed, or in the cache of tests/peers/install, there by its package."""
    found = os.environ.get(variable) or shutil.which(name)
    if found:
        return found
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "saddlebag-tests"
    for place in sorted(cache.glob(f"{package or name}-*"), reverse=True):
        for file in (place / name, place / "bin" / name):
            if os.access(file, os.X_OK):
                return str(file)
    raise Missing(f"{name} is missing: run tests/peers/install")


def environment():
    """This process's, without what would change the program's settings."""
    return {name: value for name, value in os.environ.items() if not name.startswith("SADDLEBAG_")}


def interrupted(number, _):
    sys.exit(f"ended by {signal.Signals(number).name}")


def too_long(*_):
    raise TimeoutError("the whole script took too long")
