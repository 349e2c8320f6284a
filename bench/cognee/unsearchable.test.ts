import assert from "node:assert/strict";
import { test } from "node:test";
import { unsearchable } from "./unsearchable.ts";

const ACME = { name: "zoho-1", text: "# Acme\n\nKeeps a zebra. Sells ropes.\n" };

test("a text that is all in passages of its document is searchable, also when they part it", () => {
  const passages = [
    { documentName: "zoho-1", text: "Sells ropes.\n" },
    { documentName: "zoho-1", text: "# Acme\n\nKeeps a zebra." },
  ];
  assert.deepEqual(unsearchable([ACME], passages), []);
});

test("a text of which one line is missing, or is another document's, is not", () => {
  assert.deepEqual(unsearchable([ACME], [{ documentName: "zoho-1", text: "# Acme\n\nKeeps an okapi. Sells ropes." }]), [
    "zoho-1",
  ]);
  assert.deepEqual(unsearchable([ACME], [{ documentName: "zoho-2", text: ACME.text }]), ["zoho-1"]);
  assert.deepEqual(unsearchable([ACME], []), ["zoho-1"]);
});
