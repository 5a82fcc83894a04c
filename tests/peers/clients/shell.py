"""Checks examples/clients/shell: as a program, and as functions."""

import json
import shutil
import subprocess
import time

from checks import CLIENTS
from harness import environment

SCRIPT = CLIENTS / "shell" / "saddlebag.sh"
INACTIVE = ('{"active":false}\n', "", 0)


def run(check, world):
    world.scratch = world.folder / "scratch"
    world.scratch.mkdir()
    check.demo(shell(world, "demo", credential=world.header))
    token = sessions(check, world)
    no_tokens(check, world, token)
    refusals(check, world, token)
    busy(check, world)
    listeners(check, world, token)
    secrets(check, world, token)
    check.equal("no file is left", list(world.scratch.iterdir()), [])


def shell(world, verb, text="", credential=None, url=None, **more):
    more = {"SADDLEBAG_CREDENTIAL": str(credential or world.credential), "SADDLEBAG_URL": url or world.api, **more}
    return script(world, [str(SCRIPT), verb], text, more)


def script(world, words, text, more):
    settings = {**environment(), "TMPDIR": str(world.scratch), **more}
    return subprocess.run(
        ["sh", *words], env=settings, input=text, capture_output=True, errors="surrogateescape", timeout=30
    )


def sessions(check, world):
    request = {"subject": 'al"ice', "state": {"token": "mine", "note": '{"token":"x"}'}}
    answer = shell(world, "issue", json.dumps(request)).stdout
    issued = json.loads(answer)
    session = issued["session"]
    token = shell(world, "token", answer).stdout
    check.equal("the token is found beside a state's own", token.strip(), issued["token"])
    check.equal("a session is verified", json.loads(shell(world, "verify", token).stdout)["session"], session)
    kept = json.loads(shell(world, "renew", token).stdout)["session"]
    for name in ("id", "subject", "state", "ends_at"):
        check.equal(f"renewed without changes, {name} is kept", kept[name], session[name])
    other = json.loads(shell(world, "renew", token + '{"rotate_id":true}').stdout)["session"]
    check.that("renewed with rotate_id, it has another id", other["id"] != session["id"], other)
    sourced = ["-c", '. "$1" && printf %s "$TOKEN" | saddlebag_verify', "application", str(SCRIPT)]
    more = {"SADDLEBAG_CREDENTIAL": str(world.credential), "SADDLEBAG_URL": world.api, "TOKEN": token}
    check.equal("sourced, it is functions", json.loads(script(world, sourced, "", more).stdout)["session"], session)
    return token


def no_tokens(check, world, token):
    for what, text in (
        ("text", "not a token"),
        ("nothing", ""),
        ("a longer body", token.strip() + '","subject":"mallory'),
        ("another parameter", token.strip() + "&more=more"),
        ("what is no UTF-8", "\udcff"),
    ):
        for verb in ("verify", "renew", "introspect"):
            seen = shell(world, verb, text)
            check.equal(f"{what} is no token to {verb}", (seen.stdout, seen.stderr, seen.returncode), INACTIVE)
    batch = json.loads(shell(world, "verify-batch", f'{token}x","y\n{token}').stdout)["results"]
    check.equal("nor to a batch, in order", [one["active"] for one in batch], [True, False, True])


def refusals(check, world, token):
    for what, seen, wanted in (
        ("a wrong credential", shell(world, "verify", token, world.wrong), "saddlebag: unauthenticated (401): send "),
        ("a wrong role", shell(world, "issue", "{}", world.verifier), "saddlebag: role_required (403): this endpoint"),
        ("no member", shell(world, "issue", r'{"\\033":1}'), r"saddlebag: invalid_body (400): unknown field `\033`"),
        ("no file of that name", shell(world, "verify", token, world.scratch / "none"), "cat: "),
        ("nobody there", shell(world, "verify", token, url="http://127.0.0.1:1"), "curl: (7)"),
    ):
        check.that(f"{what} is told", seen.stderr.startswith(wanted), seen.stderr)
        check.equal(f"{what} is exit 1", (seen.returncode, seen.stdout), (1, ""))
    check.equal("no verb is wrong usage", shell(world, "").returncode, 2)


def busy(check, world):
    world.busy.forget()
    before = time.monotonic()
    seen = shell(world, "verify", "x", url=world.busy.url + "/once")
    check.equal("503 once is no error", (seen.stdout, seen.stderr, seen.returncode), INACTIVE)
    check.that("Retry-After is waited for", time.monotonic() - before >= 2, time.monotonic() - before)
    seen = shell(world, "verify", "x", url=world.busy.url + "/always/")
    wanted = ("", f"saddlebag: overloaded (503): {world.busy.DETAIL}\n", 1)
    check.equal("503 again is an error", (seen.stdout, seen.stderr, seen.returncode), wanted)
    check.equal("which is the second try", len(world.busy.requests), 4)


def listeners(check, world, token):
    check.that("over a Unix socket", "session" in shell(world, "verify", token, url=world.unix).stdout)
    seen = shell(world, "verify", token, url=world.unix, SADDLEBAG_CREDENTIAL="")
    check.that("and there as a known user", "session" in seen.stdout, seen.stderr)
    seen = shell(world, "verify", token, url=world.tls, CURL_CA_BUNDLE=str(world.authority))
    check.that("over TLS", "session" in seen.stdout, seen.stderr)
    seen = shell(world, "verify", token, url=world.tls)
    check.equal("but not to just anybody", (seen.returncode, seen.stdout), (1, ""))


def secrets(check, world, token):
    """With a curl that notes its arguments before it does its work: what it is told is what any user may see."""
    noted, wrapper = world.folder / "arguments", world.folder / "bin" / "curl"
    wrapper.parent.mkdir()
    wrapper.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >>"{noted}"\nexec "{shutil.which("curl")}" "$@"\n')
    wrapper.chmod(0o755)
    path = f"{wrapper.parent}:{environment()['PATH']}"
    seen = shell(world, "renew", token + '{"state":"a secret state"}', PATH=path)
    check.that("a curl that notes renews", "a secret state" in seen.stdout, seen.stderr)
    arguments = noted.read_text()
    hidden = (token.strip(), world.credential.read_text().strip(), "a secret state")
    check.that("and no argument is a secret", not any(secret in arguments for secret in hidden), arguments)
