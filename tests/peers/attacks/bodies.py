"""Bodies: without end, deep, wide, and all that is no JSON."""

import collections
import contextlib
import json
import pathlib
import select
import time

from siege import Fact, answer_of, connected

CASES = pathlib.Path(__file__).resolve().parent / "jsontestsuite/cases.json"
BODY, BATCH_BODY = 64 << 10, 2 << 20
# What the kernels of both ends may hold of a body that nobody reads.
IN_SOCKETS = 8 << 20
JSON, FORM = "application/json", "application/x-www-form-urlencoded"
POSTS = {
    "/v1/sessions": (JSON, BODY),
    "/v1/sessions/verify": (JSON, BODY),
    "/v1/sessions/renew": (JSON, BODY),
    "/v1/sessions/verify-batch": (JSON, BATCH_BODY),
    "/v1/introspect": (FORM, BODY),
}
GETS = ["/v1/keys", "/.well-known/jwks.json", "/openapi.json", "/docs", "/docs/index.css"]
PROBES = ["/healthz", "/readyz", "/metrics"]


def endless(target):
    """Chunked bodies that would be 10 GiB: to each route, with and without a credential, again and again."""
    wrong, sent, number, began = [], collections.Counter(), 0, time.monotonic()
    while time.monotonic() < began + 3:
        for path, (kind, most) in POSTS.items():
            wrong += poured(target.api, "POST", path, kind, target.credential, {413}, most, sent)
            wrong += poured(target.api, "POST", path, kind, None, {401}, 0, sent)
            number += 2
        for address, paths in ((target.api, GETS), (target.admin, PROBES)):
            for path in paths:
                # A GET has no use for a body, and answers before it ends.
                wrong += again(lambda: poured(address, "GET", path, JSON, target.credential, {200}, 0, sent))
                wrong += poured(address, "POST", path, JSON, target.credential, {405}, 0, sent)
                number += 2
        wrong += poured(target.api, "POST", "/no/such/path", JSON, target.credential, {404}, 0, sent)
        number += 1
    most = max(sent.values())
    return [
        Fact(f"each of {number} bodies, of 27 kinds, is answered (413, 401, 405, 404; 200 to a GET) after its limit, and then closed", not wrong, wrong),
        Fact("none takes more than its limit and 8 MiB in the kernel's buffers", most <= BATCH_BODY + IN_SOCKETS, dict(sent)),
    ]


def again(pour):
    """Once more where something is wrong: who still sends when the node has answered and closed may lose what is left of
    a long answer, as TCP has it."""
    return pour() and pour()


def poured(address, method, path, kind, credential, allowed, most, sent):
    """Sends a body until it is answered; what was wrong with the answer."""
    head = f"{method} {path} HTTP/1.1\r\nhost: saddlebag\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n"
    head += f"authorization: Bearer {credential}\r\n" if credential else ""
    chunk = b"4000\r\n" + b" " * 0x4000 + b"\r\n"
    went = 0
    with contextlib.closing(connected(address)) as stream:
        stream.sendall(head.encode() + b"\r\n")
        with contextlib.suppress(OSError):
            while went < 64 << 20 and not select.select([stream], [], [], 0)[0]:
                stream.sendall(chunk)
                went += len(chunk)
                # Paced: 64 KiB each 2 ms.
                if went % (4 * len(chunk)) == 0:
                    time.sleep(0.002)
        try:
            answer = answer_of(stream)
            ended = closed(stream)
        except OSError as error:
            answer, ended = str(error).encode(), False
    name = f"{method} {path}{'' if credential else ', anonymous'}"
    sent[name] = max(sent[name], went)
    status = int(answer[9:12]) if answer.startswith(b"HTTP/1.1 ") else 0
    if status in allowed and ended and went <= most + IN_SOCKETS:
        return []
    return [f"{name}: {answer[:80]!r} after {went} bytes, {'closed' if ended else 'not closed'}"]


def closed(stream):
    """Whether nothing more can come."""
    with contextlib.suppress(ConnectionError):
        return not stream.recv(1)
    return True


class Poster:
    """A caller that posts bodies, on a connection that it opens again where the node closed it."""

    def __init__(self, target):
        self.target, self.stream = target, None

    def post(self, path, body, kind=JSON):
        """The answer's status and body; 0 where there is none."""
        head = f"POST {path} HTTP/1.1\r\nhost: saddlebag\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n"
        head += f"authorization: Bearer {self.target.credential}\r\n\r\n"
        self.stream = self.stream or connected(self.target.api)
        with contextlib.suppress(OSError):
            self.stream.sendall(head.encode() + body)
        try:
            answer = answer_of(self.stream)
        except OSError as error:
            answer = str(error).encode()
        if not answer.startswith(b"HTTP/1.1 ") or b"\r\nconnection: close\r\n" in answer:
            self.stream.close()
            self.stream = None
        if not answer.startswith(b"HTTP/1.1 "):
            return 0, answer
        return int(answer[9:12]), answer.partition(b"\r\n\r\n")[2]


