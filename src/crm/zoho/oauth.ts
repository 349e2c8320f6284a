import type { Clock } from "../../clock.ts";
import { Fault } from "../../faults.ts";
import { type HttpDeps, HttpFailure, type HttpResponse, retryAfterMs, sendHttp, textOf } from "../../http.ts";
import type { Log } from "../../log.ts";
import type { SealedStore } from "../../sealed-store.ts";
import { trustedApiUrl } from "./data-centres.ts";
import { parseExactJson } from "./exact-json.ts";
import { TokenKeeping } from "./stored-token.ts";
import { tokenReply } from "./wire.ts";
import { faultOfHttp } from "./zoho-faults.ts";

/** A token is renewed this long before it ends, so that none ends under a request of HTTP_TIMEOUT_MS; a quarter of its life at most. */
const EARLY_MS = 90_000;
const EARLY_SHARE = 4;
/** A token that another process left in the store is used while it has this long: twice a request of HTTP_TIMEOUT_MS. */
const STORED_LEFT_MS_MIN = 60_000;
/** Zoho gives 10 access tokens per refresh token in 10 minutes and then none for the rest of the window (accounts docs). */
const REFRESHES_MAX = 10;
const REFRESH_WINDOW_MS = 600_000;
/** Wait after a throttle whose end Zoho does not tell: doubled each time, as practitioners report 15 minutes and more. */
const THROTTLE_MS_MIN = 30_000;
const THROTTLE_MS_MAX = 600_000;
/** Life of a token whose answer does not say: the documented hour. */
const LIFE_SECONDS_DEFAULT = 3_600;
const TOKEN_BYTES_MAX = 64 * 1024;
const DOING = "signing in to the CRM";

/** Where and as whom to sign in. */
export interface OAuthOptions {
  readonly accountsUrl: string;
  readonly apiUrl: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly refreshToken: string;
  readonly http: HttpDeps;
  readonly clock: Clock;
  readonly log: Log;
  readonly timeoutMs: number;
  readonly count: () => void;
  /** Where the token outlives the process, sealed; absent = nowhere. */
  readonly tokens?: SealedStore;
}

/** The right to call the API, and where. */
export interface Access {
  readonly token: string;
  readonly apiUrl: string;
  readonly expiresAt: number;
}

/**
 * Holds one access token and renews it: one request at a time however many callers wait, early, and never more often
 * than Zoho allows. Before it renews, it looks whether another process, or an earlier life of this one, has left a good
 * token in the store: eleven restarts in ten minutes must not use up what Zoho gives, nor a command beside the service the
 * service's share. The refresh token and the client secret travel in the request's body only.
 */
export class AccessTokens {
  readonly #options: OAuthOptions;
  readonly #ending = new AbortController();
  readonly #keeping: TokenKeeping;
  #access: Access | undefined;
  /** The last token that Zoho refused; the store may still hold it. */
  #refused: string | undefined;
  #renewAt = 0;
  #renewal: Promise<Access> | undefined;
  #renewedAt: readonly number[] = [];
  #throttledUntil = 0;
  #throttleMs = THROTTLE_MS_MIN;

  constructor(options: OAuthOptions) {
    this.#options = options;
    this.#keeping = new TokenKeeping(options);
  }

  /** A usable token. Throws a Fault of the sign-in (CRM_TOKEN_…, CRM_UNREACHABLE, CRM_UNAVAILABLE). */
  async access(): Promise<Access> {
    const now = this.#options.clock.now();
    if (this.#access !== undefined && now < this.#renewAt) return this.#access;
    this.#renewal ??= this.#renew().finally(() => {
      this.#renewal = undefined;
    });
    try {
      return await this.#renewal;
    } catch (error) {
      // The sign-in is in trouble, but the old token has not ended: the CRM itself may well answer.
      const isFault = error instanceof Fault;
      if (isFault && this.#access !== undefined && now < this.#access.expiresAt) return this.#access;
      throw error;
    }
  }

