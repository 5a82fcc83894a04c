// Answers each line of a file, a vector of tests/vectors, with what the verifiers of examples/node make of it, a line each.

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const load = (name) => import(pathToFileURL(`${process.argv[2]}/${name}`).href);
const { verify, decodeState, Refused, Float } = await load("verify.mjs");
const { verify: verifyJwt } = await load("verify_jwt.mjs");
const hex = (text) => Buffer.from(text, "hex");

// With the type of each value: JSON has one kind of number.
function typed(value) {
  if (value === null) return { n: null };
  if (typeof value === "boolean") return { b: value };
  if (value instanceof Float) return { f: Object.is(value.value, -0) ? "-0" : String(value.value) };
  if (typeof value === "number" || typeof value === "bigint") return { i: String(value) };
  if (typeof value === "string") return { s: value };
  if (Buffer.isBuffer(value)) return { s: value.toString("base64url") };
  if (Array.isArray(value)) return { l: value.map(typed) };
  return { m: Object.keys(value).map((name) => [name, typed(value[name])]) };
}

function state(decode) {
  try {
    return { state: typed(decode()) };
  } catch (error) {
    return { state_error: error.message };
  }
}

// No token is given: it is the audience that is looked at.
function accepts(audience) {
  try {
    return verify("", [], { audience });
  } catch (error) {
    if (error instanceof RangeError) return { reason: "audience" };
    if (error instanceof Refused) return {};
    throw error;
  }
}

function answer(vector) {
  if ("cbor" in vector) return state(() => decodeState(hex(vector.cbor)));
  if (!("token" in vector)) return accepts(vector.audience);
  const roots = vector.roots.map(({ secret, drains_until, revoked_at }) => {
    return { secret: hex(secret), drainsUntil: drains_until, revoked: revoked_at != null };
  });
  const { audience, now, skew, max_length, alg } = vector;
  const settings = { audience, now, skew, binding: hex(vector.binding), maxLength: max_length };
  try {
    const found = alg ? verifyJwt(vector.token, roots, { ...settings, algorithm: alg }) : verify(vector.token, roots, settings);
    const claims = {
      id: found.id.toString("hex"),
      started_at: found.startedAt,
      issued_at: found.issuedAt,
      expires_at: found.expiresAt,
      ends_at: found.endsAt,
      revision: found.revision,
      subject: found.subject,
      // A jwt's state is JSON.
      state: found.stateCbor?.toString("hex") ?? "",
    };
    return { claims, ...state(() => found.state()) };
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { reason: error.message };
  }
}

for (const line of readFileSync(process.argv[3], "utf8").split("\n").filter(Boolean)) {
  console.log(JSON.stringify(answer(JSON.parse(line))));
}
