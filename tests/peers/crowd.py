"""Visitors of the counter, each with a cookie and a count, and what they saw."""

import base64
import collections
import contextlib
import http.client
import re
import threading
import time

COOKIE = "__Host-session"
ANSWER = re.compile(r"visit (\d+), process (\d+)\n")
# Seconds between two visits of one visitor: a load that a shared machine has room for.
PAUSE = 0.02

Break = collections.namedtuple("Break", "visitor at before now")


class Failure(collections.namedtuple("Failure", "visitor begun ended what")):
    def was_under_way_at(self, moment):
        return self.begun <= moment <= self.ended


class Visitor:
    """A client with one cookie and one connection, which it keeps."""

    def __init__(self, address):
        self.cookie = None
        self.count = 0
        self.move(address)

    def move(self, address):
        """Goes on at another address."""
        self.connection = http.client.HTTPConnection(address, timeout=10)

    def ask(self):
        """A visit: its number as the node says, and the node's process. What is no answer is an exception."""
        try:
            self.connection.request("GET", "/", headers={"cookie": self.cookie} if self.cookie else {})
            answer = self.connection.getresponse()
            text = answer.read().decode()
        except Exception:
            self.connection.close()
            raise
        if answer.status != 200:
            raise RuntimeError(f"status {answer.status}: {text[:80]}")
        # The law is nothing without a token that carries it on.
        self.cookie = next(line.split(";")[0] for line in answer.headers.get_all("set-cookie"))
        return self.read(text)

    @staticmethod
    def read(text):
        number, process = ANSWER.fullmatch(text).groups()
        return int(number), int(process)

    def key(self):
        """The id of the key of its token, by the first bytes (docs/token-format.md)."""
        token = self.cookie.removeprefix(f"{COOKIE}=")
        return base64.urlsafe_b64encode(base64.urlsafe_b64decode(token[:12])[3:7]).decode().rstrip("=")


class Seen:
    """What happened in a while: it grows until the while ends."""

    def __init__(self, size):
        self.answered, self.processes, self.failed, self.breaks = 0, set(), [], []
        self.visits = [0] * size

    def all_went_on(self):
        """Each visitor was answered."""
        return all(self.visits)

    def is_whole(self):
        return self.all_went_on() and not self.failed and not self.breaks

    def __str__(self):
        return "\n".join(
            [f"{self.answered} answers by {self.processes}, at least {min(self.visits)} a visitor"]
            + [f"{len(self.failed)} failed, {len(self.breaks)} gaps"]
            + [str(what) for what in (self.failed + self.breaks)[:20]]
        )


class Crowd:
    """Visitors at once, a thread each; they leave with the block."""

    def __init__(self, address, size):
        """The whole crowd's experience is in `all`."""
        self.visitors = [Visitor(address) for _ in range(size)]
        self.lock = threading.Lock()
        self.watching = []
        self.all = Seen(size)
        self.ended = threading.Event()
        self.threads = [threading.Thread(target=self.visit, args=(number,)) for number in range(size)]

    def __enter__(self):
        self.watching.append(self.all)
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        for thread in self.threads:
            thread.join(20)

    @contextlib.contextmanager
    def watched(self):
        """What happens during the block."""
        seen = Seen(len(self.visitors))
        with self.lock:
            self.watching.append(seen)
        try:
            yield seen
        finally:
            with self.lock:
                self.watching.remove(seen)

    def visit(self, number):
        visitor = self.visitors[number]
        while not self.ended.wait(PAUSE):
            begun = time.monotonic()
            try:
                count, process = visitor.ask()
            except Exception as error:  # every kind of it is an answer that did not come
                self.tell("failed", Failure(number, begun, time.monotonic(), repr(error)))
                continue
            if count != visitor.count + 1:
                self.tell("breaks", Break(number, time.monotonic(), visitor.count, count))
            visitor.count = count
            with self.lock:
                for seen in self.watching:
                    seen.answered += 1
                    seen.visits[number] += 1
                    seen.processes.add(process)

    def tell(self, what, which):
        with self.lock:
            for seen in self.watching:
                getattr(seen, what).append(which)

    def keys(self):
        """The ids of the keys of all visitors' tokens."""
        return {visitor.key() for visitor in self.visitors}

