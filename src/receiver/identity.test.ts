import assert from "node:assert/strict";
import { test } from "node:test";
import { dedupHash, derivedEventId } from "../queue/event-id.ts";
import { identify } from "./identity.ts";

/** As the CRM's function for Notes says it: no id, a time in whole seconds. */
const NOTE = {
  event: { module: "Notes", recordId: "7", operation: "update" },
  eventId: undefined,
  isOneOfMany: false,
  position: undefined,
  moment: undefined,
  evidence: "",
} as const;

test("an event that nothing names has a key of its own: its replay is known, an equal event is another", () => {
  const [one, other] = [identify(NOTE, undefined), identify(NOTE, undefined)];
  assert.notEqual(one.dedupKey, other.dedupKey);
  assert.notEqual(one.eventId, other.eventId);
});

test("an id that we make is read from the key's hash, which stores keep anyhow", () => {
  for (const moment of [undefined, "1760000000123"]) {
    const { eventId, dedupKey } = identify({ ...NOTE, moment }, undefined);
    assert.equal(eventId, derivedEventId(dedupHash(dedupKey)));
  }
});
