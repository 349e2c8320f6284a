import { assert } from "../../assert.ts";
import { Fault } from "../../faults.ts";
import { FAILURE_MESSAGE_LENGTH_MAX } from "../../queue/failures.ts";
import type {
  DeliverOptions,
  DeliveryResult,
  Lease,
  NewEvent,
  NewJob,
  Queue,
  Settled,
  Settlement,
} from "../../queue/queue.ts";
import { assertSound } from "../../queue/sound-job.ts";
import type { Random } from "../../random.ts";
import { ByteReader } from "./byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";
import { addressOf, addressText, laneLetter, rankCode, rankOf } from "./codes.ts";
import type { EngineDeps } from "./engine-deps.ts";
import { readRecord, writeWish } from "./reason-body.ts";
import { letters, type SharedScript } from "./script-turn.ts";
import { SCRIPTS } from "./scripts.generated.ts";
import type { WorkBells } from "./work-bells.ts";

/** Part of each token that is at random, so that a fail-over that forgets a claim cannot give its token out again. */
const NONCE_SPAN = 1_048_576;
/** Claims remembered whose answer was lost. More than a process makes between two looks at the connection. */
const LOST_CLAIMS_MAX = 100;

const VERBS = { complete: 0, pass: 1, retry: 2, release: 3, dead: 4 } as const satisfies Record<
  Settlement["verb"],
  number
>;
const OUTCOMES: Readonly<Record<string, "queued" | "coalesced" | "duplicate" | "filtered">> = {
  q: "queued",
  c: "coalesced",
  d: "duplicate",
  f: "filtered",
};

/** A queue on Redis, and its claims whose answers were lost. */
export function createQueue(deps: EngineDeps, bells: WorkBells, close: () => Promise<void>): Queue {
  const { turn } = deps;
  const scripts = sharedScripts(deps);
  const claims = new Claims(deps);
  return {
    deliver: async (events, options) => {
      for (const event of events) assertSound(event);
      const [result] = await turn.share(scripts.deliver, packDelivery(events, options), 1);
      assert(result !== undefined, "a delivery is answered");
      return result;
    },
    enqueue: async (jobs) => {
      for (const job of jobs) assertSound(job);
      await turn.share(scripts.enqueue, packWishes(jobs), jobs.length);
    },
    claim: (request) => claims.claim(request),
    extend: async (leases, leaseMs) => {
      const packed = new ByteWriter();
      for (const lease of leases) writeLease(packed, lease);
      return letters(await turn.run(SCRIPTS.extend, [String(leaseMs), packed.done()])).map(settledOf);
    },
    settle: async (settlements) => {
      const packed = new ByteWriter();
      for (const settlement of settlements) writeSettlement(packed, settlement, deps.clock.now());
      return turn.share(scripts.settle, packed.done(), settlements.length);
    },
    waitForWork: (lane, maxMs, signal) => bells.wait({ lane, maxMs, signal }),
    close,
  };
}

function sharedScripts({ options, historyMs, historyRows }: EngineDeps) {
  const { capacity, dedupWindowMs, maxWaitMs, restMs = 0 } = options;
  const waits = [String(maxWaitMs), String(restMs)];
  const deliver: SharedScript<DeliveryResult> = {
    script: SCRIPTS.deliver,
    settings: [String(capacity), String(dedupWindowMs), ...waits, String(historyMs), String(historyRows)],
    join: Buffer.concat,
    answers: (reply) => {
      assert(Array.isArray(reply), "a batch of deliveries is answered by a list");
      return reply.map((answer) => deliveryResult(String(answer)));
    },
  };
  const enqueue: SharedScript<undefined> = {
    script: SCRIPTS.enqueue,
    settings: waits,
    join: Buffer.concat,
    answers: (reply) => new Array<undefined>(Number(reply)).fill(undefined),
  };
  const settle: SharedScript<Settled> = {
    script: SCRIPTS.settle,
    settings: waits,
    join: Buffer.concat,
    answers: (reply) => letters(reply).map(settledOf),
  };
  return { deliver, enqueue, settle };
}

/** Claims, and gives back by the next one what a claim took whose answer never came. */
class Claims {
  readonly #deps: EngineDeps;
  #lost: number[] = [];

  constructor(deps: EngineDeps) {
    this.#deps = deps;
  }

