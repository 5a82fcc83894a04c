"""Verifies saddlebag tokens, signed and sealed, written from docs/token-format.md alone. It needs `cryptography`.

    import verify
    session = verify.verify(token, [root], audience="shop")     # 32 bytes each; Refused where it is no session
    session.subject, session.state()

Numbers behind comments are sections of that document; verify_jwt.py takes jwt as well. For applications that cannot ask a node
or a sidecar: it takes roots, and knows nothing of rings that change.
"""

import base64
import hmac
import re
import struct
import time
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SIGNED, SEALED = b"\xb1\xbd\x6c", b"\xb1\xbd\x5e"
SHORTEST = {"sb1s": 59, "sb1e": 91}
LATEST = 2**40


class Refused(Exception):
    """The token is no session; the reason is for a log, and for nobody who sent it."""


@dataclass(frozen=True)
class Root:
    """A key of the ring (5). Times are Unix seconds."""

    secret: bytes
    drains_until: int | None = None
    revoked: bool = False


@dataclass(frozen=True)
class Session:
    """Claims that are authentic and in time (6)."""

    id: bytes
    started_at: int
    issued_at: int
    expires_at: int
    ends_at: int
    revision: int
    subject: str | None
    state_cbor: bytes

    def state(self):
        """The application's data, decoded when it is asked for; ValueError where it breaks the format."""
        return decode_state(self.state_cbor)


def verify(token, roots, audience, now=None, skew=60, binding=b"", max_length=4096):
    """The session of a token (7); ValueError where the settings are none that a ring or a verifier may have."""
    check_settings(audience, skew, binding, max_length)
    now = int(time.time()) if now is None else now
    if len(token) > max_length:
        raise Refused("too_long")
    shortest = SHORTEST.get(token[:4])
    if shortest is None:
        raise Refused("not_a_token")
    data = strict_base64url(token) if len(token) >= shortest else None
    if data is None:
        raise Refused("malformed")
    header, body = data[:7], data[7:]
    root = usable((root for root in roots if expand(root.secret, b"saddlebag/1 key id")[:4] == header[3:]), now)
    claims = opened(header, body, audience_key(root, audience), binding)
    if claims is None:
        raise Refused("bad_tag")
    try:
        session = read_claims(claims)
    except ValueError as error:
        raise Refused("bad_claims") from error
    return in_time(session, now, skew)


def check_settings(audience, skew, binding, max_length):
    if not re.fullmatch("[a-z0-9._:/-]{1,128}", audience):
        raise ValueError("an audience is 1 to 128 characters of [a-z0-9._:/-]")
    if not (len(binding) <= 1024 and 0 <= skew <= 300 and 0 < max_length <= 65536):
        raise ValueError("a binding, a skew or a length out of its bounds")


def usable(named, now):
    """The root that a token names, where it may verify."""
    root = next(named, None)
    if root is None:
        raise Refused("unknown_key")
    if root.revoked:
        raise Refused("key_revoked")
    if root.drains_until is not None and now >= root.drains_until:
        raise Refused("key_retired")
    return root


def audience_key(root, audience):
    return expand(root.secret, b"saddlebag/1 audience " + audience.encode())


def in_time(session, now, skew):
    if now >= session.expires_at + skew:
        raise Refused("expired")
    if session.issued_at > now + skew:
        raise Refused("not_yet_valid")
    return session


def strict_base64url(text):
    """1: one spelling, and no other."""
    if not re.fullmatch("[A-Za-z0-9_-]*", text, re.ASCII) or len(text) % 4 == 1:
        return None
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    return data if base64.urlsafe_b64encode(data).rstrip(b"=").decode() == text else None


def expand(key, info):
    """5: HKDF-Expand of one block."""
    return hmac.digest(key, info + b"\x01", "sha256")


def opened(header, body, key, binding):
    """The claims, where the tag is right (3, 4)."""
    if header[:3] == SIGNED:
        claims, tag = body[:-16], body[-16:]
        text = header + struct.pack(">I", len(binding)) + binding + claims
        right = hmac.digest(expand(key, b"saddlebag/1 signed"), text, "sha256")[:16]
        return claims if hmac.compare_digest(tag, right) else None
    nonce, sealed = body[:24], body[24:]
    derived = xaes_key(expand(key, b"saddlebag/1 sealed"), nonce[:12])
    try:
        return AESGCM(derived).decrypt(nonce[12:], sealed, header + binding)
    except InvalidTag:
        return None


