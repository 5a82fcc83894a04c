"""Verifies saddlebag tokens, jwt among them, written from docs/token-format.md alone. It needs `cryptography`, and verify.py.

    import verify_jwt
    session = verify_jwt.verify(token, [root], audience="shop", algorithm="HS256")     # or EdDSA, and never both

What is no jwt is verify.py's. Numbers behind comments are sections of that document.
"""

import hmac
import json
import time
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import verify as others
from verify import Refused, Root, expand, strict_base64url

__all__ = ["Refused", "Root", "Session", "verify"]

TIMES = ("auth_time", "iat", "exp", "ends")
DEEPEST = 32


@dataclass(frozen=True)
class Session(others.Session):
    """Claims of a jwt that are authentic and in time: its state is JSON, and was read with the rest."""

    state_json: object = None

    def state(self):
        return self.state_json


class MinusZero(int):
    """-0, which is 0 in a state, and neither a time nor a revision (10)."""


def verify(token, roots, audience, algorithm, now=None, skew=60, binding=b"", max_length=4096):
    """The session of a token (7, 8). The algorithm is pinned: what the token says of it is compared, and not believed."""
    if algorithm not in ("HS256", "EdDSA"):
        raise ValueError("an algorithm is HS256 or EdDSA")
    now = int(time.time()) if now is None else now
    if len(token) > max_length or token[:4] in others.SHORTEST or token.count(".") != 2:
        return others.verify(token, roots, audience, now, skew, binding, max_length)
    others.check_settings(audience, skew, binding, max_length)
    if binding:
        raise Refused("jwt_not_accepted")
    segments = [strict_base64url(segment) for segment in token.split(".")]
    if None in segments:
        raise Refused("malformed")
    try:
        header = json_object(segments[0])
    except ValueError as error:
        raise Refused("malformed") from error
    if header.keys() != {"alg", "kid", "typ"} or not isinstance(header["kid"], str):
        raise Refused("malformed")
    if (header["alg"], header["typ"]) != (algorithm, "JWT"):
        raise Refused("malformed")
    root = others.usable((root for root in roots if kid(root, audience) == strict_base64url(header["kid"])), now)
    signed = token.rpartition(".")[0].encode()
    if not is_right(algorithm, others.audience_key(root, audience), signed, segments[2]):
        raise Refused("bad_tag")
    try:
        session = read_payload(segments[1], audience)
    except ValueError as error:
        raise Refused("bad_claims") from error
    return others.in_time(session, now, skew)


def kid(root, audience):
    """5: what names a key of one audience, before base64url."""
    return expand(others.audience_key(root, audience), b"saddlebag/1 jwt kid")[:8]


def is_right(algorithm, key, signed, signature):
    if algorithm == "HS256":
        return hmac.compare_digest(hmac.digest(expand(key, b"saddlebag/1 jwt hs256"), signed, "sha256"), signature)
    public = Ed25519PrivateKey.from_private_bytes(expand(key, b"saddlebag/1 jwt eddsa")).public_key()
    try:
        public.verify(signature, signed)
    except InvalidSignature:
        return False
    return True


def read_payload(data, audience):
    """8: these members, and no others."""
    payload = json_object(data)
    if payload.keys() - {"sub"} != {"aud", *TIMES, "rev", "jti", "state"} or payload["aud"] != audience:
        raise ValueError("other members, or another audience")
    numbers = [payload[name] for name in (*TIMES, "rev")]
    # No bool, which is an int, too.
    if not all(type(number) is int for number in numbers):
        raise ValueError("a time or a revision that is no integer")
    subject, jti = payload.get("sub"), payload["jti"]
    if not isinstance(jti, str) or ("sub" in payload and not isinstance(subject, str)):
        raise ValueError("an id or a subject that is no text")
    name = strict_base64url(jti) or b""
    others.check_claims(name, *numbers, None if subject is None else subject.encode())
    return Session(name, *numbers, subject, b"", payload["state"])


def json_object(data):
    value = read_json(data)
    if not isinstance(value, dict):
        raise ValueError("no object")
    return value


def read_json(data):
    """6: each name once, integers as such, and no number that overflows."""

    def once(pairs):
        if len({name for name, _ in pairs}) != len(pairs):
            raise ValueError("a name twice")
        return dict(pairs)

    def integer(text):
        value = MinusZero() if text == "-0" else int(text)
        return value if -(2**63) <= value < 2**64 else binary64(text)

    def binary64(text):
        value = float(text)
        if value in (float("inf"), float("-inf")):
            raise ValueError("a number that overflows")
        return value

    def constant(name):
        raise ValueError(f"{name} is no JSON")

    try:
        value = json.loads(
            data.decode(), object_pairs_hook=once, parse_int=integer, parse_float=binary64, parse_constant=constant
        )
    except RecursionError as error:
        raise ValueError("too deep") from error
    # What is read is an object around the state.
    check_tree(value, DEEPEST + 1)
    return value


def check_tree(value, room):
    """No text with half a pair of surrogates, and nothing too deep."""
    if isinstance(value, str):
        value.encode()
    elif isinstance(value, (list, dict)):
        if room == 0:
            raise ValueError("too deep")
        for name in value if isinstance(value, dict) else ():
            name.encode()
        for item in value.values() if isinstance(value, dict) else value:
            check_tree(item, room - 1)
