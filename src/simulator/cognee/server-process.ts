import type { Clock } from "../../clock.ts";
import type { Dataset } from "./dataset.ts";
import type { DatasetLocks } from "./dataset-locks.ts";
import type { Life } from "./life.ts";
import { forbidden, internalError } from "./reply.ts";
import type { SignIn } from "./sign-in.ts";
import type { Store } from "./store.ts";
import type { Ways } from "./version-ways.ts";

/**
 * How the model fails at a document: its reply cannot be read, or its endpoint for embeddings answers 400. The real server
 * takes some four minutes for the first, seconds for the second.
 */
export type Poison = "unreadable" | "unembeddable";

/** Trouble with the model, and its pace; may be changed while the stand-in runs. */
export interface Knobs {
  /** Neither chat nor embeddings answer. */
  modelAway: boolean;
  /** Every chat call is refused with this status, at once: a wrong key, no money, no such model. Embeddings go on. */
  modelStatus: 401 | 402 | 404 | undefined;
  /** How long each cognify run and each update that asks the model takes, in milliseconds of the clock. */
  delayMs: number;
}

/**
 * How long work takes, in milliseconds of the clock; all 0 by default. In brackets what the real server took on two cores, with a
 * model that answers at once (cognee 1.6.5, 2026-11-24).
 */
export interface Latency {
  /** Every call (60). */
  readonly callMs: number;
  /** Each document of an add (38). */
  readonly addDocumentMs: number;
  /** Each document of a cognify run (360). */
  readonly cognifyDocumentMs: number;
  /** An update that is neither unchanged nor a full rebuild (600 to 900). */
  readonly updateMs: number;
}

/** What was done since the start, over all lives. */
export interface CogneeCounts {
  /** Calls by route, as in `PATCH /update`, refused ones as well. */
  readonly calls: Readonly<Record<string, number>>;
  /** Runs of cognify that began; an update by full rebuild has one. */
  readonly runs: number;
  /** Documents that went through a run, also one that failed: what the model was paid for. */
  readonly documentsCognified: number;
  /** Updates that changed a document in place. */
  readonly documentsUpdated: number;
  /** Documents stored by add; those that were there already do not count. */
  readonly documentsAdded: number;
}

/** The same counts, as they are being counted. */
export type Counting = { -readonly [Name in Exclude<keyof CogneeCounts, "calls">]: CogneeCounts[Name] } & {
  readonly calls: Record<string, number>;
};

/** What a call works with: the disk, and the process in whose life it began. */
export interface ServerProcess {
  readonly clock: Clock;
  /** The version that it plays. */
  readonly ways: Ways;
  readonly store: Store;
  readonly signIn: SignIn;
  readonly life: Life;
  readonly locks: DatasetLocks;
  readonly knobs: Knobs;
  /** Words that the model fails at, and how. */
  readonly poison: ReadonlyMap<string, Poison>;
  readonly latency: Latency;
  readonly counts: Counting;
}

/** The dataset of an id, or 403: not there and not ours look alike. */
export function permitted(store: Store, id: string, permission: "read" | "write" | "delete"): Dataset {
  const dataset = store.dataset(id);
  if (dataset === undefined) throw forbidden(permission);
  return dataset;
}

/** The dataset of a call that waited for its lock: when it was deleted meanwhile, the server falls over. */
export function stillThere(store: Store, id: string): Dataset {
  const dataset = store.dataset(id);
  if (dataset === undefined) throw internalError("'NoneType' object has no attribute 'id'");
  return dataset;
}

/** Calls that open a corrupted graph fail, all of them, while the server calls itself healthy. */
export function assertWhole(dataset: Dataset): void {
  if (dataset.isBroken) throw internalError("Checksum verification failed, the WAL file is corrupted");
}
