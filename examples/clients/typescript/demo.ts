// A whole session life, printed, beside `saddlebag serve --dev` (SADDLEBAG_URL names another service):
//
//     export SADDLEBAG_CREDENTIAL=~/.local/state/saddlebag/dev/authorization.header
//     npm ci && npm run demo

import { Saddlebag, SaddlebagError } from "./saddlebag.ts";

async function demo(url: string, credentialFile: string): Promise<void> {
  const saddlebag = new Saddlebag(url, credentialFile);
  const login = await saddlebag.issue({ subject: "alice", state: { cart: ["apples"] } });
  tell("login", login.session);
  tell("request", await saddlebag.verify(login.token));
  // What it answers goes to the browser in place of the token before it.
  const changed = valid(await saddlebag.renew(login.token, { state: { cart: ["apples", "pears"] } }));
  tell("cart changed", changed.session);
  // Another subject is another session, under an id that nobody knew before; what was alice's goes.
  const other = valid(await saddlebag.renew(changed.token, { subject: "bob", state: { cart: [] } }));
  tell("bob's login", other.session);
  // The first token is good until it ends: there is no store to take it from.
  for (const session of await saddlebag.verifyBatch([login.token, "not a token", other.token])) {
    tell("batch", session);
  }
  tell("introspection", await saddlebag.introspect(other.token));
  tell("no token", await saddlebag.verify("not a token"));
  try {
    await new Saddlebag(url, "/dev/null").verify(other.token);
  } catch (error) {
    if (!(error instanceof SaddlebagError)) throw error;
    console.log("no credential".padEnd(13), error.message);
  }
}

/** The demo's tokens were made a moment ago; an application would ask for a login instead. */
function valid<T>(answer: T | null): T {
  if (answer === null) throw new Error("a token that was just made is not valid");
  return answer;
}

function tell(what: string, answer: unknown): void {
  console.log(what.padEnd(13), JSON.stringify(answer));
}

const { SADDLEBAG_URL = "http://127.0.0.1:7070", SADDLEBAG_CREDENTIAL = "" } = process.env;
try {
  await demo(SADDLEBAG_URL, SADDLEBAG_CREDENTIAL);
} catch (error) {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error; // fetch's own says little
  console.error(`saddlebag: ${cause instanceof Error ? cause.message : cause}`);
  process.exitCode = 1;
}
