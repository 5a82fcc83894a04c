"""A client of Saddlebag's HTTP service: Python 3.9 or later, the standard library and nothing else.

    saddlebag = Saddlebag("http://127.0.0.1:7070", "shop.credential")
    issued = saddlebag.issue("alice", {"cart": ["apples"]})
    session = saddlebag.verify(issued["token"])  # None where the token is not valid: an answer, not an error

A whole session life, printed, beside `saddlebag serve --dev` (SADDLEBAG_URL names another service):

    SADDLEBAG_CREDENTIAL=~/.local/state/saddlebag/dev/authorization.header python saddlebag.py demo
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import ssl
import sys
import threading
import time
from typing import Any, TypedDict
from urllib.parse import urlencode, urlsplit


class Session(TypedDict):
    id: str
    subject: str | None
    audience: str
    started_at: str  # RFC 3339, as all four
    issued_at: str
    expires_at: str
    ends_at: str
    revision: int
    state: Any


class Issued(TypedDict):
    token: str
    session: Session


class Introspection(TypedDict, total=False):
    active: bool  # where it is false, nothing else is there
    sub: str
    aud: str
    iat: int  # Unix seconds, as all four
    exp: int
    auth_time: int
    ends: int
    rev: int
    jti: str
    state: Any


class SaddlebagError(Exception):
    """A problem that the service told (RFC 9457). Programs go by `code`."""

    def __init__(self, code: str, status: int, detail: str) -> None:
        super().__init__(f"{code} ({status}): {detail}")
        self.code, self.status, self.detail = code, status, detail


class Saddlebag:
    """One for the whole program: every thread, and every process after a fork, has a connection of its own.

    `base_url` is http://…, https://… or unix:/path/of/a/socket. The methods' options are the contract's other
    members: audience, binding, lifetime and so on.
    """

    def __init__(self, base_url: str, credential_file: str | None, ca_file: str | None = None) -> None:
        self._url, self._credential_file = urlsplit(base_url), credential_file
        self._tls = ssl.create_default_context(cafile=ca_file) if self._url.scheme == "https" else None
        self._connections: dict[tuple[int, int], http.client.HTTPConnection] = {}

    def issue(self, subject: str | None = None, state: Any = None, **options: Any) -> Issued:
        answer: Issued = self._json("/v1/sessions", subject=subject, state=state, **options)
        return answer

    def verify(self, token: str, **options: Any) -> Session | None:
        answer: Session | None = self._json("/v1/sessions/verify", token=token, **options).get("session")
        return answer

    def verify_batch(self, tokens: list[str], **options: Any) -> list[Session | None]:
        answer = self._json("/v1/sessions/verify-batch", tokens=tokens, **options)
        return [one.get("session") for one in answer["results"]]

    def renew(self, token: str, **changes: Any) -> Issued | None:
        """Changes are `state`, `subject` and `rotate_id`: what is not named stays, None sets null."""
        answer = self._json("/v1/sessions/renew", token=token, **changes)
        return answer if "token" in answer else None

    def introspect(self, token: str, **options: str) -> Introspection:
        form = urlencode({"token": token, **options}).encode()
        answer: Introspection = self._post("/v1/introspect", form, "application/x-www-form-urlencoded")
        return answer

    def _json(self, path: str, **members: Any) -> Any:
        return self._post(path, json.dumps(members).encode(), "application/json")

    def _post(self, path: str, body: bytes, kind: str) -> Any:
        headers = {"content-type": kind}
        if self._credential_file is not None:  # read each time: it is replaced before it ends
            with open(self._credential_file, encoding="ascii") as file:
                headers["authorization"] = "Bearer " + file.read().rpartition(" ")[2].strip()
        response, text = self._send(path, body, headers)
        if response.status == 503:  # once again: nothing is stored, so nothing happens twice
            after = response.headers.get("retry-after", "")
            time.sleep(min(int(after), 10) if after.isdecimal() else 1)
            response, text = self._send(path, body, headers)
        try:
            answer = dict(json.loads(text))
        except (TypeError, ValueError):  # a proxy's page, say
            answer = {}
        if response.status < 300 and answer:
            return answer
        detail = answer.get("detail") or answer.get("title") or response.reason
        raise SaddlebagError(answer.get("code", "http_error"), response.status, detail)

    def _send(self, path: str, body: bytes, headers: dict[str, str]) -> tuple[http.client.HTTPResponse, bytes]:
        key = (os.getpid(), threading.get_ident())
        while True:
            kept = self._connections.get(key)
            connection = self._connections[key] = kept or self._connect()
            try:
                prefix = "" if self._url.scheme == "unix" else self._url.path.rstrip("/")
                connection.request("POST", prefix + path, body, headers)
                response = connection.getresponse()
                return response, response.read()
            except (OSError, http.client.HTTPException) as error:
                del self._connections[key]
                connection.close()
                if not (kept and isinstance(error, ConnectionError)):  # a kept one may have ended meanwhile
                    raise

    def _connect(self) -> http.client.HTTPConnection:
        if self._url.scheme == "unix":
            return _UnixConnection(self._url.path)
        host, port = self._url.hostname or "localhost", self._url.port
        if self._tls:
            return http.client.HTTPSConnection(host, port, timeout=TIMEOUT, context=self._tls)
        return http.client.HTTPConnection(host, port, timeout=TIMEOUT)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost")
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(TIMEOUT)
        self.sock.connect(self._path)


def demo(url: str, credential_file: str | None) -> None:
    saddlebag = Saddlebag(url, credential_file)
    login = saddlebag.issue("alice", {"cart": ["apples"]})
    tell("login", login["session"])
    tell("request", saddlebag.verify(login["token"]))
    # What it answers goes to the browser in place of the token before it.
    changed = saddlebag.renew(login["token"], state={"cart": ["apples", "pears"]})
    assert changed, "a token that was just made is valid"
    tell("cart changed", changed["session"])
    # Another subject is another session, under an id that nobody knew before; what was alice's goes.
    other = saddlebag.renew(changed["token"], subject="bob", state={"cart": []})
    assert other, "a token that was just made is valid"
    tell("bob's login", other["session"])
    # The first token is good until it ends: there is no store to take it from.
    for session in saddlebag.verify_batch([login["token"], "not a token", other["token"]]):
        tell("batch", session)
    tell("introspection", saddlebag.introspect(other["token"]))
    tell("no token", saddlebag.verify("not a token"))
    try:
        Saddlebag(url, os.devnull).verify(other["token"])
    except SaddlebagError as error:
        print(f"{'no credential':13}", error)


def tell(what: str, answer: object) -> None:
    print(f"{what:13}", json.dumps(answer))


TIMEOUT = 5.0  # seconds

if __name__ == "__main__":
    if sys.argv[1:] != ["demo"]:
        sys.exit("usage: saddlebag.py demo")
    try:
        demo(os.environ.get("SADDLEBAG_URL", "http://127.0.0.1:7070"), os.environ.get("SADDLEBAG_CREDENTIAL"))
    except (OSError, SaddlebagError) as failure:
        sys.exit(f"saddlebag: {failure}")
