// Uses the built TypeScript client as an application does, and prints what it returned, as JSON, to
// typescript.py.

import { copyFile, rename } from "node:fs/promises";
import { env } from "node:process";

const [built, busy, wrong, verifier, moving] = process.argv.slice(2);
const { Saddlebag, SaddlebagError } = await import(`${built}/saddlebag.js`);
const { SADDLEBAG_URL: url, SADDLEBAG_CREDENTIAL: credential } = env;

async function refused(call) {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof SaddlebagError)) throw error;
    return { code: error.code, status: error.status, detail: error.detail };
  }
}

const told = {};
const saddlebag = new Saddlebag(`${url}/`, credential);
const { token, session } = await saddlebag.issue({ subject: "älice", state: { cart: [] }, lifetime: 60 });
told.issued = session;
told.verified = await saddlebag.verify(token);
told.kept = (await saddlebag.renew(token)).session;
told.nulled = (await saddlebag.renew(token, { state: null })).session;
told.rotated = (await saddlebag.renew(token, { rotate_id: true })).session;
told.renewed = await saddlebag.renew("not a token", { state: {} });
told.introspected = await saddlebag.introspect(`${token}&more=more`);
told.wrong = await refused(() => new Saddlebag(url, wrong).verify(token));
told.role = await refused(() => new Saddlebag(url, verifier).renew(token));

const caller = new Saddlebag(url, moving);
told.replaced = [];
for (const next of [wrong, credential]) {
  await copyFile(next, `${moving}.new`);
  await rename(`${moving}.new`, moving);
  told.replaced.push((await refused(() => caller.verify("x")))?.code ?? null);
}

const before = performance.now();
told.once = await new Saddlebag(`${busy}/once`, credential).verify("x");
told.waited = performance.now() - before;
told.always = await refused(() => new Saddlebag(`${busy}/always`, credential).verify("x"));
console.log(JSON.stringify(told));
