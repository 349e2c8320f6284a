import type { Clock } from "../clock.ts";

/** How long the last output may take to reach its reader. One that is gone, or has stopped reading, holds up no exit. */
const FLUSH_MS_MAX = 1_000;

/** The part of an output stream that is needed. */
export interface FlushedStream {
  write(text: string, done: () => void): unknown;
  on(event: "error", listener: (error: NodeJS.ErrnoException) => void): unknown;
}

/** Resolves when all that was written has left, a stream that fails counting as done, or after FLUSH_MS_MAX. */
export async function flushed(clock: Pick<Clock, "sleep">, streams: readonly FlushedStream[]): Promise<void> {
  const done = new AbortController();
  const each = streams.map(
    (stream) =>
      new Promise<void>((resolve) => {
        stream.on("error", () => resolve());
        // Behind all that was written before. It may never call back when the reader is gone.
        stream.write("", () => resolve());
      }),
  );
  const late = clock.sleep(FLUSH_MS_MAX, done.signal).catch((reason: unknown) => {
    if (!done.signal.aborted) throw reason;
  });
  await Promise.race([Promise.all(each), late]);
  done.abort();
}

/** Tells of output that was lost by more than a reader who has seen enough (`| head`, EPIPE), which is no failure of ours. */
export function watchOutput(streams: readonly FlushedStream[]): () => Error | undefined {
  let lost: Error | undefined;
  for (const stream of streams) {
    stream.on("error", (error) => {
      if (error.code !== "EPIPE") lost ??= error;
    });
  }
  return () => lost;
}
