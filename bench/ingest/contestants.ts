import { STORE_NAMES, type StoreKind } from "../store.ts";

/** A receiver that is measured, and where it keeps what it takes. */
export interface Contestant {
  readonly program: "bare" | "checked" | "bullmq" | "brief" | "memhook";
  /** Absent = it keeps nothing. */
  readonly store?: StoreKind;
}

/** The receivers, those that keep nothing first, then store by store. */
export function contestants(stores: readonly StoreKind[]): readonly Contestant[] {
  return [
    { program: "bare" },
    { program: "checked" },
    ...stores.flatMap((store): Contestant[] =>
      store === "embedded"
        ? [{ program: "memhook", store }]
        : [
            { program: "bullmq", store },
            { program: "brief", store },
            { program: "memhook", store },
          ],
    ),
  ];
}

const PROGRAM_NAMES: Readonly<Record<Contestant["program"], string>> = {
  bare: "bare node:http",
  checked: "node:http + HMAC + JSON.parse",
  bullmq: "Fastify + BullMQ queue.add",
  brief: "Fastify + the brief's SET NX, LLEN, LPUSH",
  memhook: "memhook",
};

/** How the table names a receiver. */
export function nameOf({ program, store }: Contestant): string {
  return store === undefined ? PROGRAM_NAMES[program] : `${PROGRAM_NAMES[program]} (${STORE_NAMES[store]})`;
}
