"""What the checks of the clients share: one world for all of them, and what every demo has to show."""

import contextlib
import json
import os
import traceback

from servers import Busy, Ring, Server, certificate
from harness import ROOT

CLIENTS = ROOT / "examples" / "clients"


class World(contextlib.ExitStack):
    """A ring, three callers, one service over TCP, TLS and a Unix socket, and one that is busy."""

    def __init__(self, folder):
        super().__init__()
        self.folder = folder
        self.ring = Ring(folder)
        self.credential = self.ring.credential("shop", "issue", "verify")
        self.verifier = self.ring.credential("desk", "verify")
        # As `serve --dev` writes one: every client takes that, too.
        self.header = folder / "authorization.header"
        self.header.write_text(f"Authorization: Bearer {self.credential.read_text().strip()}\n")
        self.wrong = folder / "wrong.credential"
        self.wrong.write_text(self.credential.read_text().strip()[:-4] + "AAAA\n")
        self.authority, self.key = certificate(folder)

    def __enter__(self):
        super().__enter__()
        with contextlib.ExitStack() as started:  # what is up ends, too, where the next does not come up
            tls = ("--tls-cert", str(self.authority), "--tls-key", str(self.key))
            self.api = "http://" + started.enter_context(Server(self.ring, "127.0.0.1:0")).address
            self.tls = "https://" + started.enter_context(Server(self.ring, "127.0.0.1:0", *tls)).address
            # This user needs no credential there.
            local = ("--allow-uid", f"{os.getuid()}=issue,verify")
            self.unix = started.enter_context(Server(self.ring, f"unix:{self.folder / 'api.sock'}", *local)).address
            self.busy = started.enter_context(Busy())
            self.push(started.pop_all())
        return self


class Checks:
    """Counts into the harness's count; a line a client, and one for what does not hold."""

    def __init__(self, count):
        self.count = count

    def that(self, sentence, holds, told=""):
        if holds:
            self.count.passed += 1
        else:
            self.count.that(sentence, False, told)

    def equal(self, sentence, seen, wanted):
        self.that(sentence, seen == wanted, f"{seen!r}\nis not {wanted!r}")

    @contextlib.contextmanager
    def of(self, client):
        passed, failed = self.count.passed, self.count.failed
        try:
            yield
        except Exception:  # the other clients are checked all the same
            self.that(f"{client} is checked to its end", False, traceback.format_exc())
        passed, failed = self.count.passed - passed, self.count.failed - failed
        print(f"{client + ':':12}{'FAILED' if failed else 'ok'}, {passed} of {passed + failed} checks", flush=True)

    def demo(self, ran):
        """What every client's demo has to show."""
        self.equal("the demo ends well", (ran.returncode, ran.stderr), (0, ""))
        self.that("no token is printed", "sb1" not in ran.stdout, ran.stdout)
        lines = [(line[:13].strip(), line[14:]) for line in ran.stdout.splitlines()]
        refusal = lines.pop()
        self.equal("the last line is the error", refusal[0], "no credential")
        self.that("which is told", "unauthenticated (401): send one of" in refusal[1], refusal)
        seen = {}
        for what, text in lines:
            answer = json.loads(text)
            answers = answer["results"] if answer and "results" in answer else [answer]
            seen.setdefault(what, []).extend(session_in(answer) for answer in answers)
        ([login], [request], [changed], [bob]) = map(seen.get, ("login", "request", "cart changed", "bob's login"))
        begun = tuple(login[name] for name in ("subject", "revision", "state", "audience"))
        self.equal("a login begins a session", begun, ("alice", 0, {"cart": ["apples"]}, "default"))
        self.equal("a request has that session", request, login)
        self.equal("a changed cart keeps the id", changed["id"], login["id"])
        self.equal("and is revision 1", changed["revision"], 1)
        self.equal("and replaces the state", changed["state"], {"cart": ["apples", "pears"]})
        self.that("another subject gets another id", bob["id"] != login["id"], bob)
        begun = tuple(bob[name] for name in ("subject", "revision", "state"))
        self.equal("and a session of its own", begun, ("bob", 0, {"cart": []}))
        self.equal("a batch is answered in order", seen["batch"], [login, None, bob])
        [told] = seen["introspection"]
        issued, expires, began, ends = (told.pop(name) for name in ("iat", "exp", "auth_time", "ends"))
        wanted = {"active": True, "sub": "bob", "aud": "default", "rev": 0, "jti": bob["id"], "state": {"cart": []}}
        self.equal("introspection tells the same", told, wanted)
        self.equal("and times in seconds", (expires - issued, ends - began), (900, 86_400))
        self.equal("no token is an answer", seen["no token"], [None])


def session_in(answer):
    """The session in a whole answer, as the shell's demo prints it; what is one, or none, as it is."""
    is_whole = answer is not None and not {"id", "jti"} & answer.keys()
    return answer.get("session") if is_whole else answer
