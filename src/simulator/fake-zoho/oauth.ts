import type { Clock } from "../../clock.ts";
import { type Random, randomSecret } from "../../random.ts";
import type { Mischief } from "../mischief.ts";
import type { Behaviour } from "./behaviour.ts";
import { chance } from "./pick.ts";
import { ok, Refusal, type ZohoReply } from "./reply.ts";

/** What a client must know to sign in. */
export interface OAuthSecrets {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly refreshToken: string;
}

/** The sign-in of the stand-in: access tokens, their expiry, throttle and scopes. */
export interface OAuth {
  token(form: URLSearchParams, apiDomain: string): ZohoReply;
  revoke(token: string | null): ZohoReply;
  /** Refuses unless the header carries a live token with a scope that covers one of `scopes`. Gives the token's expiry. */
  authorize(header: string | undefined, scopes: readonly string[]): number;
  /** Kills all access tokens, as a time-out would. */
  expireAll(): void;
  readonly issued: number;
}

/** An access token lives an hour. */
const TOKEN_LIFE_MS = 3_600_000;

/** A refresh token that asked too often is blocked for the rest of this window. */
const WINDOW_MS = 600_000;

/** Live access tokens of one refresh token; the oldest is dropped. */
const LIVE_MAX = 30;

const THROTTLE_TEXT = "You have made too many requests continuously. Please try again after some time.";
const THROTTLE_TEXT_LOCALISED = "您连续发出的请求过多。请稍后再试。";

/** Makes the sign-in. */
export function createOAuth(deps: {
  clock: Clock;
  random: Random;
  secrets: OAuthSecrets;
  mischief: Mischief;
  behaviour: Behaviour;
}): OAuth {
  const { clock, random, secrets, mischief, behaviour } = deps;
  const live = new Map<string, number>();
  let windowEndsAt = 0;
  let inWindow = 0;
  let issued = 0;
  let isRevoked = false;

  function issue(apiDomain: string, extra: Readonly<Record<string, string>>): ZohoReply {
    if (clock.now() >= windowEndsAt) {
      windowEndsAt = clock.now() + WINDOW_MS;
      inWindow = 0;
    }
    inWindow += 1;
    if (mischief.tokenThrottled || inWindow > behaviour.tokensPerWindow) return throttled(behaviour);
    const token = `1000.${randomSecret(16)}.${randomSecret(16)}`;
    live.set(token, clock.now() + TOKEN_LIFE_MS);
    const oldest = live.keys().next();
    if (live.size > LIVE_MAX && oldest.done === false) live.delete(oldest.value);
    issued += 1;
    return ok({
      access_token: token,
      ...extra,
      scope: behaviour.scopes.join(" "),
      api_domain: apiDomain,
      token_type: "Bearer",
      expires_in: TOKEN_LIFE_MS / 1000,
    });
  }

  return {
    token: (form, apiDomain) => {
      if (form.get("client_id") !== secrets.clientId) return ok({ error: "invalid_client" });
      if (form.get("client_secret") !== secrets.clientSecret) return ok({ error: "invalid_client_secret" });
      // The stand-in takes any code: there is no consent page to get one from.
      if (form.get("grant_type") === "authorization_code")
        return form.get("code") ? issue(apiDomain, { refresh_token: secrets.refreshToken }) : failed("invalid_code");
      if (form.get("grant_type") !== "refresh_token") return failed("general_error");
      if (mischief.revoked || isRevoked || form.get("refresh_token") !== secrets.refreshToken)
        return failed("invalid_code");
      return issue(apiDomain, {});
    },
    revoke: (token) => {
      if (token === secrets.refreshToken) {
        isRevoked = true;
        live.clear();
      } else if (token === null || !live.delete(token)) return { status: 400, body: { error: "invalid_token" } };
      return ok({ status: "success" });
    },
    authorize: (header, scopes) => {
      const token = /^Zoho-oauthtoken (\S+)$/.exec(header ?? "")?.[1];
      const expiresAt = token === undefined ? undefined : live.get(token);
      if (token === undefined || expiresAt === undefined || expiresAt <= clock.now()) throw unauthorized(behaviour);
      if (chance(random, mischief.staleToken)) {
        live.delete(token);
        throw unauthorized(behaviour);
      }
      if (!scopes.some((scope) => isCovered(scope, behaviour.scopes)))
        throw new Refusal(401, "OAUTH_SCOPE_MISMATCH", { message: "invalid oauth scope to access this URL" });
      return expiresAt;
    },
    expireAll: () => live.clear(),
    get issued() {
      return issued;
    },
  };
}

function failed(error: string): ZohoReply {
  return ok({ error }); // HTTP 200: a client that looks at the status alone takes it for success
}

function throttled(behaviour: Behaviour): ZohoReply {
  const body = behaviour.throttleLocalised
    ? { error: "访问被拒绝", error_description: THROTTLE_TEXT_LOCALISED, status: "failure" }
    : { error: "Access Denied", error_description: THROTTLE_TEXT, status: "failure" };
  return { status: 400, body };
}

function unauthorized(behaviour: Behaviour): Refusal {
  return behaviour.authenticationFailure
    ? new Refusal(401, "AUTHENTICATION_FAILURE", { message: "Authentication failed" })
    : new Refusal(401, "INVALID_TOKEN", { message: "invalid oauth token" });
}

/** True when a granted scope is the needed one, or is its `.ALL` at any level, in any case. */
function isCovered(needed: string, granted: readonly string[]): boolean {
  const parts = needed.toLowerCase().split(".");
  const action = parts.at(-1);
  const covering = new Set<string>();
  for (let depth = 2; depth <= parts.length; depth += 1) {
    const stem = parts.slice(0, Math.min(depth, parts.length - 1)).join(".");
    covering.add(`${stem}.all`);
    covering.add(`${stem}.${action}`);
    if (action !== "read") covering.add(`${stem}.write`);
  }
  return granted.some((scope) => covering.has(scope.toLowerCase()));
}
