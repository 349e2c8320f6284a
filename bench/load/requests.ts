import { createHmac } from "node:crypto";

/** What the requests of one phase are made from. */
export interface RequestPlan {
  readonly host: string;
  readonly secret: string;
  /** Goes before the number in every event id, so that no two phases share an id. */
  readonly prefix: string;
  readonly count: number;
  /** The first record id is RECORD_BASE plus this. */
  readonly firstRecord: number;
  /** Ids to go through in turn instead. */
  readonly records?: readonly string[] | undefined;
}

/** Requests written out in full before any clock starts: sending one is handing out a slice. */
export interface Requests {
  readonly count: number;
  at(index: number): Buffer;
}

/** Exact size of a body: the "1 KB". */
export const BODY_BYTES = 1_024;
/** Record ids are 19 digits, as Zoho's are. */
const RECORD_BASE = 4_876_876_000_000_000_000n;
/** Digits of the running number in an event id. */
const NUMBER_DIGITS = 8;

/** The event id of a request. */
export function eventIdOf(prefix: string, index: number): string {
  return `${prefix}-${String(index).padStart(NUMBER_DIGITS, "0")}`;
}

/** The record id of a request: where none are given every one another account, which is the dearest case for the queue. */
function recordIdOf({ records, firstRecord }: Pick<RequestPlan, "firstRecord" | "records">, index: number): string {
  const given = records?.[index % records.length];
  return given ?? String(RECORD_BASE + BigInt(firstRecord + index));
}

/** Writes out and signs all requests of a phase. All have one length, so they lie in one buffer. */
export function prepareRequests(plan: RequestPlan): Requests {
  const size = requestText(plan, 0).length;
  const all = Buffer.allocUnsafe(size * plan.count);
  for (let index = 0; index < plan.count; index++) all.write(requestText(plan, index), index * size, size, "latin1");
  return { count: plan.count, at: (index) => all.subarray(index * size, (index + 1) * size) };
}

function requestText(plan: RequestPlan, index: number): string {
  const body = bodyText(plan, index);
  const signature = createHmac("sha256", plan.secret).update(body).digest("hex");
  return (
    `POST /webhooks/zoho HTTP/1.1\r\nHost: ${plan.host}\r\nContent-Type: application/json\r\n` +
    `X-Zoho-Signature: ${signature}\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  );
}

/** One signed event, filled up to BODY_BYTES with the kind of text that a CRM sends along. */
export function bodyText(plan: Pick<RequestPlan, "prefix" | "firstRecord" | "records">, index: number): string {
  const head =
    `{"event_id":"${eventIdOf(plan.prefix, index)}","event_type":"update","module":"Accounts",` +
    `"record_id":"${recordIdOf(plan, index)}","modified_fields":["Phone","Description"],` +
    `"timestamp":"2026-03-02T10:15:30+05:30","user":"4876876000000333001",` +
    `"data":{"Account_Name":"Larkspur Instruments","Phone":"+1 555 0100","Description":"`;
  const tail = `"}}`;
  const sentence = "Asked for the revised quote before the board meets on Thursday. ";
  const room = BODY_BYTES - head.length - tail.length;
  return head + sentence.repeat(Math.ceil(room / sentence.length)).slice(0, room) + tail;
}
