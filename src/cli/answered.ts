import { withTimeout } from "../clock.ts";
import { Fault, type FaultCode } from "../faults.ts";
import type { CommandIo } from "./parts.ts";

/** How long an answer may take, and what it means when none comes. */
export interface AnswerBound {
  readonly ms: number;
  /** The code of a dependency that does not answer. */
  readonly code: FaultCode;
  /** What was being done. */
  readonly doing: string;
}

/** The answer of a dependency. Throws what the work throws, or the bound's Fault where the answer takes too long. */
export async function answered<Answer>(
  io: Pick<CommandIo, "clock" | "signal">,
  { ms, code, doing }: AnswerBound,
  work: (signal: AbortSignal) => Promise<Answer>,
): Promise<Answer> {
  try {
    return await withTimeout(io.clock, { ms, signal: io.signal }, work);
  } catch (error) {
    if (!(error instanceof DOMException) || error.name !== "TimeoutError") throw error;
    throw new Fault(code, doing, { cause: error, detail: `no answer within ${ms / 1_000} s` });
  }
}