def xaes_key(key, prefix):
    """C2SP's XAES-256-GCM: two blocks of CMAC as a key."""
    block = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    first = int.from_bytes(block.update(bytes(16)), "big")
    subkey = (first << 1) ^ (0x87 if first >> 127 else 0)
    subkey &= (1 << 128) - 1
    derived = b""
    for counter in (1, 2):
        message = int.from_bytes(bytes([0, counter]) + b"X\x00" + prefix, "big")
        derived += block.update((message ^ subkey).to_bytes(16, "big"))
    return derived


def read_claims(data):
    """6: what the table allows, and nothing else."""
    if data[:1] != b"\x88":
        raise ValueError("no array of eight")
    data = data[1:]
    items = []
    for wanted in (2, 0, 0, 0, 0, 0, 3):
        if wanted == 3 and data[:1] == b"\xf6":
            items.append(None)
            data = data[1:]
            continue
        major, argument, data = head(data, shortest=True)
        if major != wanted:
            raise ValueError("an item of another type")
        if major == 0:
            items.append(argument)
            continue
        if argument > len(data):
            raise ValueError("an item that is cut")
        items.append(data[:argument])
        data = data[argument:]
    name, started, issued, expires, ends, revision, subject = items
    if not data:
        raise ValueError("no state")
    issued_at = started + issued
    check_claims(name, started, issued_at, issued_at + expires, started + ends, revision, subject)
    subject = None if subject is None else subject.decode()
    return Session(name, started, issued_at, issued_at + expires, started + ends, revision, subject, data)


def check_claims(name, started_at, issued_at, expires_at, ends_at, revision, subject):
    """What holds of claims in any encoding (6); the subject as bytes."""
    if len(name) != 12 or not 0 <= revision < 2**32:
        raise ValueError("an id or a revision that is none")
    if subject is not None and not 1 <= len(subject) <= 255:
        raise ValueError("a subject of another length")
    if not 0 <= started_at <= issued_at < expires_at <= ends_at < LATEST:
        raise ValueError("times out of order")


def head(data, shortest=False):
    """Major type and argument of an item of definite length, and the rest."""
    if not data:
        raise ValueError("truncated")
    major, low = data[0] >> 5, data[0] & 31
    if low < 24:
        return major, low, data[1:]
    length = {24: 1, 25: 2, 26: 4, 27: 8}.get(low)
    if length is None or len(data) <= length:
        raise ValueError("indefinite, reserved or truncated")
    argument = int.from_bytes(data[1 : 1 + length], "big")
    least = {1: 24, 2: 1 << 8, 4: 1 << 16, 8: 1 << 32}[length]
    if shortest and argument < least:
        raise ValueError("a longer form")
    return major, argument, data[1 + length :]


def decode_state(data):
    """The one item that state is."""
    value, rest = decoded(data)
    if rest:
        raise ValueError("bytes after the state")
    return value


def decoded(data, depth=0):
    """One item of state (6), and the rest. Byte strings are bytes."""
    start = data
    major, argument, data = head(data)
    if major == 7:
        return simple(start[0] & 31, start, data)
    if major == 0:
        return argument, data
    if major == 1:
        if argument >= 2**63:
            raise ValueError("an integer out of range")
        return -1 - argument, data
    if major in (2, 3):
        if argument > len(data):
            raise ValueError("truncated")
        value, data = data[:argument], data[argument:]
        return (value if major == 2 else value.decode()), data
    if major == 6:
        raise ValueError("a tag")
    if depth == 32:
        raise ValueError("too deep")
    if major == 4:
        values = []
        for _ in range(argument):
            value, data = decoded(data, depth + 1)
            values.append(value)
        return values, data
    values = {}
    for _ in range(argument):
        name, data = decoded(data, depth + 1)
        if not isinstance(name, str) or name in values:
            raise ValueError("a key that is not text, or twice")
        values[name], data = decoded(data, depth + 1)
    return values, data


def simple(low, start, data):
    if low in (20, 21, 22):
        return {20: False, 21: True, 22: None}[low], data
    form = {25: ">e", 26: ">f", 27: ">d"}.get(low)
    if form is None:
        raise ValueError("a simple value")
    (value,) = struct.unpack(form, start[1 : 1 + struct.calcsize(form)])
    if value != value or value in (float("inf"), float("-inf")):
        raise ValueError("no number")
    return value, data
