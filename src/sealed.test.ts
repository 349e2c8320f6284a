import assert from "node:assert/strict";
import { test } from "node:test";
import { openSealed, sealText } from "./sealed.ts";

const KEYS = { secrets: ["client secret", "refresh token"], purpose: "testing" } as const;

test("opens what it sealed, and says nothing of it in between", () => {
  for (const text of ["", "1000.abc.def", "ü€😀".repeat(1_000)]) {
    const sealed = sealText(text, KEYS);
    assert.equal(openSealed(sealed, KEYS), text);
    if (text !== "") assert.ok(!sealed.includes(text) && !Buffer.from(sealed, "base64url").includes(text));
  }
});

test("seals the same text differently each time", () => {
  assert.notEqual(sealText("same", KEYS), sealText("same", KEYS));
});

test("does not open under another key, another purpose, or secrets that only read the same side by side", () => {
  const sealed = sealText("text", KEYS);
  for (const keys of [
    { ...KEYS, secrets: ["client secret", "another token"] },
    { ...KEYS, secrets: ["client secretrefresh", " token"] },
    { ...KEYS, secrets: ["refresh token", "client secret"] },
    { ...KEYS, purpose: "production" },
  ]) {
    assert.equal(openSealed(sealed, keys), undefined, JSON.stringify(keys));
  }
});

test("takes torn, altered or foreign text for nothing, never for an error", () => {
  const sealed = sealText("some text", KEYS);
  for (let length = 0; length < sealed.length; length += 1) {
    assert.equal(openSealed(sealed.slice(0, length), KEYS), undefined, `cut at ${length}`);
  }
  for (let at = 0; at < sealed.length; at += 1) {
    const other = sealed[at] === "A" ? "B" : "A";
    const opened = openSealed(sealed.slice(0, at) + other + sealed.slice(at + 1), KEYS);
    // The last characters of base64 may carry bits that mean nothing.
    assert.ok(opened === undefined || (at === sealed.length - 1 && opened === "some text"), `altered at ${at}`);
  }
  for (const foreign of ["", "v1.", "v2.AAAA", "not sealed at all", "\u0000", "v1.😀"]) {
    assert.equal(openSealed(foreign, KEYS), undefined, foreign);
  }
});
