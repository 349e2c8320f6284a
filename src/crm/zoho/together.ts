/** Runs calls that are worth nothing without each other: when one fails, those still under way are ended. */
export async function together<Result>(
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const own = new AbortController();
  const stop = () => own.abort(signal.reason);
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await work(own.signal);
  } catch (error) {
    own.abort(error);
    throw error;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
