"""oauth2-proxy behind nginx's `auth_request`, with its sessions in cookies, and a login at an OpenID provider of this file."""

import base64
import contextlib
import http.cookies
import json
import pathlib
import re
import subprocess
import sys
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HERE = pathlib.Path(__file__).resolve().parent
PEERS = HERE.parent.parent / "tests" / "peers"
sys.path.insert(0, str(PEERS))
import proxies  # noqa: E402
from harness import Missing, cached, free, request, tool  # noqa: E402

CLIENT = "bench"
COOKIE = "_oauth2_proxy"


def version():
    """The version that tests/peers/install builds; the program itself does not know it."""
    return re.search(r"oauth2-proxy/v7 v([\d.]+)", (PEERS / "oauth2-proxy" / "go.mod").read_text())[1]


def program():
    try:
        return cached("oauth2-proxy", "OAUTH2_PROXY_BIN")
    except Missing:
        sys.exit("oauth2-proxy is missing: run tests/peers/install --benches")


def start(stack, pinned, place, behind, flags=(), alone=False):
    """The front's address, the processes that are measured, and the cookie of somebody who logged in. The front is nginx,
    which asks oauth2-proxy; or oauth2-proxy alone, as a reverse proxy."""
    gateway = free()
    front = gateway if alone else free()
    # A reverse proxy says 401 where it is told that everything is an API, and else shows a page for the login.
    ways = ["--upstream", f"http://{behind}", "--api-route", "^/"] if alone else ["--upstream", "static://202", "--reverse-proxy"]
    provider = stack.enter_context(Provider.running(place))
    command = [
        program(),
        *("--http-address", gateway, *ways, "--set-xauthrequest"),
        *("--trusted-proxy-ip", "127.0.0.1", "--redirect-url", f"http://{front}/oauth2/callback"),
        *("--cookie-secret", "0123456789abcdef0123456789abcdef", "--cookie-secure=false", "--email-domain", "*"),
        *("--provider", "oidc", "--client-id", CLIENT, "--client-secret", "secret", "--oidc-issuer-url", provider.url),
        *("--skip-oidc-discovery", "--oidc-public-key-file", str(provider.public), "--code-challenge-method", "S256"),
        *("--login-url", f"{provider.url}/authorize", "--redeem-url", f"{provider.url}/token"),
        # Nothing else in a comparison logs its requests.
        *("--request-logging=false", "--auth-logging=false", "--standard-logging=false"),
        *flags,
    ]
    asked = stack.enter_context(pinned(place, gateway, command))
    if alone:
        return front, [asked], login(front)
    (place / "nginx.conf").write_text(proxies.nginx_conf(place, NGINX.format(gateway=gateway, behind=behind, front=front)))
    nginx = [tool("nginx"), "-p", str(place), "-c", str(place / "nginx.conf")]
    return front, [asked, stack.enter_context(pinned(place, front, nginx))], login(front)


def login(front):
    """What a browser does: asks, is sent to the provider, and comes back with a code."""
    answer = request(front, "GET", "/oauth2/start?rd=/")
    csrf = cookies(answer)
    there = urllib.parse.urlsplit(answer.headers["location"])
    back = urllib.parse.urlsplit(request(there.netloc, "GET", f"{there.path}?{there.query}").headers["location"])
    answer = request(front, "GET", f"{back.path}?{back.query}", headers={"cookie": csrf})
    if answer.status != 302 or COOKIE not in (found := cookies(answer)):
        raise RuntimeError(f"no login: {answer}")
    return found


def cookies(answer):
    """The cookies that an answer sets, as a request sends them; without those that it takes away."""
    set_by = [http.cookies.SimpleCookie(line) for line in answer.headers.get_all("set-cookie", [])]
    return "; ".join(f"{name}={morsel.value}" for jar in set_by for name, morsel in jar.items() if morsel.value)


class Provider:
    """As much of an OpenID provider as one login needs: everybody is alice."""

    def __init__(self, folder):
        self.key, self.public = folder / "provider.pem", folder / "provider.pub.pem"
        openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", str(self.key))
        openssl("pkey", "-in", str(self.key), "-pubout", "-out", str(self.public))
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))
                provider.nonce = asked.get("nonce")
                code = urllib.parse.urlencode({"code": "code", "state": asked["state"]})
                self.send_response(302)
                self.send_header("location", f"{asked['redirect_uri']}?{code}")
                self.send_header("content-length", "0")
                self.end_headers()

            def do_POST(self):
                self.rfile.read(int(self.headers["content-length"]))
                body = json.dumps(provider.tokens()).encode()
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    @classmethod
    @contextlib.contextmanager
    def running(cls, folder):
        provider = cls(folder)
        thread = threading.Thread(target=provider.server.serve_forever)
        thread.start()
        try:
            yield provider
        finally:
            provider.server.shutdown()
            provider.server.server_close()
            thread.join()

    def tokens(self):
        now = int(time.time())
        claims = {"iss": self.url, "aud": CLIENT, "sub": "alice", "iat": now, "exp": now + 3600}
        claims |= {"email": "alice@shop.example", "email_verified": True, "nonce": self.nonce}
        head = {"alg": "RS256", "typ": "JWT"}
        signed = b".".join(base64url(json.dumps(part).encode()) for part in (head, claims))
        signature = openssl("dgst", "-sha256", "-sign", str(self.key), given=signed)
        id_token = b".".join([signed, base64url(signature)]).decode()
        return {"access_token": "x" * 32, "token_type": "Bearer", "expires_in": 3600, "id_token": id_token}


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def openssl(*arguments, given=None):
    return subprocess.run([tool("openssl"), *arguments], input=given, capture_output=True, check=True).stdout


# As oauth2-proxy's documentation has it, with connections that are kept, as deploy/nginx has it for saddlebag's.
NGINX = """
    upstream oauth2 {{ server {gateway}; keepalive 16; }}
    upstream application {{ server {behind}; keepalive 16; }}
    server {{
        listen {front};
        large_client_header_buffers 4 16k;
        proxy_http_version 1.1;
        proxy_buffer_size 16k;
        proxy_buffers 4 16k;
        location /oauth2/ {{
            proxy_pass http://oauth2;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_set_header X-Real-IP $remote_addr;
            proxy_set_header X-Auth-Request-Redirect $request_uri;
        }}
        location = /oauth2/auth {{
            proxy_pass http://oauth2;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_set_header X-Real-IP $remote_addr;
            proxy_set_header X-Forwarded-Uri $request_uri;
            proxy_set_header Content-Length "";
            proxy_pass_request_body off;
        }}
        location / {{
            auth_request /oauth2/auth;
            auth_request_set $user $upstream_http_x_auth_request_user;
            auth_request_set $email $upstream_http_x_auth_request_email;
            auth_request_set $auth_cookie $upstream_http_set_cookie;
            add_header Set-Cookie $auth_cookie;
            proxy_set_header X-User $user;
            proxy_set_header X-Email $email;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
            proxy_pass http://application;
        }}
    }}"""
