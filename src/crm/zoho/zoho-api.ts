import { setImmediate as nextTurn } from "node:timers/promises";
import type { Clock } from "../../clock.ts";
import { Fault } from "../../faults.ts";
import { type HttpDeps, HttpFailure, type HttpRequest, retryAfterMs, sendHttp, textOf } from "../../http.ts";
import type { Random } from "../../random.ts";
import { parseExactJson } from "./exact-json.ts";
import { Gate } from "./gate.ts";
import type { Access, AccessTokens } from "./oauth.ts";
import { type FailedReply, faultOfHttp, faultOfReply, isStaleToken } from "./zoho-faults.ts";

/** API version. Version 8 has a week-long channel and 100 values in an `in`. */
const API_PATH = "/crm/v8";
/** Zoho runs at most 10 queries of an org at once, whatever the edition. */
const COQL_CONCURRENCY_MAX = 10;
/** Longest random wait before the one repetition of a read that met a server error. */
const REPEAT_JITTER_MS = 200;

/** What a call is for; the label of the counter `crm_calls`. */
export type CallClass = "coql" | "record" | "notes" | "full_text" | "fields" | "users" | "channels" | "probe";

/** One call of the API. `path` is below `/crm/v8`. */
export interface ApiCall {
  readonly method: HttpRequest["method"];
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly kind: CallClass;
  /** For errors: "reading accounts". */
  readonly doing: string;
  /** Repeated once after a lost connection or a server error, never after a time-out. False for what changes something. */
  readonly isRead: boolean;
  /** Statuses that the caller judges himself besides 2xx and 304. */
  readonly accept?: readonly number[];
}

/** A reply of an accepted status. `body` is undefined when it is empty: 204, 304. */
export interface ApiReply {
  readonly status: number;
  readonly body: unknown;
}

/** What the API client is built with. */
export interface ZohoApiDeps {
  readonly http: HttpDeps;
  readonly tokens: AccessTokens;
  readonly clock: Clock;
  readonly random: Random;
  readonly count: (name: string, n: number) => void;
  readonly concurrencyMax: number;
  /** Of a read; of anything else `writeTimeoutMs`. */
  readonly timeoutMs: number;
  readonly writeTimeoutMs: number;
}

/** A reply of any status. `body` is undefined when the text is empty or not JSON. */
interface SentReply extends FailedReply {
  readonly text: string;
}

/** Calls Zoho's REST API: signed in, bounded in number and time, with failures as faults. */
export class ZohoApi {
  readonly #deps: ZohoApiDeps;
  readonly #gate: Gate;
  readonly #coqlGate: Gate;
  #creditsLeft: number | undefined;

  constructor(deps: ZohoApiDeps) {
    this.#deps = deps;
    this.#gate = new Gate(deps.concurrencyMax);
    this.#coqlGate = new Gate(Math.min(deps.concurrencyMax, COQL_CONCURRENCY_MAX));
  }

  /** API credits left in the rolling day; Zoho says so only when half are used. */
  get creditsLeft(): number | undefined {
    return this.#creditsLeft;
  }

  /** Makes one call. Throws a Fault (CRM_…), or the signal's reason. */
  async call(call: ApiCall, signal: AbortSignal): Promise<ApiReply> {
    try {
      return await this.#inTurn(call, signal);
    } catch (error) {
      if (!(error instanceof Fault) || !call.isRead || !isPassing(error)) throw error;
      const waitMs = Math.floor(this.#deps.random.next() * REPEAT_JITTER_MS);
      await (error.code === "CRM_UNREACHABLE" ? nextTurn() : this.#deps.clock.sleep(waitMs, signal));
      return await this.#inTurn(call, signal);
    }
  }

  /** A probe has no turn: it asks whether the CRM answers at all, also while every call at a time is one that hangs. */
  async #inTurn(call: ApiCall, signal: AbortSignal): Promise<ApiReply> {
    if (call.kind === "probe") return await this.#signedIn(call, signal);
    const run = () => this.#gate.run(() => this.#signedIn(call, signal), signal);
    return await (call.kind === "coql" ? this.#coqlGate.run(run, signal) : run());
  }

  /** A refused token is renewed once and the call made once more: tokens are revoked before their time. */
  async #signedIn(call: ApiCall, signal: AbortSignal): Promise<ApiReply> {
    const access = await this.#accessOf(signal);
    const first = await this.#send(call, access, signal);
    if (!isStaleToken(first)) return this.#judge(call, first);
    this.#deps.tokens.invalidate(access);
    const second = await this.#send(call, await this.#accessOf(signal), signal);
    return this.#judge(call, second);
  }

  /** The renewal of a token serves many callers, so one who gives up leaves it running. */
  async #accessOf(signal: AbortSignal): Promise<Access> {
    signal.throwIfAborted();
    let leave: (() => void) | undefined;
    const left = new Promise<never>((_, reject) => {
      leave = () => reject(signal.reason);
      signal.addEventListener("abort", leave, { once: true });
    });
    try {
      return await Promise.race([this.#deps.tokens.access(), left]);
    } finally {
      if (leave !== undefined) signal.removeEventListener("abort", leave);
    }
  }

  async #send(call: ApiCall, access: Access, signal: AbortSignal): Promise<SentReply> {
    const { http, count, clock } = this.#deps;
    const isReading = call.isRead || call.kind === "probe";
    const timeoutMs = isReading ? this.#deps.timeoutMs : this.#deps.writeTimeoutMs;
    count("crm_calls", 1);
    count(`crm_calls:${call.kind}`, 1);
    const query = call.query === undefined ? "" : `?${new URLSearchParams(call.query)}`;
    try {
      const response = await sendHttp(http, {
        method: call.method,
        url: `${access.apiUrl}${API_PATH}${call.path}${query}`,
        headers: {
          authorization: `Zoho-oauthtoken ${access.token}`,
          accept: "application/json",
          ...(call.body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
        timeoutMs,
        signal,
      });
      this.#noteCredits(response.headers);
      const text = textOf(response);
      return {
        status: response.status,
        text,
        body: bodyOf(text),
        retryAfterMs: retryAfterMs(response.headers, clock.now()),
      };
    } catch (error) {
      if (error instanceof HttpFailure) throw faultOfHttp(error, call.doing);
      throw error;
    }
  }

  #judge(call: ApiCall, reply: SentReply): ApiReply {
    const { status } = reply;
    const isGood = (status >= 200 && status < 300) || status === 304;
    if (!isGood && call.accept?.includes(status) !== true) {
      const fault = faultOfReply(reply, call.doing);
      if (fault.code === "CRM_RATE_LIMITED") this.#gate.narrow();
      throw fault;
    }
    if (reply.body === undefined && reply.text.length > 0) {
      throw new Fault("CRM_REPLY_INVALID", call.doing, { cause: new Error(`HTTP ${status} that is not JSON`) });
    }
    return { status, body: reply.body };
  }

  #noteCredits(headers: Headers): void {
    const text = headers.get("x-api-credits-remaining");
    if (text !== null && /^\d{1,12}$/.test(text)) this.#creditsLeft = Number(text);
  }
}

/** True for what may be over at once: a server error, or a connection that the other side closed when it was idle. */
function isPassing(fault: Fault): boolean {
  if (fault.code === "CRM_UNAVAILABLE")
    return !(fault.cause instanceof HttpFailure) && fault.retryAfterMs === undefined;
  return fault.cause instanceof HttpFailure && fault.cause.kind === "connection";
}

/** The parsed body; undefined when it is empty or not JSON. */
function bodyOf(text: string): unknown {
  if (text.length === 0) return undefined;
  try {
    return parseExactJson(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
