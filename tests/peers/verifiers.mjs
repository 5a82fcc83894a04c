// Answers each line of a file, a vector of tests/vectors, with what examples/node/verify.mjs makes of it, a line each.

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const { verify, decodeState, Refused, Float } = await import(pathToFileURL(process.argv[2]).href);
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
function settings(audience) {
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
  if (!("token" in vector)) return settings(vector.audience);
  const roots = vector.roots.map(({ secret, drains_until, revoked_at }) => {
    return { secret: hex(secret), drainsUntil: drains_until, revoked: revoked_at != null };
  });
  const { audience, now, skew, max_length } = vector;
  try {
    const found = verify(vector.token, roots, { audience, now, skew, binding: hex(vector.binding), maxLength: max_length });
    const claims = {
      id: found.id.toString("hex"),
      started_at: found.startedAt,
      issued_at: found.issuedAt,
      expires_at: found.expiresAt,
      ends_at: found.endsAt,
      revision: found.revision,
      subject: found.subject,
      state: found.stateCbor.toString("hex"),
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
