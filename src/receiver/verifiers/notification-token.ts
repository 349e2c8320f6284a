import { hash, randomBytes, timingSafeEqual } from "node:crypto";

/**
 * How long a channel's token is still good after the channel's end. Zoho names no delay for callbacks that were under
 * way, and a clock may be wrong; a day covers both, and the token is a secret of ours either way.
 */
export const EXPIRY_GRACE_MS = 86_400_000;
/** Longest token compared. Zoho echoes at most 50 characters; a configured one may be longer. */
const TOKEN_LENGTH_MAX = 1_024;

/** The token of a channel that memhook opened. A secret. */
export interface ChannelToken {
  readonly channelId: string;
  readonly token: string;
  readonly expiresAt: number;
}

/** What the verifier is built with. */
export interface TokenVerifierDeps {
  readonly notificationToken?: string | undefined;
  /** The channels of ours, from memory; a new array whenever one changes, so that digests can be kept with it. */
  readonly channelTokens: () => readonly ChannelToken[];
}

/** The ids of the channels that a token is good for; undefined = a token we do not know. */
export type TokenVerifier = (token: unknown, nowMs: number) => "every" | readonly string[] | undefined;

/**
 * Judges the token inside a Zoho callback: the configured one is good on any channel, else that of a channel of ours under
 * its own id. Digests under a key of this process are compared, all of them, so that time tells neither a token's content
 * nor its length.
 */
export function createTokenVerifier(deps: TokenVerifierDeps): TokenVerifier {
  const key = randomBytes(32).toString("hex");
  const digest = (token: string) => hash("sha256", key + token, "buffer");
  const configured = deps.notificationToken ? digest(deps.notificationToken) : undefined;
  let channels: readonly ChannelToken[] = [];
  let digests: readonly Buffer[] = [];

  return (token, nowMs) => {
    if (typeof token !== "string" || token === "" || token.length > TOKEN_LENGTH_MAX) return undefined;
    const current = deps.channelTokens();
    if (current !== channels) {
      digests = current.map((channel) => digest(channel.token));
      channels = current;
    }
    const claimed = digest(token);
    const matching = channels.filter((channel, index) => {
      const known = digests[index];
      const isSame = known !== undefined && timingSafeEqual(known, claimed);
      return isSame && nowMs <= channel.expiresAt + EXPIRY_GRACE_MS;
    });
    if (configured !== undefined && timingSafeEqual(configured, claimed)) return "every";
    return matching.length === 0 ? undefined : matching.map((channel) => channel.channelId);
  };
}
