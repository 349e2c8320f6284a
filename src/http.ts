import type { Clock } from "./clock.ts";

/** Whole time of one request, connection and body included. Long enough for the slowest documented query, short enough to notice a hang. */
export const HTTP_TIMEOUT_MS = 30_000;
/** Largest reply taken into memory: 2,000 rows of 32 kB. */
export const HTTP_RESPONSE_BYTES_MAX = 64 * 1024 * 1024;
/** Longest `Retry-After` that is believed; a longer one is more likely a mistake than a plan. */
export const RETRY_AFTER_MS_MAX = 24 * 3_600_000;

/** What outgoing requests are made with. `fetch` is replaced in tests only. */
export interface HttpDeps {
  readonly clock: Clock;
  readonly fetch?: typeof fetch;
}

/** One outgoing request. */
export interface HttpRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | FormData;
  /** Total deadline, default HTTP_TIMEOUT_MS. */
  readonly timeoutMs?: number;
  /** Default HTTP_RESPONSE_BYTES_MAX. */
  readonly responseBytesMax?: number;
  readonly signal: AbortSignal;
}

/** A reply of any status but a redirect, its body read to the end. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

/** Why there was no reply: `connection` was lost under the request and may be tried again at once; the others not. */
export type HttpFailureKind = "timeout" | "connection" | "network" | "too_large" | "redirect";

/** No usable reply. Names method, origin and path: never the query, headers, body or credentials. */
export class HttpFailure extends Error {
  override readonly name = "HttpFailure";
  readonly kind: HttpFailureKind;

  constructor(kind: HttpFailureKind, message: string) {
    super(message);
    this.kind = kind;
  }
}

/** Failure codes of a connection that the other side closed, as idle keep-alive connections are. */
const CONNECTION_LOST = new Set(["ECONNRESET", "EPIPE", "UND_ERR_SOCKET"]);

/**
 * Sends one request and reads its whole reply. Redirects are refused, not followed: a host that is not configured is
 * never talked to. Throws HttpFailure, or the signal's reason when the caller aborted.
 */
export async function sendHttp(deps: HttpDeps, request: HttpRequest): Promise<HttpResponse> {
  request.signal.throwIfAborted();
  const timeoutMs = request.timeoutMs ?? HTTP_TIMEOUT_MS;
  const bytesMax = request.responseBytesMax ?? HTTP_RESPONSE_BYTES_MAX;
  const ending = new AbortController();
  const done = new AbortController();
  const stop = () => ending.abort(request.signal.reason);
  request.signal.addEventListener("abort", stop, { once: true });
  let isLate = false;
  deps.clock.sleep(timeoutMs, done.signal).then(
    () => {
      isLate = true;
      ending.abort();
    },
    () => undefined, // The request ended first.
  );
  try {
    const response = await (deps.fetch ?? fetch)(request.url, {
      method: request.method,
      redirect: "manual",
      signal: ending.signal,
      ...(request.headers === undefined ? {} : { headers: { ...request.headers } }),
      ...(request.body === undefined ? {} : { body: request.body }),
    });
    if (response.status >= 300 && response.status < 400 && response.status !== 304) {
      throw new HttpFailure("redirect", `${nameOf(request)}: refused a redirect (${response.status})`);
    }
    const body = await readBody(response, bytesMax, nameOf(request));
    return { status: response.status, headers: response.headers, body };
  } catch (error) {
    ending.abort(); // Frees the connection of a reply that was not read to its end.
    if (request.signal.aborted) throw request.signal.reason;
    if (isLate) throw new HttpFailure("timeout", `${nameOf(request)}: no reply within ${timeoutMs} ms`);
    if (error instanceof HttpFailure) throw error;
    throw networkFailure(error, request);
  } finally {
    done.abort();
    request.signal.removeEventListener("abort", stop);
  }
}

/** The body as text; bytes that are not UTF-8 become replacement characters. */
export function textOf(response: HttpResponse): string {
  return new TextDecoder().decode(response.body);
}

/** Milliseconds that a `Retry-After` asks for (seconds or an HTTP date), bounded; undefined when it says nothing usable. */
export function retryAfterMs(headers: Headers, now: number): number | undefined {
  const value = headers.get("retry-after")?.trim();
  if (!value) return undefined;
  const ms = /^\d+(\.\d+)?$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now;
  return Number.isFinite(ms) ? Math.min(Math.max(0, Math.ceil(ms)), RETRY_AFTER_MS_MAX) : undefined;
}

async function readBody(response: Response, bytesMax: number, name: string): Promise<Uint8Array> {
  const tooLarge = () => new HttpFailure("too_large", `${name}: the reply is larger than ${bytesMax} bytes`);
  if (Number(response.headers.get("content-length") ?? 0) > bytesMax) throw tooLarge();
  if (response.body === null) return new Uint8Array(0);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body) {
    size += chunk.byteLength;
    if (size > bytesMax) throw tooLarge();
    chunks.push(chunk);
  }
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, size);
}

/** Keeps only the error's code: the text of a fetch error may quote a header, and with it a token. */
function networkFailure(error: unknown, request: HttpRequest): HttpFailure {
  const code = codeOf(error) ?? "unknown network error";
  return new HttpFailure(CONNECTION_LOST.has(code) ? "connection" : "network", `${nameOf(request)}: ${code}`);
}

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const inner = codeOf(error.cause);
  if (inner !== undefined) return inner;
  return "code" in error && typeof error.code === "string" ? error.code : undefined;
}

function nameOf(request: HttpRequest): string {
  const url = URL.parse(request.url);
  return url === null ? request.method : `${request.method} ${url.origin}${url.pathname}`;
}
