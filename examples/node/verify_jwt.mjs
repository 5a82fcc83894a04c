// Verifies saddlebag tokens, jwt among them, written from docs/token-format.md alone, with Node's own crypto and verify.mjs.
//
//     import { verify } from "./verify_jwt.mjs";
//     const session = verify(token, [{ secret }], { audience: "shop", algorithm: "HS256" });   // or EdDSA, and never both
//
// What is no jwt is verify.mjs's. Numbers in comments are sections of that document. JSON.parse would take the last of two
// members of one name, and has one kind of number: hence `Json`.

import { createHmac, createPrivateKey, createPublicKey, timingSafeEqual, verify as isSigned } from "node:crypto";
import {
  Float,
  Malformed,
  SHORTEST,
  audienceKey,
  checkSettings,
  checkedClaims,
  expand,
  inTime,
  read,
  refuse,
  strictBase64url,
  usable,
  utf8,
  verify as verifyOthers,
} from "./verify.mjs";

export { Float, Refused } from "./verify.mjs";

const DEEPEST = 32;
// RFC 8410: an Ed25519 private key is this and its seed.
const PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");

/** The session of a token (7, 8). The algorithm is pinned: what the token says of it is compared, and not believed. */
export function verify(token, roots, { algorithm, ...settings }) {
  if (!["HS256", "EdDSA"].includes(algorithm)) throw new RangeError("an algorithm is HS256 or EdDSA");
  const { audience, skew = 60, binding = Buffer.alloc(0), maxLength = 4096 } = settings;
  const now = settings.now ?? Math.floor(Date.now() / 1000);
  const isLong = token.length > maxLength;
  if (isLong || token.slice(0, 4) in SHORTEST || token.split(".").length !== 3) return verifyOthers(token, roots, settings);
  checkSettings({ audience, skew, binding, maxLength });
  if (binding.length > 0) refuse("jwt_not_accepted");
  const [head, payload, signature] = token.split(".").map((segment) => strictBase64url(segment) ?? refuse("malformed"));
  const header = read("malformed", () => object(head));
  const names = Object.keys(header).sort().join();
  if (names !== "alg,kid,typ" || typeof header.kid !== "string") refuse("malformed");
  if (header.alg !== algorithm || header.typ !== "JWT") refuse("malformed");
  const kid = (root) => expand(audienceKey(root, audience), "saddlebag/1 jwt kid").subarray(0, 8).toString("base64url");
  const root = usable(
    roots.find((root) => kid(root) === header.kid),
    now,
  );
  const signed = Buffer.from(token.slice(0, token.lastIndexOf(".")));
  if (!isRight(algorithm, audienceKey(root, audience), signed, signature)) refuse("bad_tag");
  return inTime(
    read("bad_claims", () => readPayload(payload, audience)),
    now,
    skew,
  );
}

function isRight(algorithm, key, signed, signature) {
  if (algorithm === "HS256") {
    const right = createHmac("sha256", expand(key, "saddlebag/1 jwt hs256")).update(signed).digest();
    return signature.length === right.length && timingSafeEqual(signature, right);
  }
  const seed = expand(key, "saddlebag/1 jwt eddsa");
  const pair = createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: "der", type: "pkcs8" });
  return isSigned(null, signed, createPublicKey(pair), signature);
}

/** 8: these members, and no others. */
function readPayload(bytes, audience) {
  const payload = object(bytes);
  const names = Object.keys(payload).filter((name) => name !== "sub");
  if (names.sort().join() !== "aud,auth_time,ends,exp,iat,jti,rev,state") throw new Malformed("other members");
  const { aud, jti, state } = payload;
  if (aud !== audience || typeof jti !== "string") throw new Malformed("another audience, or no id");
  if ("sub" in payload && typeof payload.sub !== "string") throw new Malformed("a subject that is no text");
  const integer = (value) => {
    // By their digits alone (10).
    if ((typeof value !== "number" && typeof value !== "bigint") || Object.is(value, -0)) throw new Malformed("no integer");
    return BigInt(value);
  };
  const claims = checkedClaims({
    id: strictBase64url(jti) ?? Buffer.alloc(0),
    started: integer(payload.auth_time),
    issuedAt: integer(payload.iat),
    expiresAt: integer(payload.exp),
    endsAt: integer(payload.ends),
    revision: integer(payload.rev),
    subject: "sub" in payload ? Buffer.from(payload.sub) : null,
  });
  // It was read with the rest.
  return { ...claims, state: () => state };
}

