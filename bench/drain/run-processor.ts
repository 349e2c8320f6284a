import { setTimeout as sleep } from "node:timers/promises";
import { systemClock } from "../../src/clock.ts";
import { silentLog } from "../../src/log.ts";
import { renderDocument } from "../../src/memory/document.ts";
import { defaultFieldPolicy } from "../../src/memory/field-policy.ts";
import { createProcessor, type Processor } from "../../src/processor/processor.ts";
import { routingRules } from "../../src/processor/routing-rules.ts";
import { systemRandom } from "../../src/random.ts";
import type { BenchEngine } from "../open-engine.ts";
import { type EndCalls, instantCrm, noOpSink } from "./instant-ends.ts";

/** How the processor is set; what is not named is as configured by default. */
export interface ProcessorForm {
  /** As configured by default: 3. */
  readonly workers?: number;
  readonly batchSize: number;
  readonly readMs: number;
  readonly calls: EndCalls;
}

/** How often an almost empty queue is asked whether it is empty. */
const POLL_MS = 5;

/** A processor over the real engine, between an instant CRM and a sink that keeps nothing. */
export function startProcessor(engine: BenchEngine, form: ProcessorForm): Processor {
  const processor = createProcessor({
    queue: engine.queue,
    ledger: engine.ledger,
    counters: engine.counters,
    crm: instantCrm(form.readMs, form.calls),
    memory: noOpSink(form.calls),
    receipts: { write: async () => undefined },
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    options: {
      workers: form.workers ?? 3,
      batchSize: form.batchSize,
      idleMs: 5_000,
      attemptsMax: 3,
      retryBaseMs: 2_000,
      debounceMs: 0,
      leaseMs: 60_000,
      dataset: "zoho_crm",
      routes: routingRules(),
      render: (snapshot) => renderDocument(snapshot, defaultFieldPolicy),
    },
  });
  processor.start();
  return processor;
}

/** Resolves when nothing is left in any lane. */
export async function untilEmpty(engine: BenchEngine): Promise<void> {
  while ((await engine.view.stats()).size > 0) await sleep(POLL_MS);
}
