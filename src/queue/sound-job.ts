import { assert } from "../assert.ts";
import { type NewJob, NOTE_LENGTH_MAX } from "./queue.ts";

/** Trips where a caller breaks the queue's terms; every engine asks before it stores. */
export function assertSound(job: NewJob): void {
  assert(job.key.length > 0, "a job has a key");
  assert(job.reason.note.length <= NOTE_LENGTH_MAX, `a note has at most ${NOTE_LENGTH_MAX} characters`);
  assert(Number.isSafeInteger(job.reason.receivedAt), "a reason says when it arrived, in whole milliseconds");
}
