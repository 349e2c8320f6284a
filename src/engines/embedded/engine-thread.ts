import { parentPort, workerData } from "node:worker_threads";
import { assert } from "../../assert.ts";
import { systemClock } from "../../clock.ts";
import type { Log } from "../../log.ts";
import { openEmbeddedEngine } from "./embedded-engine.ts";
import { sharedClock } from "./shared-clock.ts";
import {
  packFault,
  type ThreadCall,
  type ThreadLogLine,
  type ThreadReply,
  type ThreadRequest,
  type ThreadStart,
} from "./thread-messages.ts";

/**
 * The engine in a thread of its own: an fsync, or a slow disk, then holds up neither the receiver nor the health checks.
 * Answers what `threaded-engine.ts` asks; both sides gather a turn's messages into one.
 */
function serveThread(): void {
  const port = parentPort;
  assert(port !== null, "the engine's thread has a parent");
  const start: ThreadStart = workerData;
  const lines: ThreadLogLine[] = [];
  const replies: ThreadReply[] = [];
  const waits = new Map<number, AbortController>();
  let isScheduled = false;

  const schedule = () => {
    if (isScheduled) return;
    isScheduled = true;
    setImmediate(() => {
      isScheduled = false;
      port.postMessage({ replies: replies.splice(0), log: lines.splice(0) });
    });
  };
  const log = forwardingLog((line) => {
    lines.push(line);
    schedule();
  }, {});
  const { clockMemory, ...options } = start;
  const clock = clockMemory === undefined ? systemClock : sharedClock(clockMemory);
  const open = () => {
    const engine = openEmbeddedEngine({ ...options, clock, log });
    return { ...engine, engine };
  };
  let ports: ReturnType<typeof open> | undefined;

  const answer = async (call: ThreadCall): Promise<unknown> => {
    // Opened by the first call, so that what stands in the way is its answer: an error of the thread would lose its code.
    ports ??= open();
    // Calls come from threaded-engine.ts alone, which names methods of these very ports with their own parameters.
    const target = ports[call.port] as unknown as Record<string, (...args: readonly unknown[]) => unknown>;
    const method = target[call.method];
    assert(method !== undefined, `${call.port} has a method ${call.method}`);
    if (call.method !== "waitForWork" || call.id === undefined) return method(...call.args);
    const wait = new AbortController();
    waits.set(call.id, wait);
    try {
      return await method(...call.args, wait.signal);
    } finally {
      waits.delete(call.id);
    }
  };

  port.on("message", ({ calls, aborted }: ThreadRequest) => {
    for (const call of calls) {
      const { id } = call;
      answer(call).then(
        (value) => {
          if (id !== undefined) replies.push({ id, outcome: "answered", value });
          schedule();
        },
        (error: unknown) => {
          if (id !== undefined) replies.push({ id, outcome: "failed", fault: packFault(error) });
          else lines.push({ level: "error", fields: { error: packFault(error) }, message: `${call.method} failed` });
          schedule();
        },
      );
    }
    // After the calls: one that was aborted in the turn that made it is among them.
    for (const id of aborted) waits.get(id)?.abort();
  });
}

/** Lines are said on the other side, where the log is. */
function forwardingLog(send: (line: ThreadLogLine) => void, bound: ThreadLogLine["fields"]): Log {
  const say = (level: ThreadLogLine["level"]) => (fields: ThreadLogLine["fields"], message: string) => {
    const { error, ...rest } = { ...bound, ...fields };
    send({ level, fields: error === undefined ? rest : { ...rest, error: packFault(error) }, message });
  };
  return {
    error: say("error"),
    warn: say("warn"),
    info: say("info"),
    debug: say("debug"),
    child: (fields) => forwardingLog(send, { ...bound, ...fields }),
    isDebug: true,
  };
}

serveThread();
