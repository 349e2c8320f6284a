import assert from "node:assert/strict";
import { test } from "node:test";
import { AssertionBug } from "../../assert.ts";
import { conditions } from "./coql.ts";
import { parseExactJson } from "./exact-json.ts";

const ids = (count: number, first = 1) => Array.from({ length: count }, (_, index) => String(first + index));

test("brackets criteria in pairs", () => {
  const [one] = conditions([{ field: "What_Id", ids: ["1"] }]);
  assert.equal(one, "What_Id in ('1')");
  const [three] = conditions([
    { field: "What_Id", ids: ["1"] },
    { field: "What_Id", ids: ["2"] },
    { field: "Who_Id", ids: ["3"] },
  ]);
  assert.equal(three, "((What_Id in ('1')) or ((What_Id in ('2')) or (Who_Id in ('3'))))");
});

test("keeps to a hundred values in a list and ten lists in a query", () => {
  const queries = conditions([{ field: "Who_Id", ids: ids(2_345) }]);
  assert.equal(queries.length, 3);
  const lists = queries.flatMap((query) => [...query.matchAll(/in \(([^)]+)\)/g)].map((match) => match[1]?.split(",")));
  assert.equal(lists.flat().length, 2_345);
  assert.ok(lists.every((list) => (list?.length ?? 0) <= 100));
});

test("asks for nothing when there is nothing to ask for", () => {
  assert.deepEqual(conditions([{ field: "Who_Id", ids: [] }]), []);
});

test("compares one by one where lists are refused", () => {
  assert.deepEqual(conditions([{ field: "Parent_Id", ids: ["1", "2"] }], "equals"), [
    "((Parent_Id = '1') or (Parent_Id = '2'))",
  ]);
  assert.equal(conditions([{ field: "Parent_Id", ids: ids(26) }], "equals").length, 2);
});

test("lets nothing but digits into a query", () => {
  for (const id of ["1') or (id in ('2", "", "12345678901234567890123", "-1"]) {
    assert.throws(() => conditions([{ field: "id", ids: [id] }]), AssertionBug);
  }
  assert.throws(() => conditions([{ field: "id or 1", ids: ["1"] }]), AssertionBug);
});

test("keeps every digit of a long bare number", () => {
  const text =
    '{"id":4876876000000123457,"n":[4876876000000123459, 12],"Amount":1234567890123456.78,"t":"1234567890123456789"}';
  assert.deepEqual(
    { ...Object(parseExactJson(text)) },
    {
      id: "4876876000000123457",
      n: ["4876876000000123459", 12],
      Amount: "1234567890123456.78",
      t: "1234567890123456789",
    },
  );
  assert.throws(() => parseExactJson("<html>"), SyntaxError);
});