  async claim({ lane, limit, leaseMs }: Parameters<Queue["claim"]>[0]): Promise<readonly Lease[]> {
    const { clock, turn, owner, random, options, historyMs, historyRows } = this.#deps;
    const nonce = nonceOf(random);
    const lost = this.#lost;
    this.#lost = [];
    // By our own clock, and before it is asked: never later than the server's idea of the end.
    const expiresAt = clock.now() + leaseMs;
    const asked = [laneLetter(lane), String(limit), String(leaseMs), owner, String(nonce), JSON.stringify(lost)];
    const retention = [String(options.dedupWindowMs), String(historyMs), String(historyRows)];
    try {
      const reply = await turn.run(SCRIPTS.claim, [...asked, ...retention]);
      assert(Buffer.isBuffer(reply), "a claim is answered by packed leases");
      return readLeases(reply, expiresAt);
    } catch (error) {
      // It may have been applied: nobody would work on its jobs until their leases lapse.
      if (error instanceof Fault) this.#lost = [...this.#lost, ...lost, nonce].slice(-LOST_CLAIMS_MAX);
      throw error;
    }
  }
}

function nonceOf(random: Random): number {
  return Math.floor(random.next() * NONCE_SPAN);
}

function readLeases(packed: Buffer, expiresAt: number): readonly Lease[] {
  const reader = new ByteReader(packed);
  const epoch = reader.u48();
  const leases: Lease[] = [];
  while (!reader.isAtEnd) {
    const address = addressOf(reader.longText());
    const jobId = `${epoch}.${reader.u48()}`;
    const token = reader.u56();
    const attempt = reader.u32();
    const rank = rankOf(reader.u8());
    const oldestReceivedAt = reader.u48();
    const reasonCount = reader.u32();
    const reasons = Array.from({ length: reader.u16() }, () => readRecord(reader.bytes(reader.u16())).reason).reverse();
    leases.push({ ...address, jobId, token, attempt, rank, expiresAt, oldestReceivedAt, reasons, reasonCount });
  }
  return leases;
}

function packDelivery(events: readonly NewEvent[], { isAcknowledged = false }: DeliverOptions = {}): Buffer {
  const writer = new ByteWriter().u32(events.length).u8(isAcknowledged ? 1 : 0);
  for (const event of events) writeWish(writer, event);
  return writer.done();
}

function packWishes(jobs: readonly NewJob[]): Buffer {
  const writer = new ByteWriter();
  for (const job of jobs) writeWish(writer, job);
  return writer.done();
}

function writeLease(writer: ByteWriter, lease: Lease): void {
  const [epoch, id] = jobIdParts(lease.jobId);
  writer.longText(addressText(lease)).u48(epoch).u48(id).u56(lease.token);
}

/** A job's id is the store's epoch and a number: after a flush the numbers begin anew, the epoch does not come again. */
export function jobIdParts(jobId: string): readonly [epoch: number, id: number] {
  const [epoch, id] = jobId.split(".").map(Number);
  return [epoch ?? 0, id ?? 0];
}

function writeSettlement(writer: ByteWriter, settlement: Settlement, now: number): void {
  writeLease(writer, settlement.lease);
  writer.u8(VERBS[settlement.verb]);
  if (settlement.verb === "pass") {
    const { to } = settlement;
    writer.longText(addressText(to)).u8(rankCode(to.rank)).u32(to.delayMs);
  }
  // As a wait, so that it does not matter whose clock says when.
  if (settlement.verb === "retry" || settlement.verb === "release") {
    writer.u48(Math.max(0, (settlement.dueAt ?? now) - now));
  }
  if (settlement.verb === "retry" || settlement.verb === "dead") {
    const { code, message } = settlement.failure;
    writer.shortText(code).longText(message.slice(0, FAILURE_MESSAGE_LENGTH_MAX));
  }
  const also = "also" in settlement ? (settlement.also ?? []) : [];
  writer.u16(also.length);
  for (const job of also) writeWish(writer, job);
}

function deliveryResult(answer: string): DeliveryResult {
  if (answer === "F") return { outcome: "full" };
  const events = [...answer].map((letter) => {
    const outcome = OUTCOMES[letter];
    assert(outcome !== undefined, `${letter} stands for an outcome`);
    return outcome;
  });
  return { outcome: "taken", events };
}

function settledOf(letter: string): Settled {
  return letter === "s" ? "settled" : "stale";
}
