"""A page with a session, in Flask, behind `saddlebag sidecar`. In this folder:

    pip install flask
    saddlebag keys init --ring file:ring.json
    flask --app app run --port 3000 &
    saddlebag sidecar --ring file:ring.json --upstream http://127.0.0.1:3000 --listen 127.0.0.1:8080 --cookie-insecure &
    curl -c jar -b jar http://127.0.0.1:8080/
"""

import base64
import json

from flask import Flask, make_response, request

app = Flask(__name__)


def told(name):
    """What the sidecar says of the session: text that a header cannot hold is in base64url."""
    value = request.headers.get(f"X-Session-{name}", "")
    if name.lower() in request.headers.get("X-Session-Encoding", "").split(", "):
        value = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)).decode()
    return value


@app.get("/")
def page():
    state = json.loads(told("State") or "null") or {}
    state["count"] = state.get("count", 0) + 1
    answer = make_response(f"{told('Subject') or 'nobody'} has seen this page {state['count']} times.\n")
    # Escaped to ASCII, which every header holds.
    answer.headers["X-Session-Set"] = json.dumps(state)
    return answer


@app.post("/login/<name>")
def login(name):
    answer = make_response(f"Hello {name}.\n")
    answer.headers["X-Session-Subject"] = base64.urlsafe_b64encode(name.encode()).rstrip(b"=").decode()
    answer.headers["X-Session-Encoding"] = "subject"
    return answer


@app.post("/logout")
def logout():
    answer = make_response("Good bye.\n")
    answer.headers["X-Session-Destroy"] = "true"
    return answer
