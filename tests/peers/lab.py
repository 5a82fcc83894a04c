"""The application of `cookies`, and the browser's view of it: its pages, its answers, its cookies."""

import contextlib
import os
import subprocess

from harness import Missing, environment, program, stop, wait_for

HOST = "shop.test"
# Every host below .test is this machine. An address that is not https stays so.
FLAGS = ["host-resolver-rules=MAP *.test 127.0.0.1", "disable-features=HttpsUpgrades,HttpsFirstBalancedModeAutoEnable"]
SESSION = "__Host-session"
ENDED = f"{SESSION}.ended"


class Node:
    """A process of the application; it ends with the block."""

    def __init__(self, folder, name, ring):
        self.folder, self.name, self.ring = folder, name, ring
        self.program = os.path.join(os.path.dirname(program()), "examples/cookie_lab")
        if not os.access(self.program, os.X_OK):
            raise Missing(f"{self.program} is no program: cargo build --features server --example cookie_lab")

    def __enter__(self):
        told = self.folder / f"{self.name}.out"
        with told.open("wb") as output, (self.folder / f"{self.name}.log").open("wb") as log:
            self.process = subprocess.Popen(
                [self.program, self.name, self.ring],
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=log,
            )
        try:
            wait_for("the node listens", lambda: self.process.poll() is not None or "ready\n" in told.read_text())
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended before it was ready")
        except BaseException:
            stop(self.process)
            raise
        lines = dict(line.split(" listening on ") for line in told.read_text().splitlines() if " on " in line)
        self.ports = {scheme: address.rpartition(":")[2] for scheme, address in lines.items()}
        return self

    def __exit__(self, *_):
        stop(self.process)

    def origin(self, host=HOST, scheme="https"):
        return f"{scheme}://{host}:{self.ports[scheme]}"

    def kill(self):
        """As a machine that loses its power."""
        self.process.kill()
        self.process.wait(15)


class Shop:
    """The application as the browser sees it. `ask` speaks from the page that is open."""

    def __init__(self, browser, node):
        self.browser, self.node = browser, node

    def visit(self, host=HOST, scheme="https"):
        self.browser.open(self.node.origin(host, scheme) + "/")

    @contextlib.contextmanager
    def afresh(self):
        """Without a cookie, on the shop's page."""
        self.browser.forget_cookies()
        self.visit()
        yield self

    def ask(self, path, method="GET", body=None):
        """Fetches a path of the page's own origin; what is JSON is read."""
        status, text, value = self.fetch(path, method, body)
        if not 200 <= status < 300:
            raise RuntimeError(f"{method} {path}: {status} {text}")
        return value

    def fetch(self, path, method="GET", body=None):
        """Status, text, and the value of JSON; status 0 where there is no answer."""
        return self.browser.script(
            """const [path, method, body, done] = arguments
            fetch(path, {method, body, cache: 'no-store'}).then(async answer => {
                const text = await answer.text()
                let value = null
                try { value = JSON.parse(text) } catch {}
                done([answer.status, text, value])
            }, error => done([0, String(error), null]))""",
            path,
            method,
            body,
            asynchronous=True,
        )

    def plant(self, host, *lines):
        """Sets cookies as the server of another host of the same machine, and comes back."""
        self.visit(host)
        self.ask("/plant", "POST", "\n".join(lines))
        self.visit()

    def hold(self, count, path="/session/slow"):
        """Begins requests whose answers wait for `release`."""
        self.browser.script(
            """const [count, path] = arguments
            window.slow = Array.from({length: count}, () => fetch(path).then(answer => answer.json()))""",
            count,
            path,
        )
        wait_for(f"{count} answers wait", lambda: self.ask("/waiting") == count)

    def release(self, count):
        """Lets them go, and waits until all have come: their bodies."""
        self.ask(f"/release/{count}", "POST")
        return self.browser.script(
            "const [done] = arguments\nPromise.all(window.slow).then(done, error => done(String(error)))",
            asynchronous=True,
        )

    def cookies(self, host=HOST):
        """The cookies that the browser has for exactly this host, by name."""
        return {cookie["name"]: cookie for cookie in self.browser.cookies() if cookie["domain"] == host}

    def names(self):
        return sorted(self.cookies())
