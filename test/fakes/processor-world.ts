import { type AccountKey, type AccountSnapshot, accountKey, type ChildRecord, recordKey } from "../../src/account.ts";
import { type ManualClock, manualClock } from "../../src/clock.ts";
import type { AccountRead, ParentRead } from "../../src/crm/crm.ts";
import { type CrmEvent, encodeEvent } from "../../src/crm/event.ts";
import { Fault, type FaultCode } from "../../src/faults.ts";
import { silentLog } from "../../src/log.ts";
import type { Ledger } from "../../src/memory/ledger.ts";
import type { PutRequest } from "../../src/memory/memory.ts";
import type { Receipt } from "../../src/memory/receipts.ts";
import { createProcessor, type Processor } from "../../src/processor/processor.ts";
import type { ProcessorDeps, ProcessorOptions } from "../../src/processor/processor-deps.ts";
import { routingRules } from "../../src/processor/routing-rules.ts";
import type { NewEvent, Queue } from "../../src/queue/queue.ts";
import { seededRandom } from "../../src/random.ts";

/** A small CRM: account id → name, and child records by key with the account they belong to. */
export interface FakeCrm {
  readonly accounts: Map<string, string>;
  readonly children: Map<string, { readonly account: string | undefined; readonly text: string }>;
  /** Every call throws this. */
  outage: FaultCode | undefined;
  /** Accounts that cannot be read, and why. */
  readonly poison: Map<string, FaultCode>;
  /** Called between the start of a read and its answer. */
  onRead: (accounts: readonly AccountKey[]) => Promise<void> | void;
  readonly reads: AccountKey[][];
  readonly lookups: string[][];
  probes: number;
}

/** A sink that keeps texts by account. */
export interface FakeSink {
  readonly texts: Map<AccountKey, string>;
  outage: FaultCode | undefined;
  readonly poison: Map<string, FaultCode>;
  readonly puts: PutRequest[];
  readonly removals: AccountKey[];
  readonly receipts: Receipt[];
  isIndexedAtOnce: boolean;
  /** Asked by the processor: does the ledger know all that the sink has? */
  knows: () => boolean;
  flushes: number;
  onPut: (signal: AbortSignal) => Promise<void> | void;
  onRemove: () => Promise<void> | void;
  onFlush: () => Promise<void> | void;
  probes: number;
}

/** What a world is built on: an engine's queue and ledger. */
export interface WorldEngine {
  readonly queue: Queue;
  readonly ledger: Ledger;
}

/** A processor with everything around it, on a clock that stands still. */
export interface World<Engine extends WorldEngine> {
  readonly engine: Engine;
  readonly clock: ManualClock;
  readonly crm: FakeCrm;
  readonly sink: FakeSink;
  readonly counts: Readonly<Record<string, number>>;
  readonly observed: readonly { readonly name: string; readonly ms: number }[];
  readonly processor: Processor;
  /** Delivers events as the receiver would, and lets the processor work until it rests. */
  send(...events: readonly (Partial<CrmEvent> & Pick<CrmEvent, "module" | "recordId">)[]): Promise<void>;
  /** Lets everything that needs no time happen. */
  rest(): Promise<void>;
  /** Moves time forward in steps, with rests between. */
  pass(ms: number, stepMs?: number): Promise<void>;
}

const WORLD_OPTIONS: ProcessorOptions = {
  workers: 2,
  batchSize: 10,
  idleMs: 5_000,
  attemptsMax: 3,
  retryBaseMs: 2_000,
  leaseMs: 30_000,
  debounceMs: 0,
  dataset: "zoho_crm",
  routes: routingRules([{ module: "Projects", accountField: "Client" }]),
  render: renderPlainly,
};

/** Builds a world and starts its processor. */
export function startWorld<Engine extends WorldEngine>(
  open: (clock: ManualClock) => Engine,
  options: Partial<ProcessorOptions> = {},
): World<Engine> {
  const clock = manualClock();
  const engine = open(clock);
  const crm = fakeCrm();
  const sink = fakeSink();
  const counts: Record<string, number> = {};
  const observed: { name: string; ms: number }[] = [];
  let lastEvent = 0;
  const deps: ProcessorDeps = {
    queue: engine.queue,
    ledger: engine.ledger,
    crm: crmPort(crm, clock),
    memory: sinkPort(sink),
    receipts: {
      write: async (receipt) => {
        sink.receipts.push(receipt);
      },
    },
    knowsSink: async () => sink.knows(),
    counters: {
      add: (deltas) => {
        for (const [name, delta] of Object.entries(deltas)) counts[name] = (counts[name] ?? 0) + delta;
      },
    },
    clock,
    random: seededRandom(7),
    log: silentLog,
    options: { ...WORLD_OPTIONS, ...options },
    observe: (name, ms) => observed.push({ name, ms }),
  };
  const processor = createProcessor(deps);
  const world: World<Engine> = {
    ...{ engine, clock, crm, sink, counts, observed, processor },
    send: async (...events) => {
      await engine.queue.deliver(
        events.map((event) => newEvent({ operation: "update", ...event }, ++lastEvent, clock.now())),
      );
      await world.rest();
    },
    rest,
    pass: async (ms, stepMs = 100) => {
      for (let passed = 0; passed < ms; passed += stepMs) {
        await clock.advance(Math.min(stepMs, ms - passed));
        await rest();
      }
    },
  };
  processor.start();
  return world;
}

