import type { RecordEntry } from "./sync-record.ts";

/** What one process (or task) did, and when the campaign saw its end. */
export interface Life {
  readonly name: string;
  readonly entries: readonly RecordEntry[];
  /** `machineMs` of its end; a write that has none of its own ended then at the latest. */
  readonly endedAt: number;
  /** When it was stopped (SIGSTOP) for longer than a lease lives, and continued. */
  readonly stops: readonly Stop[];
}

/** `machineMs` before the SIGSTOP and before the SIGCONT. */
export interface Stop {
  readonly from: number;
  readonly to: number;
}

/** What the records prove. */
export interface RecordVerdict {
  readonly wrongs: readonly string[];
  /** Writes of the sink. */
  readonly writes: number;
  /** Pairs of syncs of one account that overlapped in time. */
  readonly overlaps: number;
  /** Steps and writes of a process that had lost its lease, which were let through. */
  readonly afterLoss: number;
  /** Steps of a process that had lost its lease, which were refused: proof that the campaign tried it. */
  readonly refused: number;
  /** Writes that a stop fell into: they began with a lease, and no process can take them back. */
  readonly cutWrites: number;
}

type Write = Extract<RecordEntry, { what: "write" }>;
type Step = Extract<RecordEntry, { what: "step" }>;

/** A sync that wrote: from the read of the CRM to the end of the sink's write. */
interface Span {
  readonly life: Life;
  readonly write: Write;
  readonly from: number;
  readonly to: number;
  readonly isCut: boolean;
}

/**
 * Judges the records of all workers together.
 * - Two syncs of one account overlap when the time from the read to the end of the write of one meets that of another. Only
 *   syncs that wrote count: who lost its lease while it read and then wrote nothing has done no harm.
 * - Who was stopped for longer than a lease lives, with a claim answered before, holds nothing afterwards: no step that begins after
 *   the stop may be let through, and no write may begin. A write that began before a stop may end after it; it is counted.
 * - Nobody is let through with a lease once another claim of the account has been answered.
 */
export function judgeRecords(lives: readonly Life[]): RecordVerdict {
  const spans = lives.flatMap(spansOf);
  const overlaps = overlapsOf(spans.filter(({ isCut }) => !isCut));
  const late = lives.flatMap(afterStop);
  const outrun = outrunSteps(lives);
  const refused = lives.flatMap(({ entries }) => entries.filter(isStep)).filter(({ isTaken }) => !isTaken);
  return {
    wrongs: [...overlaps, ...late, ...outrun],
    writes: spans.length,
    overlaps: overlaps.length,
    afterLoss: late.length + outrun.length,
    refused: refused.length,
    cutWrites: spans.filter(({ isCut }) => isCut).length,
  };
}

function spansOf(life: Life): readonly Span[] {
  const ends = new Map(
    life.entries.flatMap((entry) => (entry.what === "written" ? [[entry.id, entry.to] as const] : [])),
  );
  return life.entries.filter(isWrite).map((write) => {
    const to = ends.get(write.id) ?? life.endedAt;
    const isCut = life.stops.some((stop) => write.from < stop.to && to >= stop.to);
    return { life, write, from: Math.min(write.readFrom ?? write.from, write.from), to, isCut };
  });
}

function overlapsOf(spans: readonly Span[]): readonly string[] {
  const wrongs: string[] = [];
  for (const ofAccount of Map.groupBy(spans, ({ write }) => write.account).values()) {
    const inOrder = ofAccount.toSorted((one, other) => one.from - other.from);
    let last: Span | undefined;
    for (const span of inOrder) {
      if (last !== undefined && span.from < last.to) {
        wrongs.push(
          `${span.write.account}: a sync of ${span.life.name} began ${(last.to - span.from).toFixed(1)} ms before one of ${last.life.name} ended`,
        );
      }
      if (last === undefined || span.to > last.to) last = span;
    }
  }
  return wrongs;
}

/** What a process was let through with after a stop, by a lease from before it. */
function afterStop(life: Life): readonly string[] {
  const wrongs: string[] = [];
  for (const stop of life.stops) {
    const lost = new Set(
      life.entries.flatMap((entry) =>
        entry.what === "claim" && entry.to < stop.from ? [`${entry.account} ${entry.token}`] : [],
      ),
    );
    for (const entry of life.entries) {
      const isLate = (isWrite(entry) || (isStep(entry) && entry.isTaken)) && entry.from > stop.to;
      if (isLate && lost.has(`${entry.account} ${entry.token}`)) {
        wrongs.push(`${life.name} was stopped past its lease and then did ${entry.verb} for ${entry.account}`);
      }
    }
  }
  return wrongs;
}

/** Steps that began after a later claim of the account was answered, and were let through. */
function outrunSteps(lives: readonly Life[]): readonly string[] {
  const claims = Map.groupBy(
    lives.flatMap(({ entries }) => entries.filter((entry) => entry.what === "claim")),
    ({ account }) => account,
  );
  return lives.flatMap(({ name, entries }) =>
    entries.filter(isStep).flatMap((step) => {
      const isOutrun = claims.get(step.account)?.some((claim) => claim.token > step.token && claim.to < step.from);
      return step.isTaken && isOutrun
        ? [`${name} did ${step.verb} for ${step.account} after another had claimed it`]
        : [];
    }),
  );
}

function isWrite(entry: RecordEntry): entry is Write {
  return entry.what === "write";
}

function isStep(entry: RecordEntry): entry is Step {
  return entry.what === "step";
}
