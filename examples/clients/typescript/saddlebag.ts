// A client of Saddlebag's HTTP service: Node 20 or later, and no dependency when it runs. The types are those of the
// contract, made from openapi/saddlebag.json by `npm run build`, which fails where this file and the contract differ.
//
//     const saddlebag = new Saddlebag("http://127.0.0.1:7070", "shop.credential");
//     const issued = await saddlebag.issue({ subject: "alice", state: { cart: ["apples"] } });
//     const session = await saddlebag.verify(issued.token); // null where the token is not valid: an answer, no error
//
// demo.ts is a whole session life. A certificate authority of one's own is NODE_EXTRA_CA_CERTS=FILE.

import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { components, paths } from "./contract.ts";

type Schemas = components["schemas"];
export type Session = Schemas["Session"];
export type Issued = Schemas["IssueAnswer"];
export type Introspection = Schemas["IntrospectAnswer"];
export type Changes = Omit<Schemas["RenewRequest"], "token">;

/** What the POST of a path takes, and what it answers when all is well. */
type Body<P extends keyof paths> = paths[P] extends { post: { requestBody: { content: infer C } } }
  ? C[keyof C]
  : never;
type Answer<P extends keyof paths> = paths[P] extends { post: { responses: infer R } }
  ? R[keyof R & (200 | 201)] extends { content: { "application/json": infer A } } ? A : unknown
  : unknown;

const session = (answer: Schemas["VerifyAnswer"]) => (answer.active ? answer.session : null);

/** A problem that the service told (RFC 9457). Programs go by `code`. */
export class SaddlebagError extends Error {
  readonly code: string;
  readonly status: number;
  readonly detail: string;

  constructor(code: string, status: number, detail: string) {
    super(`${code} (${status}): ${detail}`);
    this.name = "SaddlebagError";
    this.code = code;
    this.status = status;
    this.detail = detail;
  }
}

/** One for the whole program: fetch keeps the connections. */
export class Saddlebag {
  readonly #url: string;
  readonly #credentialFile: string;

  constructor(url: string, credentialFile: string) {
    this.#url = url.replace(/\/$/, "");
    this.#credentialFile = credentialFile;
  }

  issue(session: Schemas["IssueRequest"]): Promise<Issued> {
    return this.#json("/v1/sessions", session);
  }

  async verify(token: string): Promise<Session | null> {
    return session(await this.#json("/v1/sessions/verify", { token }));
  }

  async verifyBatch(tokens: string[]): Promise<(Session | null)[]> {
    const { results } = await this.#json("/v1/sessions/verify-batch", { tokens });
    return results.map(session);
  }

  /** What is not among the changes stays; null sets null. */
  async renew(token: string, changes: Changes = {}): Promise<Issued | null> {
    const answer = await this.#json("/v1/sessions/renew", { ...changes, token });
    return "token" in answer ? answer : null;
  }

  introspect(token: string): Promise<Introspection> {
    const form: Body<"/v1/introspect"> = { token };
    return this.#post("/v1/introspect", "application/x-www-form-urlencoded", `${new URLSearchParams({ ...form })}`);
  }

  #json<P extends keyof paths>(path: P, body: Body<P>): Promise<Answer<P>> {
    return this.#post(path, "application/json", JSON.stringify(body));
  }

  async #post<P extends keyof paths>(path: P, kind: string, body: string): Promise<Answer<P>> {
    // Read each time: it is replaced before it ends. The last word, as `serve --dev` writes a whole header.
    const credential = (await readFile(this.#credentialFile, "ascii")).trim().split(" ").at(-1);
    const headers = { authorization: `Bearer ${credential}`, "content-type": kind };
    const send = () =>
      fetch(this.#url + path, { method: "POST", headers, body, redirect: "error", signal: AbortSignal.timeout(5_000) });
    let response = await send();
    if (response.status === 503) {
      await response.body?.cancel(); // and once again: nothing is stored, so nothing happens twice
      await sleep(1_000 * Math.min(Number(response.headers.get("retry-after") ?? 1), 10));
      response = await send();
    }
    if (response.ok) {
      return (await response.json()) as Answer<P>;
    }
    const text: unknown = await response.json().catch(() => ({})); // a proxy's page, say
    const problem = text as Partial<Schemas["Problem"]>;
    const detail = problem.detail ?? problem.title ?? response.statusText;
    throw new SaddlebagError(problem.code ?? "http_error", response.status, detail);
  }
}
