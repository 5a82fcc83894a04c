"""Checks examples/clients/python, as a program and as a module."""

import importlib.util
import shutil
import ssl
import subprocess
import sys
import threading
import time

from checks import CLIENTS
from servers import Server
from harness import environment, wait_for

SCRIPT = CLIENTS / "python" / "saddlebag.py"


def run(check, world, schemas):
    specification = importlib.util.spec_from_file_location("saddlebag", SCRIPT)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)

    for ours, theirs in ("Session", "Session"), ("Issued", "IssueAnswer"), ("Introspection", "IntrospectedSession"):
        members = set(getattr(module, ours).__annotations__)
        check.equal(f"{ours} has the contract's members", members, set(schemas[theirs]["properties"]))
    program(check, world)
    sessions(check, module.Saddlebag(world.api, str(world.credential)))
    refusals(check, world, module)
    replaced(check, world, module)
    busy(check, world, module)
    listeners(check, world, module)


def program(check, world):
    def ran(credential, url=world.api):
        settings = {**environment(), "SADDLEBAG_URL": url, "SADDLEBAG_CREDENTIAL": str(credential)}
        words = [sys.executable, str(SCRIPT), "demo"]
        return subprocess.run(words, env=settings, capture_output=True, text=True, timeout=30)

    check.demo(ran(world.header))
    seen = ran(world.verifier)
    check.that("a wrong role is told", seen.stderr.startswith("saddlebag: role_required (403): this"), seen.stderr)
    check.equal("and is exit 1", seen.returncode, 1)
    seen = ran(world.credential, "http://127.0.0.1:1")
    check.that("nobody there is told in a line", seen.stderr.count("\n") == 1 and seen.returncode == 1, seen.stderr)


def sessions(check, saddlebag):
    issued = saddlebag.issue("älice", {"cart": ["apples"]}, lifetime=60, session_lifetime=600)
    token, session = issued["token"], issued["session"]
    check.equal("a session is verified", saddlebag.verify(token), session)
    kept = saddlebag.renew(token)["session"]
    same = {name: kept[name] for name in ("id", "subject", "state", "ends_at")}
    check.equal("renewed without changes, all is kept", same, {name: session[name] for name in same})
    check.equal("None sets null", saddlebag.renew(token, state=None)["session"]["state"], None)
    nobody = saddlebag.renew(token, subject=None)["session"]
    check.equal("and nobody", nobody["subject"], None)
    check.that("which is another session", nobody["id"] != session["id"], nobody)
    rotated = saddlebag.renew(token, rotate_id=True)["session"]
    check.that("as it is with rotate_id", rotated["id"] != session["id"], rotated)
    check.equal("what is not valid is renewed to nothing", saddlebag.renew("not a token", state={}), None)
    check.equal("and is not introspected", saddlebag.introspect(token + "&more=more"), {"active": False})
    shop = saddlebag.issue("alice", audience="shop")["token"]
    check.equal("a token is for its audience", saddlebag.verify(shop, audience="shop")["audience"], "shop")
    check.equal("and no other", saddlebag.verify(shop), None)


def refused(module, call):
    try:
        return "none", 200, str(call())
    except module.SaddlebagError as error:
        return error.code, error.status, error.detail


def refusals(check, world, module):
    saddlebag = module.Saddlebag(world.api, str(world.credential))
    code, status, detail = refused(module, lambda: module.Saddlebag(world.api, str(world.verifier)).renew("x"))
    check.equal("a wrong role is 403", (code, status), ("role_required", 403))
    check.that("with what to do", "`saddlebag credential issue --role issue`" in detail, detail)
    code, status, detail = refused(module, lambda: saddlebag.issue("alice", lifetime=10**9))
    check.equal("what the policy does not allow is 422", (code, status), ("lifetime_not_allowed", 422))
    code, status, detail = refused(module, lambda: saddlebag.verify("x", tokn="x"))
    check.that("a misspelt option is told", code == "invalid_body" and "`tokn`" in detail, detail)


def replaced(check, world, module):
    """By a rename, as `credential issue --out` does it."""
    path, following = world.folder / "replaced.credential", world.folder / "next.credential"
    caller = module.Saddlebag(world.api, str(path))
    for credential, wanted in (world.credential, "none"), (world.wrong, "unauthenticated"), (world.credential, "none"):
        shutil.copy(credential, following)
        following.rename(path)
        code = refused(module, lambda: caller.verify("x"))[0]
        check.equal(f"a file replaced by {credential.name} is read", code, wanted)


def busy(check, world, module):
    world.busy.forget()
    before = time.monotonic()
    check.equal("503 once is no error", module.Saddlebag(world.busy.url + "/once", None).verify("x"), None)
    check.that("Retry-After is waited for", time.monotonic() - before >= 2, time.monotonic() - before)
    saddlebag = module.Saddlebag(world.busy.url + "/always/", None)
    wanted = ("overloaded", 503, world.busy.DETAIL)
    check.equal("503 again is an error", refused(module, lambda: saddlebag.verify("x")), wanted)
    check.equal("which is the second try", len(world.busy.requests), 4)

    world.busy.forget()
    saddlebag = module.Saddlebag(world.busy.url, None)
    for _ in range(5):
        saddlebag.verify("x")
    threading.Thread(target=saddlebag.verify, args=("x",)).start()
    wait_for("the other thread's request", lambda: len(world.busy.requests) == 6)
    check.equal("a thread keeps its connection", world.busy.connections, 2)


def listeners(check, world, module):
    credential = str(world.credential)
    token = module.Saddlebag(world.api, credential).issue("alice")["token"]
    check.that("over a Unix socket", module.Saddlebag(world.unix, credential).verify(token))
    check.that("and there as a known user", module.Saddlebag(world.unix, None).verify(token))
    check.that("over TLS", module.Saddlebag(world.tls, credential, str(world.authority)).verify(token))
    try:
        told = module.Saddlebag(world.tls, credential).verify(token)
    except ssl.SSLCertVerificationError:
        told = "refused"
    check.equal("but not to just anybody", told, "refused")

    listen = f"unix:{world.folder / 'restarted.sock'}"
    saddlebag = module.Saddlebag(listen, credential)
    for when in ("before a restart", "after it, too"):
        with Server(world.ring, listen):
            check.that(f"a session is verified {when}", saddlebag.verify(token))
