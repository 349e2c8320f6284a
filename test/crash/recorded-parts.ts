import type { AccountKey } from "../../src/account.ts";
import type { Parts } from "../../src/app/parts.ts";
import type { WriteRight } from "../../src/memory/ledger.ts";
import { machineMs, type Recorder } from "./sync-record.ts";

/** Called where a test may hold the worker: after a read of the CRM, and right before a write of the sink. */
export type Halt = (point: "read" | "write", accounts: readonly string[]) => Promise<void> | undefined;

/**
 * The parts of a worker, which write down what they do to accounts: claims, reads, intents, writes of the sink, outcomes,
 * settlements. They change nothing of it: each original is called in the turn in which the worker calls.
 */
export function recordedParts(parts: Parts, record: Recorder, halt: Halt = () => undefined): Parts {
  const syncs = new Syncs(record);
  return {
    ...parts,
    engine: overriding(parts.engine, { queue: recordedQueue(parts, syncs), ledger: recordedLedger(parts, syncs) }),
    crm: recordedCrm(parts, syncs, halt),
    memory: recordedMemory(parts, syncs, halt),
  };
}

/** Only the sink and the CRM of a worker that has no leases. */
export function recordedSync(
  { crm, memory }: Pick<Parts, "crm" | "memory">,
  record: Recorder,
): Pick<Parts, "crm" | "memory"> {
  const syncs = new Syncs(record);
  const halt = () => undefined;
  return { crm: recordedCrm({ crm }, syncs, halt), memory: recordedMemory({ memory }, syncs, halt) };
}

/** What this process last knew of each account. */
class Syncs {
  readonly record: Recorder;
  readonly #readFrom = new Map<string, number>();
  readonly #tokens = new Map<string, number>();
  #writes = 0;

  constructor(record: Recorder) {
    this.record = record;
  }

  read(accounts: readonly string[]): void {
    for (const account of accounts) this.#readFrom.set(account, machineMs());
  }

  intended(account: string, token: number): void {
    this.#tokens.set(account, token);
  }

  /** One answer for each step, in order. */
  steps<Answer>(
    verb: string,
    steps: readonly Step[],
    call: () => Promise<readonly Answer[]>,
    isTaken: (answer: Answer) => boolean,
  ) {
    const from = machineMs();
    return call().then((answers) => {
      const to = machineMs();
      steps.forEach((step, index) => {
        const answer = answers[index];
        if (step === undefined || answer === undefined) return;
        this.record({
          what: "step",
          verb: step.verb ?? verb,
          account: step.account,
          token: step.token,
          isTaken: isTaken(answer),
          from,
          to,
        });
      });
      return answers;
    });
  }

  async write<Result>(
    verb: "put" | "remove",
    accounts: readonly { readonly account: string; readonly fingerprint?: string }[],
    call: () => Promise<Result>,
  ): Promise<Result> {
    const ids = accounts.map(({ account, fingerprint }) => {
      this.#writes += 1;
      const token = this.#tokens.get(account);
      const readFrom = this.#readFrom.get(account);
      this.record({
        ...{ what: "write", id: this.#writes, verb, account, from: machineMs() },
        ...(fingerprint === undefined ? {} : { fingerprint }),
        ...(token === undefined ? {} : { token }),
        ...(readFrom === undefined ? {} : { readFrom }),
      });
      return this.#writes;
    });
    try {
      return await call();
    } finally {
      const to = machineMs();
      for (const id of ids) this.record({ what: "written", id, to });
    }
  }
}

interface Step {
  readonly account: string;
  readonly token: number;
  readonly verb?: string;
}

function recordedQueue({ engine: { queue } }: Parts, syncs: Syncs): Parts["engine"]["queue"] {
  return overriding(queue, {
    claim: async (options) => {
      const from = machineMs();
      const leases = await queue.claim(options);
      const to = machineMs();
      if (options.lane !== "sync") return leases;
      for (const { key, token } of leases) syncs.record({ what: "claim", account: key, token, from, to });
      return leases;
    },
    settle: (settlements) =>
      syncs.steps(
        "settle",
        settlements.map(({ verb, lease }) => ({
          verb: `settle ${verb} on ${lease.lane}`,
          account: lease.lane === "sync" ? lease.key : `${lease.lane} ${lease.key}`,
          token: lease.token,
        })),
        () => queue.settle(settlements),
        (answer) => answer === "settled",
      ),
  });
}

function recordedLedger({ engine: { ledger } }: Parts, syncs: Syncs): Parts["engine"]["ledger"] {
  const stepOf = ({ account, right }: { readonly account: AccountKey; readonly right: WriteRight }) => ({
    account,
    token: right.token,
  });
  return overriding(ledger, {
    intend: (intents) => {
      for (const { account, right } of intents) syncs.intended(account, right.token);
      return syncs.steps(
        "intend",
        intents.map(stepOf),
        () => ledger.intend(intents),
        (answer) => answer === "written",
      );
    },
    record: (outcomes) =>
      syncs.steps(
        "record",
        outcomes.map(stepOf),
        () => ledger.record(outcomes),
        ({ outcome }) => outcome === "written",
      ),
  });
}

function recordedCrm({ crm }: Pick<Parts, "crm">, syncs: Syncs, halt: Halt): Parts["crm"] {
  return overriding(crm, {
    readAccounts: async (accounts, signal) => {
      syncs.read(accounts);
      const reads = await crm.readAccounts(accounts, signal);
      await halt("read", accounts);
      return reads;
    },
  });
}

function recordedMemory({ memory }: Pick<Parts, "memory">, syncs: Syncs, halt: Halt): Parts["memory"] {
  /** In the caller's turn unless a test holds it: nothing may come between the check of a lease and the write. */
  const write = <Result>(
    verb: "put" | "remove",
    accounts: readonly { readonly account: string; readonly fingerprint?: string }[],
    call: () => Promise<Result>,
  ) => {
    const held = halt(
      "write",
      accounts.map(({ account }) => account),
    );
    if (held === undefined) return syncs.write(verb, accounts, call);
    return held.then(() => syncs.write(verb, accounts, call));
  };
  return overriding(memory, {
    put: (requests, signal) =>
      write(
        "put",
        requests.map(({ document: { account, fingerprint } }) => ({ account, fingerprint })),
        () => memory.put(requests, signal),
      ),
    remove: (requests, signal) =>
      write(
        "remove",
        requests.map(({ account }) => ({ account })),
        () => memory.remove(requests, signal),
      ),
  });
}

/** The same object with other methods for some; all else goes to the original. */
function overriding<Target extends object>(target: Target, overrides: Partial<Target>): Target {
  return new Proxy(target, {
    get: (original, name) => {
      if (Object.hasOwn(overrides, name)) return Reflect.get(overrides, name);
      const value: unknown = Reflect.get(original, name, original);
      return typeof value === "function" ? value.bind(original) : value;
    },
  });
}
