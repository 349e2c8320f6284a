/** The states of a job, and no others. A completed job leaves counters and a log line, not a state. */
export const JOB_STATES = ["ready", "delayed", "leased", "dead"] as const;
export type JobState = (typeof JOB_STATES)[number];

/** Where a job can stand: in a state, or nowhere, because it was not made yet or has ended. */
export type JobPlace = JobState | "nothing";

/** Every legal move of one job, whatever makes it. */
interface JobTransition {
  readonly from: JobPlace;
  /** `join` is a delivery, an enqueue, or a pass to it; `bury` and `heal` are a later death and a later success of its key. */
  readonly by: string;
  /** Each place that the move can end in. */
  readonly to: readonly JobPlace[];
}

/**
 * The legal moves of a job, and no others. docs/state-machine.md lists the same, with what becomes of attempts and
 * events; test/docs.test.ts holds the two together.
 */
export const JOB_TRANSITIONS = [
  { from: "nothing", by: "join", to: ["ready", "delayed"] },
  { from: "ready", by: "join", to: ["ready"] },
  { from: "delayed", by: "join", to: ["ready", "delayed"] },
  { from: "delayed", by: "due time", to: ["ready"] },
  { from: "ready", by: "claim", to: ["leased"] },
  { from: "leased", by: "join", to: ["leased"] },
  { from: "leased", by: "extend", to: ["leased"] },
  { from: "leased", by: "complete", to: ["nothing", "ready", "delayed"] },
  { from: "leased", by: "pass", to: ["nothing", "ready", "delayed"] },
  { from: "leased", by: "retry", to: ["ready", "delayed"] },
  { from: "leased", by: "release", to: ["ready", "delayed"] },
  { from: "leased", by: "reclaim", to: ["ready", "dead"] },
  { from: "leased", by: "dead", to: ["dead"] },
  { from: "dead", by: "bury", to: ["nothing"] },
  { from: "dead", by: "heal", to: ["nothing"] },
  { from: "dead", by: "redrive", to: ["ready", "nothing"] },
  { from: "dead", by: "purge", to: ["nothing"] },
] as const satisfies readonly JobTransition[];
