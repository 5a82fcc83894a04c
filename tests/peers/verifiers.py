"""Answers each line of a file, a vector of tests/vectors, with what the verifiers of examples/python make of it, a line each."""

import base64
import json
import pathlib
import sys

sys.path.insert(0, sys.argv[1])
import verify_jwt  # noqa: E402
from verify import Refused, Root, decode_state, verify  # noqa: E402


def typed(value):
    """With the type of each value, as verifiers.mjs has it."""
    if value is None:
        return {"n": None}
    for kind, name in ((bool, "b"), (str, "s")):
        if isinstance(value, kind):
            return {name: value}
    if isinstance(value, (int, float)):
        return {"i" if isinstance(value, int) else "f": str(value)}
    if isinstance(value, bytes):
        return {"s": base64.urlsafe_b64encode(value).rstrip(b"=").decode()}
    if isinstance(value, list):
        return {"l": [typed(item) for item in value]}
    return {"m": [[name, typed(item)] for name, item in value.items()]}


def answer(vector):
    if "cbor" in vector:
        return state(lambda: decode_state(bytes.fromhex(vector["cbor"])))
    if "token" not in vector:
        return audience(vector["audience"])
    roots = [
        Root(bytes.fromhex(root["secret"]), root.get("drains_until"), root.get("revoked_at") is not None)
        for root in vector["roots"]
    ]
    settings = {name: vector[name] for name in ("audience", "now", "skew", "max_length") if name in vector}
    settings["binding"] = bytes.fromhex(vector["binding"])
    try:
        if vector.get("alg"):
            found = verify_jwt.verify(vector["token"], roots, algorithm=vector["alg"], **settings)
        else:
            found = verify(vector["token"], roots, **settings)
    except Refused as refused:
        return {"reason": str(refused)}
    claims = {name: getattr(found, name) for name in ("started_at", "issued_at", "expires_at", "ends_at", "revision", "subject")}
    claims |= {"id": found.id.hex(), "state": found.state_cbor.hex()}
    return {"claims": claims} | state(found.state)


def state(decode):
    try:
        return {"state": typed(decode())}
    except ValueError as error:
        return {"state_error": str(error)}


def audience(name):
    """No token is given: it is the audience that is looked at."""
    try:
        verify("", [], name)
    except Refused:
        return {}
    except ValueError:
        return {"reason": "audience"}


for line in pathlib.Path(sys.argv[2]).read_text().splitlines():
    print(json.dumps(answer(json.loads(line))))
