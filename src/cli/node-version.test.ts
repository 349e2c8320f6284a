import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeProblem } from "./node-version.ts";

test("takes the oldest Node that is good enough, newer ones, and this one", () => {
  for (const [node, sqlite] of [
    ["22.23.3", "3.51.3"],
    ["24.21.0", "3.53.4"],
    ["26.0.0-nightly", "3.100.0"],
  ] as const) {
    assert.equal(nodeProblem({ node, sqlite }), undefined);
  }
  assert.equal(nodeProblem(process.versions), undefined);
});

test("says in one line what is needed and what there is", () => {
  for (const [node, sqlite] of [
    ["20.20.2", undefined],
    ["22.23.2", "3.51.3"],
    ["24.0.0", "3.49.1"],
    ["24.0.0", "3.51.2"],
  ] as const) {
    const problem = nodeProblem({ node, sqlite }) ?? "";
    assert.match(problem, /^memhook needs Node 22\.23\.3 .*SQLite 3\.51\.3/);
    assert.ok(problem.includes(node) && !problem.includes("\n"));
  }
});
