import type { z } from "zod";
import type { Clock } from "../../clock.ts";
import { Fault } from "../../faults.ts";
import { type HttpDeps, HttpFailure, type HttpRequest, type HttpResponse, sendHttp, textOf } from "../../http.ts";
import { CogneeRefusal, faultOfHttp, faultOfRefusal } from "./cognee-faults.ts";
import { loginReply } from "./cognee-wire.ts";
import { SharedWork } from "./shared-work.ts";

/**
 * Longest that a call which writes may take. It waits for its dataset's lock, and with a model that is away an update ends
 * after 262 s (measured); Node's own fetch gives up after 300 s without headers.
 */
export const WRITE_MS_MAX = 290_000;
/** Longest that a call which reads may take: Cognee tests its model for up to 30 s; all else takes 1.7 s at worst (measured). */
export const READ_MS_MAX = 60_000;
/** Largest text taken of a refusal. */
const REFUSAL_LENGTH_MAX = 10_000;

/** As whom to call. A key wins over a user. */
export type CogneeCredentials = { readonly apiKey: string } | { readonly username: string; readonly password: string };

/** Where and as whom. */
export interface CogneeSessionOptions {
  readonly url: string;
  readonly credentials: CogneeCredentials;
  readonly clock: Clock;
  readonly fetch?: typeof fetch;
}

/** One call. */
export interface CogneeCall {
  readonly method: HttpRequest["method"];
  /** Behind `/api/v1`, with its query. */
  readonly path: string;
  readonly json?: unknown;
  readonly form?: FormData;
  readonly text?: string;
  readonly timeoutMs?: number;
  /** What is being done, for the fault. */
  readonly doing: string;
}

/**
 * Calls of one user. With a password it signs in when needed and again when the sign-in has ended.
 * Throws Fault SINK_UNREACHABLE or SINK_UNAUTHORIZED, or CogneeRefusal where Cognee refused the call itself.
 */
export class CogneeSession {
  readonly #options: CogneeSessionOptions;
  readonly #http: HttpDeps;
  #bearer: string | undefined;
  /** One sign-in at a time, however many calls wait for it; none may fail because another went away. */
  readonly #login = new SharedWork((signal) => this.#requestBearer(signal));

  constructor(options: CogneeSessionOptions) {
    this.#options = options;
    this.#http = { clock: options.clock, ...(options.fetch === undefined ? {} : { fetch: options.fetch }) };
  }

  /** The parsed reply. Also throws Fault SINK_UNAVAILABLE when it does not have the shape that is known. */
  async ask<Schema extends z.ZodType>(schema: Schema, call: CogneeCall, signal: AbortSignal): Promise<z.infer<Schema>> {
    const parsed = schema.safeParse(jsonOf(textOf(await this.send(call, signal))));
    if (parsed.success) return parsed.data;
    const paths = parsed.error.issues.map(({ path }) => path.join(".")).slice(0, 3);
    throw new Fault("SINK_UNAVAILABLE", call.doing, { detail: `reply of another shape: ${paths.join(", ")}` });
  }

  /** The reply of a call that was not refused. */
  async send(call: CogneeCall, signal: AbortSignal): Promise<HttpResponse> {
    const { credentials } = this.#options;
    if ("apiKey" in credentials) return this.#accepted(call, { "x-api-key": credentials.apiKey }, signal);
    const bearer = this.#bearer ?? (await this.#login.join(signal));
    try {
      return await this.#accepted(call, { authorization: `Bearer ${bearer}` }, signal);
    } catch (error) {
      if (!isSignInEnded(error)) throw error;
      if (this.#bearer === bearer) this.#bearer = undefined; // Another call may have renewed it meanwhile.
      const renewed = this.#bearer ?? (await this.#login.join(signal));
      return this.#accepted(call, { authorization: `Bearer ${renewed}` }, signal);
    }
  }

  /** The status of a call without a sign-in, and its body. */
  async open(path: string, doing: string, signal: AbortSignal): Promise<{ status: number; json: unknown }> {
    const response = await this.#send({ method: "GET", path, doing }, {}, signal);
    return { status: response.status, json: jsonOf(textOf(response)) };
  }

  async #accepted(call: CogneeCall, headers: Readonly<Record<string, string>>, signal: AbortSignal) {
    const response = await this.#send({ ...call, path: `/api/v1${call.path}` }, headers, signal);
    if (response.status >= 200 && response.status < 300) return response;
    throw new CogneeRefusal(response.status, textOf(response).slice(0, REFUSAL_LENGTH_MAX));
  }

  async #send(call: CogneeCall, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<HttpResponse> {
    const { method, path, json, form, text, timeoutMs, doing } = call;
    const body = json === undefined ? (form ?? text) : JSON.stringify(json);
    try {
      return await sendHttp(this.#http, {
        method,
        url: `${this.#options.url}${path}`,
        headers: { ...headers, ...(json === undefined ? {} : { "content-type": "application/json" }) },
        ...(body === undefined ? {} : { body }),
        timeoutMs: timeoutMs ?? READ_MS_MAX,
        signal,
      });
    } catch (error) {
      throw error instanceof HttpFailure ? faultOfHttp(error, doing) : error;
    }
  }

  async #requestBearer(signal: AbortSignal): Promise<string> {
    const { credentials } = this.#options;
    const doing = "signing in to Cognee";
    if ("apiKey" in credentials) throw new Fault("SINK_UNAUTHORIZED", doing);
    const text = new URLSearchParams({ ...credentials }).toString();
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const response = await this.#send({ method: "POST", path: "/api/v1/auth/login", doing, text }, headers, signal);
    const reply = loginReply.safeParse(jsonOf(textOf(response)));
    if (response.status === 200 && reply.success) {
      this.#bearer = reply.data.access_token;
      return this.#bearer;
    }
    const refusal = new CogneeRefusal(response.status, textOf(response).slice(0, REFUSAL_LENGTH_MAX));
    // A wrong password is a 400 (measured); a server in trouble is not our credentials' fault.
    if (response.status >= 500) throw faultOfRefusal(refusal, doing);
    throw new Fault("SINK_UNAUTHORIZED", doing, { cause: refusal, detail: refusal.message });
  }
}

function isSignInEnded(error: unknown): boolean {
  return error instanceof CogneeRefusal && faultOfRefusal(error, "calling Cognee").code === "SINK_UNAUTHORIZED";
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