  /** Says that Zoho refused this token. A token renewed meanwhile by another caller is kept. */
  invalidate(refused: Access): void {
    if (this.#access?.token !== refused.token) return;
    this.#refused = refused.token;
    this.#access = undefined;
  }

  close(): void {
    this.#ending.abort(new Fault("CRM_UNREACHABLE", `${DOING} (closing)`));
  }

  async #renew(): Promise<Access> {
    const stored = await this.#stored();
    if (stored !== undefined) {
      this.#access = stored;
      this.#renewAt = stored.expiresAt - STORED_LEFT_MS_MIN;
      return stored;
    }
    const now = this.#options.clock.now();
    this.#guard(now);
    this.#options.count();
    const response = await this.#request();
    const body = tokenReply.safeParse(jsonOf(response));
    const reply = body.success ? body.data : undefined;
    if (reply?.access_token === undefined) throw this.#failure(response, reply?.error);
    this.#renewedAt = [...this.#renewedAt, now].slice(-REFRESHES_MAX); // Only what was given counts, not what failed.
    const lifeMs = (reply.expires_in_sec ?? reply.expires_in ?? LIFE_SECONDS_DEFAULT) * 1000;
    const apiUrl = trustedApiUrl(this.#options.apiUrl, reply.api_domain);
    if (apiUrl !== this.#options.apiUrl) this.#options.log.warn({ apiUrl }, "the sign-in names another data centre");
    const access = { token: reply.access_token, apiUrl, expiresAt: now + lifeMs };
    this.#access = access;
    this.#renewAt = now + lifeMs - Math.min(EARLY_MS, lifeMs / EARLY_SHARE);
    this.#throttleMs = THROTTLE_MS_MIN;
    await this.#keeping.write(access);
    return access;
  }

  /** A good token that this object does not have yet. */
  async #stored(): Promise<Access | undefined> {
    const { apiUrl, clock } = this.#options;
    const stored = await this.#keeping.read();
    if (stored === undefined || stored.token === this.#refused || stored.token === this.#access?.token)
      return undefined;
    if (stored.expiresAt - clock.now() < STORED_LEFT_MS_MIN) return undefined;
    return { ...stored, apiUrl: trustedApiUrl(apiUrl, stored.apiUrl) };
  }

  /** Refuses to ask when Zoho would only extend the throttle. */
  #guard(now: number): void {
    const recent = this.#renewedAt.filter((at) => at <= now && at > now - REFRESH_WINDOW_MS); // The clock may have been set back.
    const windowEnd = recent.length < REFRESHES_MAX ? 0 : Math.min(...recent) + REFRESH_WINDOW_MS;
    const waitMs = Math.max(this.#throttledUntil, windowEnd) - now;
    if (waitMs > 0) throw new Fault("CRM_TOKEN_THROTTLED", DOING, { retryAfterMs: waitMs });
  }

  async #request(): Promise<HttpResponse> {
    const { accountsUrl, clientId, clientSecret, refreshToken, http, timeoutMs } = this.#options;
    const form = new URLSearchParams({
      grant_type: "refresh_token",
      client_id: clientId,
      client_secret: clientSecret,
      refresh_token: refreshToken,
    });
    try {
      return await sendHttp(http, {
        method: "POST",
        url: `${accountsUrl}/oauth/v2/token`,
        headers: { "content-type": "application/x-www-form-urlencoded", accept: "application/json" },
        body: form.toString(),
        timeoutMs,
        responseBytesMax: TOKEN_BYTES_MAX,
        signal: this.#ending.signal,
      });
    } catch (error) {
      if (error instanceof HttpFailure) throw faultOfHttp(error, DOING);
      throw error;
    }
  }

  /** Zoho localises its texts and answers some failures with 200: only `invalid_…` and the status are believed. */
  #failure(response: HttpResponse, error: string | undefined): Fault {
    const { status } = response;
    const named = error !== undefined && /^[\w ]{1,40}$/.test(error) ? error : "without a known error";
    const cause = new Error(`HTTP ${status} ${named}`);
    if (error?.startsWith("invalid_")) return new Fault("CRM_TOKEN_REVOKED", DOING, { cause });
    if (status >= 500 || error === undefined) {
      // Also a page of HTML with status 200: an outage, which must not cost attempts as an invalid reply would.
      if (status !== 400 && status !== 429) return new Fault("CRM_UNAVAILABLE", DOING, { cause });
    }
    const now = this.#options.clock.now();
    const waitMs = retryAfterMs(response.headers, now) ?? this.#throttleMs;
    this.#throttleMs = Math.min(this.#throttleMs * 2, THROTTLE_MS_MAX);
    this.#throttledUntil = now + waitMs;
    return new Fault("CRM_TOKEN_THROTTLED", DOING, { cause, retryAfterMs: waitMs });
  }
}

function jsonOf(response: HttpResponse): unknown {
  try {
    return parseExactJson(textOf(response));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
