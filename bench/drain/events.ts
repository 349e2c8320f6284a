import { accountKey, DEFAULT_CONNECTION } from "../../src/account.ts";
import { systemClock } from "../../src/clock.ts";
import { encodeEvent } from "../../src/crm/event.ts";
import type { NewEvent, Queue } from "../../src/queue/queue.ts";

const RECORD_BASE = 4_876_876_000_000_000_000n;

/** The n-th account's CRM id. */
export function accountIdAt(n: number): string {
  return String(RECORD_BASE + BigInt(n));
}

/** Makes the event of a number, under the given event id. */
export type EventMaker = (eventId: string, n: number) => NewEvent;

/** One event on the n-th account, as the receiver makes it of a signed body. */
export function accountEvent(eventId: string, n: number): NewEvent {
  const recordId = accountIdAt(n);
  return {
    lane: "sync",
    key: accountKey(recordId),
    rank: "live",
    delayMs: 0,
    reason: {
      eventId,
      note: encodeEvent({ module: "Accounts", recordId, operation: "update", fields: ["Phone", "Description"] }),
      receivedAt: systemClock.now(),
    },
    dedupKey: eventId,
    label: "Accounts.update",
  };
}

/** One event on a contact of the n-th account: it takes the way through the route lane. */
export function contactEvent(eventId: string, n: number): NewEvent {
  const recordId = accountIdAt(n);
  return {
    lane: "route",
    key: `${DEFAULT_CONNECTION}/Contacts/${recordId}`,
    rank: "live",
    delayMs: 0,
    reason: {
      eventId,
      note: encodeEvent({ module: "Contacts", recordId, operation: "update", fields: ["Title"] }),
      receivedAt: systemClock.now(),
    },
    dedupKey: eventId,
    label: "Contacts.update",
  };
}

/** Events in one delivery while a store is being filled: large, since filling is not what is measured. */
const FILL_CHUNK = 1_000;

/** Delivers events numbered `from` (inclusive) to `to` (exclusive), each on another account. */
export async function fillQueue(
  queue: Queue,
  numbers: { readonly from: number; readonly to: number; readonly makeEvent?: EventMaker },
): Promise<void> {
  const { from, to, makeEvent = accountEvent } = numbers;
  for (let start = from; start < to; start += FILL_CHUNK) {
    const events: NewEvent[] = [];
    for (let n = start; n < Math.min(start + FILL_CHUNK, to); n++) events.push(makeEvent(`fill-${n}`, n));
    const result = await queue.deliver(events);
    if (result.outcome !== "taken") throw new Error("the scratch queue is full");
  }
}
