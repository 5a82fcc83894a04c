"""Checks examples/clients/typescript: that it compiles with the contract and only with it, and what it does."""

import json
import pathlib
import shutil
import subprocess

from checks import CLIENTS
from harness import ROOT, environment

USER = pathlib.Path(__file__).with_suffix(".mjs")


def run(check, world, packages):
    built = compiled(check, world, packages)

    def ran(*words, url=world.api, credential=world.credential, **more):
        settings = {**environment(), "SADDLEBAG_URL": url, "SADDLEBAG_CREDENTIAL": str(credential), **more}
        return subprocess.run(["node", *words], env=settings, capture_output=True, text=True, timeout=30)

    demo = str(built / "demo.js")
    check.demo(ran(demo, credential=world.header))
    seen = ran(demo, credential=world.verifier)
    check.that("a wrong role is told", seen.stderr.startswith("saddlebag: role_required (403): this"), seen.stderr)
    check.equal("and is exit 1", seen.returncode, 1)
    check.equal("over TLS", ran(demo, url=world.tls, NODE_EXTRA_CA_CERTS=str(world.authority)).returncode, 0)
    seen = ran(demo, url=world.tls)
    check.that("but not to just anybody", seen.returncode == 1 and "certificate" in seen.stderr, seen.stderr)

    world.busy.forget()
    files = (world.wrong, world.verifier, world.folder / "moving.credential")
    seen = ran(str(USER), str(built), world.busy.url, *map(str, files))
    check.equal("what uses it goes to its end", (seen.returncode, seen.stderr), (0, ""))
    told = json.loads(seen.stdout)
    check.equal("a session is verified", told["verified"], told["issued"])
    check.equal("renewed without changes, it keeps its id", told["kept"]["id"], told["issued"]["id"])
    check.equal("null sets null", told["nulled"]["state"], None)
    check.that("rotate_id is another session", told["rotated"]["id"] != told["issued"]["id"], told["rotated"])
    check.equal("what is not valid is renewed to nothing", told["renewed"], None)
    check.equal("and is not introspected", told["introspected"], {"active": False})
    wrong, role = told["wrong"], told["role"]
    check.equal("a wrong credential is 401", (wrong["code"], wrong["status"]), ("unauthenticated", 401))
    check.equal("a wrong role is 403", (role["code"], role["status"]), ("role_required", 403))
    check.that("with what to do", "`saddlebag credential issue --role issue`" in role["detail"], role)
    check.equal("a replaced file is read", told["replaced"], ["unauthenticated", None])
    check.equal("503 once is no error", told["once"], None)
    check.that("Retry-After is waited for", told["waited"] >= 2_000, told["waited"])
    wanted = {"code": "overloaded", "status": 503, "detail": world.busy.DETAIL}
    check.equal("503 again is an error", told["always"], wanted)
    check.equal("which is the second try", len(world.busy.requests), 4)


def compiled(check, world, packages):
    """The folder with the JavaScript, after what should not compile did not."""
    built, seen = build(world.folder / "typescript", packages)
    if seen.returncode:
        raise RuntimeError(f"it does not compile with the contract:\n{seen.stdout}{seen.stderr}")
    check.that("it compiles with the contract", (built / "saddlebag.js").exists())
    contract, client, demo = "openapi/saddlebag.json", f"{HERE}/saddlebag.ts", f"{HERE}/demo.ts"
    for what, file, right, wrong, told in (
        ("a misspelt member", demo, 'subject: "alice"', 'subjekt: "alice"', "'subjekt' does not exist in type"),
        ("a misspelt path", client, '"/v1/sessions/renew"', '"/v1/sessions/renow"', "renow"),
        ("a contract with another path", contract, '"/v1/introspect"', '"/v2/introspect"', "/v1/introspect"),
        ("a contract with another member", contract, '"results"', '"answers"', "'results' does not exist"),
        ("a contract with another answer", contract, '"201"', '"202"', "Promise<unknown>"),
    ):
        nothing, seen = build(world.folder / what, packages, file, right, wrong)
        check.that(f"{what} does not compile", seen.returncode and told in seen.stdout, seen)
        check.that(f"{what} makes nothing", not nothing.exists(), nothing)
    return built


def build(tree, packages, file=None, right="", wrong=""):
    """Runs `npm run build` in a copy, where `wrong` may stand in place of `right`: the tree itself is left alone."""
    shutil.copytree(
        CLIENTS / "typescript", tree / HERE, ignore=shutil.ignore_patterns("node_modules", "build", "contract.ts")
    )
    shutil.copytree(ROOT / "openapi", tree / "openapi")
    (tree / HERE / "node_modules").symlink_to(packages)
    if file:
        text = (tree / file).read_text()
        if right not in text:
            raise RuntimeError(f"{file} no longer has {right}")
        (tree / file).write_text(text.replace(right, wrong))
    words = ["npm", "run", "--silent", "--no-update-notifier", "build"]
    seen = subprocess.run(words, cwd=tree / HERE, env=environment(), capture_output=True, text=True, timeout=120)
    return tree / HERE / "build", seen


HERE = "examples/clients/typescript"
