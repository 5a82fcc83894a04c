"""What the clients talk to: a ring and its credentials, a service on any listener, and one that is too busy."""

import http.server
import subprocess
import threading

from harness import environment, program, stop, wait_for


class Ring:
    """A ring, and credentials of it in files."""

    def __init__(self, folder):
        self.folder = folder
        self.place = f"file:{folder / 'ring.json'}"
        self.saddlebag("keys", "init")

    def saddlebag(self, *words):
        words = [program(), *words, "--ring", self.place]
        done = subprocess.run(words, env=environment(), capture_output=True, text=True, timeout=30)
        if done.returncode:
            raise RuntimeError(done.stderr)

    def credential(self, name, *roles):
        path = self.folder / f"{name}.credential"
        self.saddlebag("credential", "issue", "--out", str(path), *(f"--role={role}" for role in roles))
        return path


class Server:
    """`saddlebag serve`, ready, until the end of the block."""

    def __init__(self, ring, listen, *flags):
        self.ring, self.listen, self.flags = ring, listen, flags

    def __enter__(self):
        name = f"serve-{self.listen.rpartition('/')[2]}-{id(self)}"
        told, log = (self.ring.folder / f"{name}.{end}" for end in ("out", "log"))
        words = ["serve", "--ring", self.ring.place, "--listen", self.listen, "--admin-listen", "127.0.0.1:0"]
        with told.open("wb") as output, log.open("wb") as errors:
            self.process = subprocess.Popen(
                [program(), *words, *self.flags],
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
            )
        try:
            wait_for("the server is ready", lambda: self.ended() or "ready\n" in told.read_text())
            if self.ended():
                raise RuntimeError(f"the server ended before it was ready:\n{log.read_text()}")
        except BaseException:
            stop(self.process)
            raise
        self.address = told.read_text().split("api listening on ")[1].split("\n")[0]
        return self

    def __exit__(self, *_):
        stop(self.process)

    def ended(self):
        return self.process.poll() is not None


class Busy:
    """Answers 503 as an overloaded node does, with Retry-After: below /always for ever, below /once the first time."""

    PROBLEM = (
        b'{"type":"urn:saddlebag:problem:overloaded","title":"This node has all the requests it can serve",'
        b'"status":503,"code":"overloaded","detail":"say \\"please\\": try again, here or at another node"}'
    )
    DETAIL = 'say "please": try again, here or at another node'

    def __init__(self):
        self.requests, self.connections = [], 0
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # a client that ends resets what it kept
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def forget(self):
        self.requests, self.connections = [], 0

    def is_for(self, path):
        first = path not in self.requests
        self.requests.append(path)
        return path.startswith("/always/") or (path.startswith("/once/") and first)

    def handler(busy):  # noqa: N805
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                busy.connections += 1
                super().setup()

            def do_POST(self):
                self.rfile.read(int(self.headers["content-length"]))
                if busy.is_for(self.path):
                    # 2: more than a client would wait by itself.
                    seconds = "0" if self.path.startswith("/always/") else "2"
                    self.answer(503, "application/problem+json", Busy.PROBLEM, ("retry-after", seconds))
                else:
                    self.answer(200, "application/json", b'{"active":false}')

            def answer(self, status, kind, body, *headers):
                self.send_response(status)
                for name, value in (("content-type", kind), ("content-length", str(len(body))), *headers):
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        return Handler


def certificate(folder):
    """A certificate of 127.0.0.1 that is its own authority, and its key."""
    chain, key = folder / "chain.pem", folder / "key.pem"
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"]
    words += ["-subj", "/CN=saddlebag test", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", chain]
    subprocess.run(words, check=True, capture_output=True, timeout=30)
    return chain, key