def json_cases(target):
    """JSONTestSuite's cases: as a whole body of each route, and as the state of a session."""
    poster, wrong, states = Poster(target), [], collections.Counter()
    for name, case in cases().items():
        body = case.encode("latin-1")
        large = len(body) > BODY
        for path, (_, most) in POSTS.items():
            kind = POSTS[path][0]
            status, told = poster.post(path, body, kind)
            # As a form, anything is one; without a token it is refused.
            allowed = {413} if len(body) > most else {400}
            if name[0] != "n" and path == "/v1/sessions" and body.strip() == b"{}":
                allowed = {201}
            if status not in allowed:
                wrong.append((name, path, status, told[:200]))
            time.sleep(0.001)
        status, told = poster.post("/v1/sessions", b'{"state":' + body + b"}")
        states[name[0], status] += 1
        allowed = {"n": {413} if large else {400}, "y": {400} if repeats(name) else {201}, "i": {201, 400, 422}}[name[0]]
        same = status != 201 or name[0] != "y" or json.loads(told)["session"]["state"] == json.loads(body)
        if status not in allowed or not same:
            wrong.append((name, "as state", status, told[:200]))
    of = {kind: sum(number for (first, _), number in states.items() if first == kind) for kind in "nyi"}
    failed = {case[0] for case in wrong}
    told = "\n".join(map(str, wrong[:10]))
    return [
        Fact(f"each of {of['n']} n_ cases is 400, above 64 KiB 413", not any(name[0] == "n" for name in failed) and of["n"] > 180, told),
        Fact(f"each of {of['y']} y_ cases is a state, and comes back the same; 400 where it repeats a name", not any(name[0] == "y" for name in failed) and of["y"] > 90, told),
        Fact(f"each of {of['i']} i_ cases is a state, or 400, or 422", not any(name[0] == "i" for name in failed) and of["i"] > 30, told),
    ]


def cases():
    """The cases' text by their names, a character a byte."""
    told = json.loads(CASES.read_text())
    return {name: case if isinstance(case, str) else case[0] * case[1] + case[2] for name, case in told.items()}


def repeats(name):
    return name.startswith("y_object_duplicated_key")


def deep_and_wide(target):
    """10^6 `[`, 10^6 names, and as much of either as a body may be."""
    million = 1_000_000
    wide = lambda number: b"{" + b",".join(b'"%x":1' % name for name in range(number)) + b"}"
    states = {
        "10^6 [": (b"[" * million, 413),
        "30,000 [ and as many ]": (b"[" * 30_000 + b"]" * 30_000, 422),
        "60,000 [": (b"[" * 60_000, 400),
        "129 deep": (b"[" * 129 + b"]" * 129, 422),
        "33 deep": (b"[" * 33 + b"]" * 33, 422),
        "32 deep": (b"[" * 32 + b"]" * 32, 201),
        "10^6 names": (wide(million), 413),
        "7,000 names": (wide(7_000), 422),
        "7,000 names, the last one twice": (wide(7_000)[:-1] + b',"1b57":1}', 400),
    }
    batches = {
        "10^6 [ in a batch": (b"[" * million, 400),
        "10^6 [ for its tokens": (b'{"tokens":' + b"[" * million, 400),
        "10^6 [ for a member it does not know": (b'{"x":' + b"[" * million, 400),
        "200,000 names in a batch": (wide(200_000), 400),
        "10^6 tokens of no length": (b'{"tokens":[' + b",".join([b'""'] * 600_000) + b"]}", 400),
    }
    bodies = [(name, "/v1/sessions", b'{"state":' + state + b"}", status) for name, (state, status) in states.items()]
    bodies += [(name, "/v1/sessions/verify-batch", body, status) for name, (body, status) in batches.items()]
    poster, wrong, began = Poster(target), [], time.monotonic()
    while time.monotonic() < began + 3:
        for name, path, body, wanted in bodies:
            status, told = poster.post(path, body)
            if status != wanted:
                wrong.append((name, wanted, status, told[:200]))
            time.sleep(0.02)
    table = ", ".join(f"{name} {wanted}" for name, _, _, wanted in bodies)
    return [Fact(f"each gets its answer: {table}", not wrong, "\n".join(map(str, wrong[:10])))]