/** The document of the fakes: all that was read, as JSON. */
export function renderPlainly({ account, record, children }: AccountSnapshot) {
  const lines = children.map((child) => `${child.module}/${child.id}: ${child.fields["Text"]}`).sort();
  const text = [`${record.fields["Account_Name"]}`, ...lines].join("\n");
  return { account, title: `${record.fields["Account_Name"]}`, text, fingerprint: `fp:${text}` };
}

/** An event as the receiver queues it. */
export function newEvent(event: CrmEvent, number: number, receivedAt: number): NewEvent {
  const isAccount = event.module === "Accounts";
  return {
    lane: isAccount ? "sync" : "route",
    key: isAccount ? accountKey(event.recordId) : `zoho/${event.module}/${event.recordId}`,
    rank: "live",
    delayMs: 0,
    label: `${event.module}.${event.operation}`,
    reason: { eventId: `evt_${number}`, note: encodeEvent(event), receivedAt },
  };
}

/** Turns of the event loop in which all that waits for no time is done: a pass through three lanes takes some thirty. */
const TURNS = 60;

async function rest(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) await new Promise((resolve) => setImmediate(resolve));
}

function fakeCrm(): FakeCrm {
  const state = { accounts: new Map(), children: new Map(), poison: new Map(), reads: [], lookups: [] };
  return { ...state, outage: undefined, onRead: () => undefined, probes: 0 };
}

function fakeSink(): FakeSink {
  const state = { texts: new Map(), poison: new Map(), puts: [], removals: [], receipts: [], flushes: 0, probes: 0 };
  const calls = { knows: () => true, onPut: () => undefined, onRemove: () => undefined, onFlush: () => undefined };
  return { ...state, ...calls, outage: undefined, isIndexedAtOnce: true };
}

function crmPort(crm: FakeCrm, clock: ManualClock): ProcessorDeps["crm"] {
  const check = () => {
    if (crm.outage !== undefined) throw new Fault(crm.outage, "calling the fake CRM");
  };
  const readOne = (account: AccountKey, readAt: number): AccountRead => {
    const id = account.slice(account.indexOf("/") + 1);
    const poison = crm.poison.get(id);
    if (poison !== undefined) return { outcome: "failed", fault: new Fault(poison, "reading an account") };
    const name = crm.accounts.get(id);
    if (name === undefined) return { outcome: "absent" };
    const children = [...crm.children].flatMap(([key, child]): ChildRecord[] => {
      const [module = "", childId = ""] = key.split("/");
      return child.account === id ? [{ module, id: childId, fields: { Text: child.text } }] : [];
    });
    const record = { id, fields: { Account_Name: name } };
    return { outcome: "found", snapshot: { account, record, children, readAt } };
  };
  return {
    readAccounts: async (accounts) => {
      check();
      crm.reads.push([...accounts]);
      const readAt = clock.now();
      const answer = new Map(accounts.map((account) => [account, readOne(account, readAt)] as const));
      await crm.onRead(accounts);
      check();
      return answer;
    },
    readParents: async (records) => {
      check();
      crm.lookups.push(records.map(recordKey));
      return new Map(
        records.map((record): readonly [string, ParentRead] => {
          const child = crm.children.get(recordKey(record));
          const poison = crm.poison.get(record.recordId);
          if (poison !== undefined) {
            return [recordKey(record), { outcome: "failed", fault: new Fault(poison, "looking up a record") }];
          }
          if (child === undefined) return [recordKey(record), { outcome: "absent" }];
          const accounts = child.account === undefined ? [] : [accountKey(child.account)];
          return [recordKey(record), { outcome: "found", accounts }];
        }),
      );
    },
    probe: async () => {
      crm.probes += 1;
      check();
    },
  };
}

function sinkPort(sink: FakeSink): ProcessorDeps["memory"] {
  const check = () => {
    if (sink.outage !== undefined) throw new Fault(sink.outage, "calling the fake sink");
  };
  return {
    kind: "fake",
    put: async (requests, signal) => {
      check();
      await sink.onPut(signal);
      return requests.map((request) => {
        const { account, text } = request.document;
        const poison = sink.poison.get(account.slice(account.indexOf("/") + 1));
        if (poison !== undefined) return { outcome: "failed", fault: new Fault(poison, "writing a document") };
        sink.puts.push(request);
        sink.texts.set(account, text);
        return { outcome: "stored", sinkRef: `ref:${account}`, isIndexed: sink.isIndexedAtOnce };
      });
    },
    remove: async (accounts) => {
      check();
      await sink.onRemove();
      for (const { account } of accounts) {
        sink.texts.delete(account);
        sink.removals.push(account);
      }
      return accounts.map(() => ({ outcome: "removed", forgetting: { looked: [], repaired: [], left: [] } }));
    },
    flush: async () => {
      check();
      sink.flushes += 1;
      await sink.onFlush();
      return [];
    },
    probe: async () => {
      sink.probes += 1;
      check();
    },
  };
}
