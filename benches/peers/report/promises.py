"""What was promised (issue 5, "Speed"), and whether this run keeps it. Nothing here is typed in by hand but targets."""

from dataclasses import dataclass

from tables import PAYLOADS

SEALED, SIGNED = "saddlebag sealed", "saddlebag signed"
JWT = "jsonwebtoken HS256"
JWTS = ("saddlebag jwt HS256", "saddlebag jwt EdDSA")
# Targets at the four payloads.
FLOOR_RATIO, FLOOR_ABOVE = 1.3, 100
BYTES = dict(zip(PAYLOADS, (2, 2.5, 3.5, 4)))
TYPED = dict(zip(PAYLOADS, (3, 3, 3, 2.5)))
BORROWED = dict(zip(PAYLOADS, (4, 4, 4, 4)))
ISSUE = dict(zip(PAYLOADS, (1.2, 1.6, 3, 4)))
LONGEST = 4_000


@dataclass
class Promise:
    what: str
    where: str
    measured: str
    target: str
    # `None`: told, not judged.
    met: bool | None


def judge(run):
    promised = []
    for check in (floor, best_sealed, typed, borrowed, issue, best_signed, jwt, shortest, longest):
        for payload, size in PAYLOADS.items():
            promised += check(run, payload, size)
    return promised + laws(run) + allocations(run)


def floor(run, payload, size):
    """To the fastest floor of all, and to the fastest of what saddlebag might be made of."""
    ours = run.one(SEALED, payload)["ns"]["verify"]
    promised = []
    for what, without in ("to the fastest floor", None), ("to the fastest floor without base64-turbo", "base64-turbo"):
        least, name = run.floor("sealed", payload, "verify", without=without)
        allowed = max(least * FLOOR_RATIO, least + FLOOR_ABOVE)
        measured = f"{ours / least:.2f} ({ours - least:+.0f} ns)"
        target = f"≤ {allowed / least:.2f} ({allowed - least:+.0f} ns)"
        promised.append(Promise(f"sealed: verify, {what}", f"{size}, {name}", measured, target, ours <= allowed))
    return promised


def times(what, where, theirs, ours, target):
    ratio = theirs / ours
    return Promise(what, where, f"{ratio:.2f}", f"≥ {target:g}", ratio >= target)


def best(run, payload, kinds, op, name):
    """The peer that comes nearest to us, each against us in its own process."""
    def ratio(row):
        return row["ns"][op] / run.one(name, payload, row["process"])["ns"][op]

    row = min((row for row in run.peers(payload, *kinds) if op in row["ns"]), key=ratio)
    return row["ns"][op], run.one(name, payload, row["process"])["ns"][op], row["name"]


def best_sealed(run, payload, size):
    theirs, ours, peer = best(run, payload, ["sealed"], "verify", SEALED)
    what = "sealed: verify, times faster than the best sealed peer, bytes out"
    return [times(what, f"{size}, {peer}", theirs, ours, BYTES[payload])]


def typed(run, payload, size):
    theirs, ours = run.one(JWT, payload)["ns"]["typed"], run.one(SEALED, payload)["ns"]["typed"]
    plain = run.relative(run.one(JWT, payload, "plain"), "typed") / run.relative(run.one(SEALED, payload), "typed")
    where = f"{size}; {plain:.2f} were it without saddlebag's float_roundtrip"
    return [times("sealed: verify typed, times faster than jsonwebtoken typed", where, theirs, ours, TYPED[payload])]


def borrowed(run, payload, size):
    theirs, ours = run.one(JWT, payload)["ns"]["typed"], run.one(SEALED, payload)["ns"]["borrowed"]
    what = "sealed: verify with borrowed strings, times faster than jsonwebtoken typed"
    return [times(what, size, theirs, ours, BORROWED[payload])]


def issue(run, payload, size):
    """Against the jsonwebtoken that draws its id without a call of the operating system: what the targets came from."""
    ours = run.one(SEALED, payload)["ns"]["issue"]
    theirs = run.one(f"{JWT}, thread's ids", payload)["ns"]["issue"]
    other = run.one(JWT, payload)["ns"]["issue"] / ours
    where = f"{size}; its id of the thread's generator ({other:.2f} were it the operating system's, as ours is)"
    return [times("sealed: issue typed, times faster than jsonwebtoken", where, theirs, ours, ISSUE[payload])]


def best_signed(run, payload, size):
    promised = []
    for op, name in (("verify", "verify"), ("issue_bytes", "issue, bytes in")):
        theirs, ours, peer = best(run, payload, ["signed"], op, SIGNED)
        what = f"signed: {name}, times faster than the best HMAC peer"
        promised.append(times(what, f"{size}, {peer}", theirs, ours, 1))
    return promised


def jwt(run, payload, size):
    promised = []
    for algorithm in ("HS256", "EdDSA"):
        ours, theirs = run.one(f"saddlebag jwt {algorithm}", payload), run.one(f"jsonwebtoken {algorithm}", payload)
        for op, name in (("issue", "issue typed"), ("verify", "verify, bytes out"), ("typed", "verify typed")):
            what = f"jwt {algorithm}: {name}, times faster than jsonwebtoken"
            promised.append(times(what, size, theirs["ns"][op], ours["ns"][op], 1))
    return promised


def shortest(run, payload, size):
    promised = []
    for what, kinds, name in (
        ("sealed: the shortest sealed token", ["sealed"], SEALED),
        ("signed: the shortest token of all", ["sealed", "signed", "public key"], SIGNED),
    ):
        ours = run.one(name, payload)["characters"]
        # With the same claims; and told, not judged, beside peers that know neither the session's start nor its end.
        for key, claims in (("full", "all of its claims"), ("characters", "peers with id, issued, expires only")):
            peer = min(run.peers(payload, *kinds), key=lambda row: row[key])
            met = ours < peer[key]
            promised.append(
                Promise(
                    f"{what}, {claims}", f"{size}, {peer['name']}", f"{ours:,} characters", f"< {peer[key]:,}",
                    met if key == "full" else None,
                )
            )
    return promised


def longest(run, payload, size):
    if payload != "p3k":
        return []
    ours = run.one(SEALED, payload)["characters"]
    return [Promise("sealed: fits a cookie", size, f"{ours:,} characters", f"≤ {LONGEST:,}", ours <= LONGEST)]


def laws(run):
    promised = []
    for finding in run.findings:
        limit = finding["limit"]
        if limit is None:
            continue
        value, least = finding["value"], finding["at_least"]
        met = value >= limit if least else value <= limit
        measured = f"{value:.2f} {finding['unit']}".strip()
        target = f"{'≥' if least else '≤'} {limit:g}"
        promised.append(Promise(finding["law"], finding["what"], measured, target, met))
    return promised


def allocations(run):
    promised = []
    for name in (SEALED, SIGNED, *JWTS):
        rows = [row for row in run.allocations if row["name"] == name]
        counts = sorted({row["verify"] for row in rows})
        measured = " to ".join(f"{count}" for count in dict.fromkeys((counts[0], counts[-1])))
        what = f"{name.removeprefix('saddlebag ')}: allocations of verify, of which one is the answer"
        promised.append(Promise(what, "all states, 1 and 32 keys", measured, "1", counts == [1]))
        grows = any(
            row[op] != other[op]
            for row in rows
            for other in rows
            if row["payload"] == other["payload"]
            for op in ("verify", "issue", "issue_bytes")
        )
        what = f"{name.removeprefix('saddlebag ')}: allocations that grow with the ring"
        promised.append(Promise(what, "1 and 32 keys", "some" if grows else "none", "none", not grows))
    return promised
