"""Connections that take a seat and give as little as they can for it: slow heads, slow bodies, half handshakes, silence."""

import collections
import contextlib
import selectors
import ssl
import time

from frames import CONTINUATION, HEADERS, PREFACE, SETTINGS, fields, frame
from siege import Fact, connected

# By the limit of 1,024 connections from one peer, which stays as it is.
PER_SOURCE = 1_000


class Held:
    """One connection: what it drips, what it heard, and from when until when it was there."""

    def __init__(self, target, number, opening, drip):
        # Before it connects: the node's clock cannot have begun earlier.
        self.since, self.ended = time.monotonic(), None
        self.stream = connected(target.api, source=f"127.0.0.{2 + number // PER_SOURCE}", patience=10)
        self.stream.setblocking(False)
        self.drip, self.due, self.heard = drip, self.since + 1, b""
        self.send(opening)

    def send(self, what):
        # Who cannot send has been closed, which is read, too.
        with contextlib.suppress(OSError):
            self.stream.send(what)


def hold(target, number, *kinds, within=30, opened_within=1.0, each=1):
    """Opens so many connections of each kind in turn, drips a little each second (or `each` seconds) on each, and waits
    for the node to close them. A kind is what is said at first, and what drips."""
    selector = selectors.DefaultSelector()
    held, drips, ended, began = [], collections.deque(), 0, time.monotonic()
    while ended < number and (now := time.monotonic()) < began + within:
        while len(held) < number and now - began >= len(held) * opened_within / number:
            one = Held(target, len(held), *kinds[len(held) % len(kinds)])
            held.append(one)
            selector.register(one.stream, selectors.EVENT_READ, one)
            if one.drip:
                drips.append(one)
        for key, _ in selector.select(0.01):
            ended += heard(selector, key.data)
        # All drip at the same pace: who is next stands first.
        while drips and drips[0].due <= now:
            one = drips.popleft()
            if not one.ended:
                one.send(one.drip)
                one.due += each
                drips.append(one)
    selector.close()
    return held


def heard(selector, one):
    """Takes what has come; whether that was the end."""
    try:
        piece = one.stream.recv(16_384)
    except OSError:
        piece = b""
    one.heard += piece
    if piece:
        return False
    one.ended = time.monotonic()
    selector.unregister(one.stream)
    one.stream.close()
    return True


def closed_in_time(held, number, limit, what="limit"):
    """That each lived as long as the limit lets it, and no longer than a second more. This process may be late to see
    that they are gone: the other, which looks at the node's files, judges that."""
    lives = sorted((one.ended or float("inf")) - one.since for one in held)
    told = f"{len(lives)} connections, seen closed after {lives[0]:.2f} to {lives[-1]:.2f} s; the limit is {limit} s"
    whole = len(held) == number and lives[-1] < float("inf")
    return [
        Fact(f"{number:,} connections are taken, none closed before the {what} of {limit} s is over", whole and lives[0] >= limit - 0.2, told),
        Fact("each is closed within it and a second", by=held[-1].since + limit + 1, told=told),
    ]


def slow_heads(number, each=1):
    """Request heads that never end, a byte each second, or so many."""

    def strike(target):
        opening = b"POST /v1/sessions/verify HTTP/1.1\r\nhost: saddlebag\r\nx: "
        held = hold(target, number, (opening, b"x"), opened_within=number / 3_000, each=each)
        return closed_in_time(held, number, target.deadlines["head"])

    return strike


def silence(number):
    """Connections that say nothing, or half of HTTP/2's preface."""

    def strike(target):
        held = hold(target, number, (b"", b""), (PREFACE[:12], b""))
        return closed_in_time(held, number, target.deadlines["head"])

    return strike


def idle(number):
    """Connections that asked once, and then nothing."""

    def strike(target):
        held = hold(target, number, (b"GET /v1/x HTTP/1.1\r\nhost: saddlebag\r\n\r\n", b""))
        answered = sum(one.heard.startswith(b"HTTP/1.1 404 ") for one in held)
        facts = [Fact("their one request is answered 404", answered == number, f"{answered} of {number}")]
        return facts + closed_in_time(held, number, target.deadlines["idle"])

    return strike


def slow_bodies(number):
    """Bodies that drip, of a caller with a credential: who has none is not waited for."""

    def strike(target):
        head = b"POST /v1/sessions HTTP/1.1\r\nhost: saddlebag\r\ncontent-type: application/json\r\ncontent-length: 999\r\n"
        known = head + f"authorization: Bearer {target.credential}\r\n\r\n{{".encode()
        held = hold(target, number, (known, b" "))
        statuses = collections.Counter(one.heard[9:12] for one in held)
        anonymous = hold(target, number, (head + b"\r\n{", b" "), within=10)
        refused = sum(one.heard.startswith(b"HTTP/1.1 401 ") for one in anonymous)
        slowest = max((one.ended or float("inf")) - one.since for one in anonymous)
        return closed_in_time(held, number, target.deadlines["body"]) + [
            Fact("each is answered 408", statuses == {b"408": number}, statuses),
            Fact("without a credential each is answered 401", refused == number, f"{refused} of {number}"),
            Fact("and that at once", slowest < 1, f"{slowest:.2f} s", timed=True),
        ]

    return strike


def half_handshakes(number):
    """TLS without end: silence, half a ClientHello that drips, a whole one that nothing follows."""

    def strike(target):
        hello = client_hello()
        held = hold(target, number, (b"", b""), (hello[: len(hello) // 2], b"\0"), (hello, b""))
        answered = sum(one.heard[:1] == b"\x16" for one in held)
        facts = [Fact("whole ClientHellos are answered, others are not", answered == number // 3, f"{answered} of {number}")]
        return facts + closed_in_time(held, number, target.deadlines["handshake"])

    return strike


def client_hello():
    context = ssl.create_default_context()
    inward, outward = ssl.MemoryBIO(), ssl.MemoryBIO()
    made = context.wrap_bio(inward, outward, server_hostname="localhost")
    with contextlib.suppress(ssl.SSLWantReadError):
        made.do_handshake()
    return outward.read()


def silent_http2(number):
    """HTTP/2 that answers no ping: it is closed once the ping, sent after the limit, has waited for as long again."""

    def strike(target):
        held = hold(target, number, (PREFACE + frame(SETTINGS), b""))
        pinged = sum(b"\0\0\x08\x06\0\0\0\0\0" in one.heard for one in held)
        facts = [Fact("each is pinged", pinged == number, f"{pinged} of {number}")]
        return facts + closed_in_time(held, number, 2 * target.deadlines["head"], "ping's time-out")

    return strike


def http2_heads_without_end(number):
    """HEADERS that are not the last of their head, and an empty CONTINUATION a second: nothing else may come between,
    so the ping stays unanswered."""

    def strike(target):
        opening = PREFACE + frame(SETTINGS) + frame(HEADERS, 0, 1, fields(target, "/v1/sessions"))
        held = hold(target, number, (opening, frame(CONTINUATION, 0, 1)))
        limit = 2 * target.deadlines["head"]
        ended = sum(one.ended is not None for one in held)
        sentence = f"they are closed within the ping's time-out of {limit} s and a second"
        return [Fact(sentence, ended == number, f"{ended} of {number}", by=held[-1].since + limit + 1)]

    return strike
