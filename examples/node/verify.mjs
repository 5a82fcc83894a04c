// Verifies saddlebag tokens, signed and sealed, written from docs/token-format.md alone, with Node's own crypto.
//
//     import { verify, Refused } from "./verify.mjs";
//     const session = verify(token, [{ secret }], { audience: "shop" });   // 32 bytes; throws Refused where it is no session
//     session.subject; session.state();
//
// Numbers in comments are sections of that document; verify_jwt.mjs takes jwt as well. For applications that cannot ask a node
// or a sidecar: it takes roots, and knows nothing of rings that change. Integers are BigInt beyond 2^53, and floats of state are
// `Float`, so that 1 and 1.0 differ.

import { createCipheriv, createDecipheriv, createHmac, timingSafeEqual } from "node:crypto";

const SIGNED = 0x6c;
export const SHORTEST = { sb1s: 59, sb1e: 91 };
const LATEST = 2n ** 40n;

/** The token is no session; the reason is for a log, and for nobody who sent it. */
export class Refused extends Error {}

/** A number of state that is written as a float. */
export class Float {
  constructor(value) {
    this.value = value;
  }
}

/**
 * The session of a token (7). Roots: `{ secret, drainsUntil, revoked }`; times are Unix seconds. Throws RangeError where the
 * settings are none that a ring or a verifier may have.
 */
export function verify(token, roots, { audience, now, skew = 60, binding = Buffer.alloc(0), maxLength = 4096 }) {
  checkSettings({ audience, skew, binding, maxLength });
  now ??= Math.floor(Date.now() / 1000);
  if (token.length > maxLength) refuse("too_long");
  const shortest = SHORTEST[token.slice(0, 4)] ?? refuse("not_a_token");
  const data = (token.length >= shortest && strictBase64url(token)) || refuse("malformed");
  const [header, body] = [data.subarray(0, 7), data.subarray(7)];
  const named = ({ secret }) => expand(secret, "saddlebag/1 key id").subarray(0, 4).equals(header.subarray(3));
  const root = usable(roots.find(named), now);
  const claims = opened(header, body, audienceKey(root, audience), binding) ?? refuse("bad_tag");
  return inTime(
    read("bad_claims", () => readClaims(new Reader(claims))),
    now,
    skew,
  );
}

export function refuse(reason) {
  throw new Refused(reason);
}

export function checkSettings({ audience, skew, binding, maxLength }) {
  if (!/^[a-z0-9._:/-]{1,128}$/.test(audience)) throw new RangeError("an audience is 1 to 128 characters of [a-z0-9._:/-]");
  if (!(binding.length <= 1024 && skew >= 0 && skew <= 300 && maxLength > 0 && maxLength <= 65536)) {
    throw new RangeError("a binding, a skew or a length out of its bounds");
  }
}

/** The root that a token names, where it may verify. */
export function usable(root, now) {
  if (!root) refuse("unknown_key");
  if (root.revoked) refuse("key_revoked");
  if (root.drainsUntil != null && now >= root.drainsUntil) refuse("key_retired");
  return root;
}

export function audienceKey({ secret }, audience) {
  return expand(secret, `saddlebag/1 audience ${audience}`);
}

/** What is read, or a refusal for this reason where it is malformed. */
export function read(reason, reading) {
  try {
    return reading();
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    return refuse(reason);
  }
}

export function inTime(session, now, skew) {
  if (BigInt(now) >= BigInt(session.expiresAt) + BigInt(skew)) refuse("expired");
  if (BigInt(session.issuedAt) > BigInt(now) + BigInt(skew)) refuse("not_yet_valid");
  return session;
}

/** Bytes or a text that the format does not allow. */
export class Malformed extends Error {}

/** 1: one spelling, and no other. */
export function strictBase64url(text) {
  if (!/^[A-Za-z0-9_-]*$/.test(text) || text.length % 4 === 1) return null;
  const data = Buffer.from(text, "base64url");
  return data.toString("base64url") === text ? data : null;
}

/** 5: HKDF-Expand of one block. */
export function expand(key, info) {
  return createHmac("sha256", key).update(info).update("\x01").digest();
}

/** The claims, where the tag is right (3, 4). */
function opened(header, body, key, binding) {
  const tag = body.subarray(-16);
  if (header[2] === SIGNED) {
    const claims = body.subarray(0, -16);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(binding.length);
    const hmac = createHmac("sha256", expand(key, "saddlebag/1 signed"));
    const right = hmac.update(header).update(length).update(binding).update(claims).digest();
    return timingSafeEqual(tag, right.subarray(0, 16)) ? claims : null;
  }
  const nonce = body.subarray(0, 24);
  const derived = xaesKey(expand(key, "saddlebag/1 sealed"), nonce.subarray(0, 12));
  const cipher = createDecipheriv("aes-256-gcm", derived, nonce.subarray(12), { authTagLength: 16 });
  cipher.setAAD(Buffer.concat([header, binding]));
  cipher.setAuthTag(tag);
  try {
    return Buffer.concat([cipher.update(body.subarray(24, -16)), cipher.final()]);
  } catch {
    return null;
  }
}

