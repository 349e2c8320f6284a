import { createHash } from "node:crypto";
import type { Clock } from "../../clock.ts";
import { randomSecret } from "../../random.ts";
import { orgTime } from "./org-time.ts";
import { badRequest } from "./reply.ts";

/** Page tokens: bound to the parameters that they were made with, good for a day. */
export interface PageTokens {
  make(parameters: string, offset: number): { readonly token: string; readonly expiry: string };
  /** The offset that a token stands for; refuses an unknown, foreign or old one. */
  read(token: string, parameters: string): number;
}

const LIFE_MS = 86_400_000;

/** Tokens kept; the oldest is forgotten. A list of 100,000 rows has at most 500 pages. */
const KEPT_MAX = 10_000;

/** Makes an empty set of page tokens. */
export function createPageTokens(clock: Clock): PageTokens {
  const kept = new Map<string, { parameters: string; offset: number; expiresAt: number }>();
  return {
    make: (parameters, offset) => {
      const token = createHash("sha256").update(`${parameters}|${offset}`).update(randomSecret(8)).digest("hex");
      const expiresAt = clock.now() + LIFE_MS;
      kept.set(token, { parameters, offset, expiresAt });
      const oldest = kept.keys().next();
      if (kept.size > KEPT_MAX && oldest.done === false) kept.delete(oldest.value);
      return { token, expiry: orgTime(expiresAt) };
    },
    read: (token, parameters) => {
      const found = kept.get(token);
      if (found === undefined) throw badRequest("INVALID_DATA", "invalid page token", { param_name: "page_token" });
      if (found.expiresAt <= clock.now())
        throw badRequest("EXPIRED_VALUE", "the page token has expired", { param_name: "page_token" });
      if (found.parameters !== parameters)
        throw badRequest("TOKEN_BOUND_DATA_MISMATCH", "the page token was made for other parameters", {
          param_name: "page_token",
        });
      return found.offset;
    },
  };
}
