/** A share of cases, from 0 (never) to 1 (always). */
export type Share = number;

/** Trouble that the stand-in makes on purpose. All off by default; may be changed while it runs. */
export interface Mischief {
  /** Callbacks that are never sent. */
  lost: Share;
  /** Callbacks that are sent twice. */
  doubled: Share;
  /** Callbacks held back until later ones have gone. */
  reordered: Share;
  /** Every callback waits this long, at random between both bounds in milliseconds. */
  late: { minMs: number; maxMs: number };
  /** Callbacks are gathered until they name this many ids (up to 100), or a second has passed. 0 = off. */
  multiId: number;
  /** Callbacks with a token that is not the channel's. */
  wrongToken: Share;
  /** Callbacks with `"token": null`. */
  nullToken: Share;
  /** Callbacks whose `operation` is one that no document names. */
  unknownOperation: Share;
  /** Callbacks whose connection is cut midway, or whose body is cut short. */
  torn: Share;
  /** Changes of any record that also announce an untouched account as updated. */
  relatedAction: Share;
  /** REST calls answered 429. */
  tooManyRequests: Share;
  /** REST calls answered 500 or 503. */
  serverErrors: Share;
  /** Milliseconds that every REST call takes. */
  latencyMs: number;
  /** Valid access tokens that are answered INVALID_TOKEN and are dead from then on. */
  staleToken: Share;
  /** The token endpoint answers its throttle. */
  tokenThrottled: boolean;
  /** The refresh token no longer works. */
  revoked: boolean;
  /** Every call answers 503, or its connection is cut without an answer. */
  outage: "none" | "unavailable" | "cut";
}

/** Most ids in one callback, whatever is asked for. */
export const MULTI_ID_MAX = 100;

/** Makes the settings of a stand-in that makes no trouble, with the given exceptions. */
export function createMischief(exceptions: Partial<Mischief> = {}): Mischief {
  return {
    lost: 0,
    doubled: 0,
    reordered: 0,
    late: { minMs: 0, maxMs: 0 },
    multiId: 0,
    wrongToken: 0,
    nullToken: 0,
    unknownOperation: 0,
    torn: 0,
    relatedAction: 0,
    tooManyRequests: 0,
    serverErrors: 0,
    latencyMs: 0,
    staleToken: 0,
    tokenThrottled: false,
    revoked: false,
    outage: "none",
    ...exceptions,
  };
}
