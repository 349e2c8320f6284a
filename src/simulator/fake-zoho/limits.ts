import type { Clock } from "../../clock.ts";
import type { Random } from "../../random.ts";
import type { Mischief } from "../mischief.ts";
import type { Behaviour } from "./behaviour.ts";
import { isObject, parseJson } from "./json-body.ts";
import { chance } from "./pick.ts";
import { Refusal, type ZohoRequest } from "./reply.ts";

/** API credits of a rolling day and calls at once. */
export interface Limits {
  /** Takes a place; a call too many is refused with 429. `leave` gives it back. */
  enter(request: ZohoRequest): { readonly leave: () => void };
  spend(credits: number): void;
  /** Header lines that tell of the limits. */
  headers(): Readonly<Record<string, string>>;
  readonly used: number;
}

const HOUR_MS = 3_600_000;
const HOURS = 24;

/** Writes of more records than this are in the heavier class. */
const LIGHT_WRITE_MAX = 10;

/** A composite request takes five places. */
const COMPOSITE_PLACES = 5;

/** Makes the limits. */
export function createLimits(deps: { clock: Clock; random: Random; mischief: Mischief; behaviour: Behaviour }): Limits {
  const { clock, random, mischief, behaviour } = deps;
  const spent = new Map<number, number>();
  let inFlight = 0;
  let inFlightHeavy = 0;

  const hourNow = () => Math.floor(clock.now() / HOUR_MS);
  function used(): number {
    let sum = 0;
    for (const [hour, credits] of spent) {
      if (hour <= hourNow() - HOURS) spent.delete(hour);
      else sum += credits;
    }
    return sum;
  }

  return {
    enter: (request) => {
      if (chance(random, mischief.tooManyRequests)) throw tooMany();
      if (used() >= behaviour.creditsPerDay) throw tooMany();
      const isHeavy = isHeavyCall(request);
      const places = request.path[0] === "__composite_requests" ? COMPOSITE_PLACES : 1;
      if (inFlight + places > behaviour.concurrencyMax) throw tooMany();
      if (isHeavy && inFlightHeavy >= behaviour.subConcurrencyMax) throw tooMany();
      inFlight += places;
      inFlightHeavy += isHeavy ? 1 : 0;
      return {
        leave: () => {
          inFlight -= places;
          inFlightHeavy -= isHeavy ? 1 : 0;
        },
      };
    },
    spend: (credits) => void spent.set(hourNow(), (spent.get(hourNow()) ?? 0) + credits),
    headers: () => {
      const left = behaviour.creditsPerDay - used();
      // The header appears only once half of the day's credits are gone.
      return left <= behaviour.creditsPerDay / 2 ? { "X-API-CREDITS-REMAINING": String(Math.max(0, left)) } : {};
    },
    get used() {
      return used();
    },
  };
}

function tooMany(): Refusal {
  // The same status and code for spent credits and for too many calls at once; no Retry-After is documented.
  return new Refusal(429, "TOO_MANY_REQUESTS", {
    message: "You have made too many requests continuously. Please try again after some time.",
  });
}

function isHeavyCall({ method, path, query, body }: ZohoRequest): boolean {
  if (path[0] === "coql" || path[0] === "__composite_requests" || path[1] === "search") return true;
  if (method === "GET") return path.length === 1 && (query.has("cvid") || query.has("sort_by"));
  return path.length <= 2 && body.length > 0 && recordCount(body) > LIGHT_WRITE_MAX;
}

/** Records in the body of a write; 0 when it is not one. */
export function recordCount(body: Buffer): number {
  try {
    const parsed = parseJson(body);
    return isObject(parsed) && Array.isArray(parsed["data"]) ? parsed["data"].length : 0;
  } catch (error) {
    if (error instanceof Refusal) return 0; // the endpoint itself refuses it in its own words
    throw error;
  }
}
