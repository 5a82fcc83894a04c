// A page with a session, in Express, behind `saddlebag sidecar`. In this folder:
//
//     npm install express
//     saddlebag keys init --ring file:ring.json
//     PORT=3000 node server.mjs &
//     saddlebag sidecar --ring file:ring.json --upstream http://127.0.0.1:3000 --listen 127.0.0.1:8080 --cookie-insecure &
//     curl -c jar -b jar http://127.0.0.1:8080/

import express from "express";

const app = express();

// What the sidecar says of the session: text that a header cannot hold is in base64url.
function told(request, name) {
  const value = request.get(`x-session-${name}`) ?? "";
  const encoded = (request.get("x-session-encoding") ?? "").split(", ").includes(name);
  return encoded ? Buffer.from(value, "base64url").toString() : value;
}

// In base64url, which every header holds.
function say(response, values) {
  for (const [name, value] of Object.entries(values)) {
    response.set(`x-session-${name}`, Buffer.from(value).toString("base64url"));
  }
  response.set("x-session-encoding", Object.keys(values).join(", "));
}

app.get("/", (request, response) => {
  const state = JSON.parse(told(request, "state") || "null") ?? {};
  state.count = (state.count ?? 0) + 1;
  say(response, { set: JSON.stringify(state) });
  response.send(`${told(request, "subject") || "nobody"} has seen this page ${state.count} times.\n`);
});

app.post("/login/:name", (request, response) => {
  say(response, { subject: request.params.name });
  response.send(`Hello ${request.params.name}.\n`);
});

app.post("/logout", (request, response) => {
  response.set("x-session-destroy", "true");
  response.send("Good bye.\n");
});

app.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", function () {
  console.log(`listening on ${this.address().port}`);
});