function object(bytes) {
  const value = Json.read(bytes);
  if (value === null || typeof value !== "object" || Array.isArray(value) || value instanceof Float) throw new Malformed("no object");
  return value;
}

/** JSON as 6 has it: each name once, no half of a pair of surrogates, no number that overflows, no state that is too deep. */
class Json {
  #text;
  #at = 0;

  constructor(text) {
    this.#text = text;
  }

  static read(bytes) {
    const json = new Json(utf8(bytes));
    // What is read is an object around the state.
    const value = json.#value(DEEPEST + 1);
    if (json.#at < json.#text.length) throw new Malformed("text behind the end");
    return value;
  }

  /** What this sticky expression matches here, if it does. */
  #match(expression) {
    expression.lastIndex = this.#at;
    const found = expression.exec(this.#text);
    if (found) this.#at = expression.lastIndex;
    return found;
  }

  /** One of these characters, with the white space around it. */
  #mark(marks) {
    const found = this.#match(/[ \t\n\r]*([{}[\]:,])[ \t\n\r]*/y);
    if (!found || !marks.includes(found[1])) throw new Malformed(`none of ${marks}`);
    return found[1];
  }

  #value(room) {
    this.#match(/[ \t\n\r]*/y);
    const value = this.#start(room);
    this.#match(/[ \t\n\r]*/y);
    return value;
  }

  #start(room) {
    const next = this.#text[this.#at];
    if (next === '"') return this.#string();
    if (next === "{" || next === "[") {
      if (room === 0) throw new Malformed("too deep");
      return next === "{" ? this.#object(room - 1) : this.#array(room - 1);
    }
    const word = this.#match(/true|false|null/y);
    if (word) return { true: true, false: false, null: null }[word[0]];
    return this.#number();
  }

  #string() {
    const found = this.#match(/"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y);
    const text = found && JSON.parse(found[0]);
    if (text === null || !text.isWellFormed()) throw new Malformed("no text");
    return text;
  }

  #number() {
    const found = this.#match(/-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y);
    if (!found) throw new Malformed("no value");
    const [text, fraction, exponent] = found;
    const integer = fraction || exponent ? null : BigInt(text);
    if (text === "-0") return -0;
    if (integer !== null && integer >= -(2n ** 63n) && integer < 2n ** 64n) {
      return integer >= -(2n ** 53n) && integer <= 2n ** 53n ? Number(integer) : integer;
    }
    const value = Number(text);
    if (!Number.isFinite(value)) throw new Malformed("a number that overflows");
    return new Float(value);
  }

  #array(room) {
    this.#mark("[");
    const values = [];
    if (this.#text[this.#at] === "]") return this.#mark("]"), values;
    do values.push(this.#value(room));
    while (this.#mark(",]") === ",");
    return values;
  }

  #object(room) {
    this.#mark("{");
    const members = new Map();
    if (this.#text[this.#at] !== "}") {
      do {
        this.#match(/[ \t\n\r]*/y);
        const name = this.#string();
        if (members.has(name)) throw new Malformed("a name twice");
        this.#mark(":");
        members.set(name, this.#value(room));
      } while (this.#mark(",}") === ",");
    } else this.#mark("}");
    // Without a prototype, which `__proto__` would change.
    return Object.assign(Object.create(null), Object.fromEntries(members));
  }
}