/** C2SP's XAES-256-GCM: two blocks of CMAC as a key. */
function xaesKey(key, prefix) {
  const block = (input) => {
    const cipher = createCipheriv("aes-256-ecb", key, null).setAutoPadding(false);
    return Buffer.concat([cipher.update(input), cipher.final()]);
  };
  const number = (bytes) => BigInt(`0x${bytes.toString("hex")}`);
  const first = number(block(Buffer.alloc(16)));
  const subkey = BigInt.asUintN(128, (first << 1n) ^ (first >> 127n ? 0x87n : 0n));
  const halves = [1, 2].map((counter) => {
    const message = number(Buffer.concat([Buffer.from([0, counter, 0x58, 0]), prefix])) ^ subkey;
    return block(Buffer.from(message.toString(16).padStart(32, "0"), "hex"));
  });
  return Buffer.concat(halves);
}

/** 6: what the table allows, and nothing else. */
function readClaims(reader) {
  if (reader.byte() !== 0x88) throw new Malformed("no array of eight");
  const id = reader.shortest(2);
  const [started, issued, expires, ends, revision] = Array.from({ length: 5 }, () => reader.shortest(0));
  const subject = reader.next() === 0xf6 ? (reader.byte(), null) : reader.shortest(3);
  const stateCbor = reader.rest();
  if (stateCbor.length === 0) throw new Malformed("no state");
  const issuedAt = started + issued;
  const claims = { id, started, issuedAt, expiresAt: issuedAt + expires, endsAt: started + ends, revision, subject };
  return { ...checkedClaims(claims), stateCbor, state: () => decodeState(stateCbor) };
}

/** What holds of claims in any encoding (6). Numbers are BigInt, the subject is bytes or null. */
export function checkedClaims({ id, started, issuedAt, expiresAt, endsAt, revision, subject }) {
  if (id.length !== 12 || revision < 0n || revision >= 2n ** 32n) throw new Malformed("an id or a revision that is none");
  if (subject !== null && !(subject.length >= 1 && subject.length <= 255)) throw new Malformed("a subject of another length");
  const ordered = started >= 0n && started <= issuedAt && issuedAt < expiresAt && expiresAt <= endsAt && endsAt < LATEST;
  if (!ordered) throw new Malformed("times out of order");
  return {
    id,
    startedAt: Number(started),
    issuedAt: Number(issuedAt),
    expiresAt: Number(expiresAt),
    endsAt: Number(endsAt),
    revision: Number(revision),
    subject: subject === null ? null : utf8(subject),
  };
}

/** The application's data, the one item that state is; throws where it breaks the format. */
export function decodeState(cbor) {
  const reader = new Reader(cbor);
  const value = reader.value(0);
  if (reader.rest().length > 0) throw new Malformed("bytes after the state");
  return value;
}

export function utf8(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Malformed("no UTF-8");
  }
}

/** CBOR of definite lengths. */
class Reader {
  #data;

  constructor(data) {
    this.#data = data;
  }

  next() {
    return this.#data[0];
  }

  rest() {
    return this.#data;
  }

  take(length) {
    if (length > this.#data.length) throw new Malformed("truncated");
    const taken = this.#data.subarray(0, Number(length));
    this.#data = this.#data.subarray(Number(length));
    return taken;
  }

  byte() {
    return this.take(1)[0];
  }

  head() {
    const first = this.byte();
    const [major, low] = [first >> 5, first & 31];
    if (low < 24) return { major, low, argument: BigInt(low), least: 0n };
    const length = { 24: 1, 25: 2, 26: 4, 27: 8 }[low];
    if (!length) throw new Malformed("indefinite or reserved");
    const raw = this.take(length);
    const least = length === 1 ? 24n : 1n << BigInt(length * 4);
    return { major, low, raw, argument: BigInt(`0x${raw.toString("hex")}`), least };
  }

  /** An unsigned number, or the bytes of a string, in its shortest form. */
  shortest(wanted) {
    const { major, argument, least } = this.head();
    if (major !== wanted || argument < least) throw new Malformed("another type, or a longer form");
    return major === 0 ? argument : this.take(argument);
  }

  /** One item of state (6). */
  value(depth) {
    const { major, low, raw, argument } = this.head();
    const number = (value) => (value >= -(2n ** 53n) && value <= 2n ** 53n ? Number(value) : value);
    if (major === 7) return simple(low, raw);
    if (major === 0) return number(argument);
    if (major === 1) {
      if (argument >= 2n ** 63n) throw new Malformed("an integer out of range");
      return number(-1n - argument);
    }
    if (major === 2) return Buffer.from(this.take(argument));
    if (major === 3) return utf8(this.take(argument));
    if (major === 6) throw new Malformed("a tag");
    if (depth === 32) throw new Malformed("too deep");
    // Not made before they come: a head may claim any number.
    if (major === 4) {
      const values = [];
      for (let index = 0n; index < argument; index += 1n) values.push(this.value(depth + 1));
      return values;
    }
    const values = new Map();
    for (let index = 0n; index < argument; index += 1n) {
      const name = this.value(depth + 1);
      if (typeof name !== "string" || values.has(name)) throw new Malformed("a key that is not text, or twice");
      values.set(name, this.value(depth + 1));
    }
    // Without a prototype, which `__proto__` would change.
    return Object.assign(Object.create(null), Object.fromEntries(values));
  }
}

function simple(low, raw) {
  const values = { 20: false, 21: true, 22: null };
  if (low in values) return values[low];
  const value = { 25: () => half(raw), 26: () => raw.readFloatBE(), 27: () => raw.readDoubleBE() }[low]?.();
  if (value === undefined) throw new Malformed("a simple value");
  if (!Number.isFinite(value)) throw new Malformed("no number");
  return new Float(value);
}

function half(raw) {
  const bits = raw.readUInt16BE();
  const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return NaN;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -14 * (fraction / 1024));
}
