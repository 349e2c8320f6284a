/** The wish to stop, as the terminal or the supervisor sent it. */
export interface StopSignal {
  /** Aborted by the first SIGINT or SIGTERM; its reason is a Stopped. */
  readonly signal: AbortSignal;
  /** Stops listening: what comes then ends the process as usual. */
  dispose(): void;
}

/** Why a command ended early. */
export class Stopped extends Error {
  override readonly name = "Stopped";

  constructor(signal: NodeJS.Signals) {
    super(`stopped by ${signal}`);
  }
}

/** Exit codes of a process that a signal ended, as shells count them: 128 + its number. */
const SIGNAL_EXIT = { SIGINT: 130, SIGTERM: 143 } as const;
const STOP_SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** The part of `process` that is needed. */
export interface SignalSource {
  on(signal: NodeJS.Signals, listener: () => void): unknown;
  off(signal: NodeJS.Signals, listener: () => void): unknown;
  exit(code: number): unknown;
}

/** The only place that listens to signals. The first asks to stop, the second ends at once. */
export function listenForStop(source: SignalSource): StopSignal {
  const controller = new AbortController();
  const listeners = STOP_SIGNALS.map((name) => {
    const listener = () => {
      if (controller.signal.aborted) source.exit(SIGNAL_EXIT[name]);
      controller.abort(new Stopped(name));
    };
    source.on(name, listener);
    return { name, listener };
  });
  return {
    signal: controller.signal,
    dispose: () => {
      for (const { name, listener } of listeners) source.off(name, listener);
    },
  };
}

/** Resolves once the signal is aborted. */
export function stopped(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
