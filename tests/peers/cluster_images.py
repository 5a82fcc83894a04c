"""The images that the cluster pulls, a registry for them, and names: what a cluster has around it."""

import contextlib
import hashlib
import http.server
import json
import os
import pathlib
import shutil
import socketserver
import struct
import subprocess
import threading

from cluster_node import ADDRESS, DNS, built
from harness import ROOT, cached, environment, tool, wait_for

# A shell and kubectl, as in the image that the rotator publishes with.
KUBECTL = """FROM docker.io/library/rust:1-slim-trixie AS shell
FROM gcr.io/distroless/cc-debian13:nonroot
COPY --from=shell /bin/dash /bin/sh
COPY kubectl /bin/kubectl
ENV PATH=/bin
USER 1001
"""
# Believes the authority by which Vault's certificate is signed, as if it were one of the public ones.
SADDLEBAG = "FROM localhost/saddlebag\nCOPY ca-certificates.crt /etc/ssl/certs/ca-certificates.crt\n"
ALONE = 'FROM scratch\nCOPY {0} /{0}\nUSER 65535\nENTRYPOINT ["/{0}"]\n'


def make(podman, folder, authority):
    """Builds the images around the one that is tested, and lays all out for the registry."""
    within = folder / "images"
    (within / "context").mkdir(parents=True)
    context = within / "context"
    shutil.copy(built("kubectl"), context / "kubectl")
    compile_alone(context)
    known = podman.told("run", "--rm", "--entrypoint=cat", "docker.io/library/rust:1-slim-trixie", "/etc/ssl/certs/ca-certificates.crt")
    (context / "ca-certificates.crt").write_text(f"{known}\n{authority.certificate.read_text()}")
    texts = {
        "library/saddlebag": SADDLEBAG,
        "library/shop": ALONE.format("shop"),
        "library/pause": ALONE.format("pause"),
        "bitnami/kubectl": KUBECTL,
    }
    for name, text in texts.items():
        recipe = within / "Containerfile"
        recipe.write_text(text)
        podman.told("build", "--pull=never", f"--file={recipe}", f"--tag=docker.io/{name}", context, within=120)
        (within / name).mkdir(parents=True)
        podman.told("push", "--quiet", "--format=v2s2", f"docker.io/{name}", f"dir:{within / name}", within=120)
    return within


def compile_alone(context):
    """The programs that are alone in their images, without a C library: the sidecar's service, and what holds a pod's namespaces, which
    is Kubernetes' own, whose text comes with its module."""
    here = pathlib.Path(__file__).resolve().parent / "cluster-programs"
    go = shutil.which("go") or "/usr/local/go/bin/go"
    command, alone = [go, "build", "-buildvcs=false", "-o", context / "shop", "./shop"], os.environ | {"CGO_ENABLED": "0"}
    subprocess.run(command, cwd=here, env=alone, check=True)
    module = subprocess.run([go, "list", "-m", "-f={{.Dir}}", "k8s.io/kubernetes"], cwd=here, capture_output=True, text=True, check=True)
    source = pathlib.Path(module.stdout.strip()) / "build/pause/linux/pause.c"
    subprocess.run([tool("gcc"), "-Os", "-static", "-DVERSION=here", "-o", context / "pause", source], check=True)


@contextlib.contextmanager
def registry(folder):
    """Serves what `make` laid out, and gives the address."""

    class Pulls(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self):
            self.answer(body=False)

        def do_GET(self):
            self.answer(body=True)

        def answer(self, body):
            path, kind = self.path.partition("?")[0].removeprefix("/v2/"), "application/octet-stream"
            if not path:
                return self.send(b"{}", "application/json", body)
            name, what, reference = path.rsplit("/", 2)
            if what == "manifests":
                content = (folder / name / "manifest.json").read_bytes()
                kind = json.loads(content)["mediaType"]
            else:
                content = (folder / name / reference.removeprefix("sha256:")).read_bytes()
            self.send(content, kind, body)

        def send(self, content, kind, body):
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Docker-Content-Digest", "sha256:" + hashlib.sha256(content).hexdigest())
            self.end_headers()
            if body:
                self.wfile.write(content)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pulls) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


@contextlib.contextmanager
def names(known):
    """The cluster's DNS: IPv4 addresses of the names that it knows, and no others."""

    class Asked(socketserver.BaseRequestHandler):
        def handle(self):
            asked, socket = self.request
            labels, at = [], 12
            while asked[at]:
                labels.append(asked[at + 1 : at + 1 + asked[at]].decode())
                at += 1 + asked[at]
            question, (kind,) = asked[12 : at + 5], struct.unpack(">H", asked[at + 1 : at + 3])
            address = known.get(".".join(labels).lower())
            record = b""
            if address and kind == 1:
                record = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 5, 4) + bytes(map(int, address.split(".")))
            flags = 0x8580 if address else 0x8583
            socket.sendto(asked[:2] + struct.pack(">HHHHH", flags, 1, bool(record), 0, 0) + question + record, self.client_address)

    with socketserver.ThreadingUDPServer((DNS, 53), Asked) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()


def vault(cluster):
    """A Vault over TLS with the ring's engine at `secret`, which believes the cluster's service accounts; its `vault` command.

    Its login for Kubernetes is not in the build that the tests have, and is called as the one by JWT is, which checks the
    account's token by the cluster's key.
    """
    folder, token = cluster.folder, "root"
    certificate, key = cluster.authority.sign("vault", "/CN=vault", ["DNS:vault.vault", "IP:127.0.0.1"])
    (folder / "vault.hcl").write_text(
        f'listener "tcp" {{\n address = "{ADDRESS}:8200"\n tls_cert_file = "{certificate}"\n tls_key_file = "{key}"\n}}\n'
    )
    program = cached("vault", "VAULT_BIN")
    cluster.start("vault", program, "server", "-dev", "-dev-no-store-token", f"-dev-root-token-id={token}",
                  "-dev-listen-address=127.0.0.1:8300", f"-config={folder / 'vault.hcl'}")  # fmt: skip
    settings = environment() | {"VAULT_ADDR": "http://127.0.0.1:8300", "VAULT_TOKEN": token}

    def run(*arguments):
        return subprocess.run([program, *map(str, arguments)], env=settings, capture_output=True, text=True, timeout=30)

    def well(*arguments):
        done = run(*arguments)
        if done.returncode:
            raise RuntimeError(f"vault {' '.join(map(str, arguments))}: {done.stderr}")

    wait_for("Vault serves", lambda: run("kv", "list", "secret/").returncode in (0, 2) and run("status").returncode == 0)
    well("policy", "write", "saddlebag-rotator", ROOT / "deploy/vault/rotator.hcl")
    well("auth", "enable", "-path=kubernetes", "jwt")
    well("write", "auth/kubernetes/config", f"jwt_validation_pubkeys=@{folder / 'service-accounts.pub'}",
         "bound_issuer=https://kubernetes.default.svc")  # fmt: skip
    well("write", "auth/kubernetes/role/saddlebag-rotator", "role_type=jwt", "user_claim=sub", "token_policies=saddlebag-rotator",
         "bound_audiences=https://kubernetes.default.svc", "bound_subject=system:serviceaccount:saddlebag:saddlebag-rotator")  # fmt: skip
    return {"VAULT_ADDR": "https://vault.vault:8200", "VAULT_TOKEN": token}
