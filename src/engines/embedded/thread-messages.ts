import { catalogue, Fault, type FaultCode } from "../../faults.ts";
import type { LogFields } from "../../log.ts";
import type { QueueOptions } from "../../queue/queue.ts";

/** The ports that the engine's thread answers for. */
export type PortName = "queue" | "view" | "ledger" | "counters" | "channels" | "sealed" | "duties" | "engine";

/** One call of a method of a port. `id` is absent when nobody waits for an answer. */
export interface ThreadCall {
  readonly id?: number;
  readonly port: PortName;
  readonly method: string;
  readonly args: readonly unknown[];
}

/** All that was asked for in one turn of the event loop. */
export interface ThreadRequest {
  readonly calls: readonly ThreadCall[];
  /** Waits that are over: ids of earlier calls whose signal was aborted. */
  readonly aborted: readonly number[];
}

/** A fault as it crosses between threads, where classes do not survive. */
export interface FaultMessage {
  readonly code: FaultCode | "BUG";
  readonly message: string;
  readonly cause: string;
  readonly retryAfterMs?: number;
}

export type ThreadReply = { readonly id: number } & (
  | { readonly outcome: "answered"; readonly value: unknown }
  | { readonly outcome: "failed"; readonly fault: FaultMessage }
);

export interface ThreadLogLine {
  readonly level: "error" | "warn" | "info" | "debug";
  readonly fields: LogFields;
  readonly message: string;
}

/** All that was answered in one turn of the thread's event loop. */
export interface ThreadResponse {
  readonly replies: readonly ThreadReply[];
  readonly log: readonly ThreadLogLine[];
}

/** What the thread is started with. */
export interface ThreadStart {
  readonly path: string;
  readonly queue: QueueOptions;
  readonly historyMs?: number;
  /** A clock that this side moves; absent = the machine's. */
  readonly clockMemory?: SharedArrayBuffer;
}

/** Makes an error ready to cross. */
export function packFault(error: unknown): FaultMessage {
  const cause = error instanceof Error && error.cause !== undefined ? String(error.cause) : "";
  if (error instanceof Fault) {
    const { code, message, retryAfterMs } = error;
    return { code, message, cause, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  }
  return { code: "BUG", message: error instanceof Error ? (error.stack ?? error.message) : String(error), cause };
}

/** The error on the other side: a fault stays a fault, a bug stays a bug. */
export function unpackFault({ code, message, cause, retryAfterMs }: FaultMessage): Error {
  const options = {
    ...(cause === "" ? {} : { cause: new Error(cause) }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
  if (code === "BUG") return new Error(message, options);
  const summary = `: ${catalogue[code].summary}`;
  return new Fault(code, message.endsWith(summary) ? message.slice(0, -summary.length) : message, options);
}
