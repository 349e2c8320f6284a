import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { exactValue, parseJson } from "./exact-json.ts";
import { Refusal } from "./refusal.ts";

function read(text: string): unknown {
  const parsed = parseJson(Buffer.from(text));
  if (parsed === undefined) return "no JSON";
  const exact = exactValue(parsed);
  return exact instanceof Refusal ? exact.code : exact.value;
}

test("reads what JSON.parse reads, wherever nothing is repeated and every number is exact", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5, noUnicodeString: false }), (value) => {
      const text = JSON.stringify(value);
      const exact = read(text);
      if (/\d{16}|\de/i.test(text)) return; // Long numbers come as text: the next test.
      assert.deepEqual(exact, JSON.parse(text));
    }),
    { numRuns: 500 },
  );
});

test("never throws, whatever the bytes are", () => {
  const piece = fc.constantFrom(
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    '"a"',
    '"',
    "\\",
    "1e400",
    "12345678901234567890",
    "-0",
    "1.",
    "e",
    "true",
    "null",
    " ",
    "\u0000",
    "é",
  );
  const text = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(""));
  fc.assert(
    fc.property(text, (candidate) => void read(candidate)),
    { numRuns: 3_000 },
  );
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => void parseJson(Buffer.from(bytes))),
    { numRuns: 500 },
  );
});

test("takes whole numbers of any length exactly, as their text", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }), (number) => {
      const value = read(`{"id":${number}}`);
      assert.ok(typeof value === "object" && value !== null && "id" in value);
      assert.equal(String(value.id), String(number));
    }),
    { numRuns: 500 },
  );
});

test("refuses a key repeated in any object, at any depth, in any spelling", () => {
  const texts = [
    '{"a":1,"a":1}',
    '{"a":1,"\\u0061":2}',
    '[{"b":{"a":[],"a":{}}}]',
    '{"__proto__":1,"__proto__":2}',
    '{"":1,"":1}',
  ];
  for (const text of texts) assert.equal(read(text), "malformed", text);
  for (const text of ['{"a":{"a":1}}', '{"a:b":":","c":"{\\":"}', '[{"a":1},{"a":1}]', '{"a":"\\\\"}']) {
    assert.deepEqual(read(text), JSON.parse(text), text);
  }
});

test("keeps numbers as numbers where that is exact, and as text where it is not", () => {
  assert.deepEqual(
    read('[9007199254740991, 9007199254740993, 1e3, 1e400, 0.12345678901234567890, 1750102639787, "1"]'),
    [9007199254740991, "9007199254740993", "1e3", "1e400", "0.12345678901234567890", 1750102639787, "1"],
  );
});
