import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeEvent } from "../crm/event.ts";
import { readNote } from "./read-note.ts";

test("reads an event, and takes what is no event for no news", () => {
  const event = { module: "Deals", recordId: "7", operation: "update" } as const;
  assert.deepEqual(readNote(encodeEvent(event)), event);
  for (const note of ["reconcile", "[", "[1,2]", "[]", '["Deals","x","update"]']) {
    assert.equal(readNote(note), undefined, note);
  }
});

test("does not hide a bug behind a note that cannot be read", () => {
  assert.throws(() => Reflect.apply(readNote, undefined, [undefined]), TypeError);
});
