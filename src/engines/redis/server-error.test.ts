import assert from "node:assert/strict";
import { test } from "node:test";
import { Fault } from "../../faults.ts";
import { bad, isElsewhere, movedTo, ServerError } from "./server-error.ts";

test("the first word tells what a caller gets", () => {
  const outcomes = [
    "OOM command not allowed when used memory > 'maxmemory'.",
    "MISCONF Redis is configured to save RDB snapshots",
    "NOREPLICAS Not enough good replicas to write.",
    "BUSY Redis is busy running a script.",
    "WRONGTYPE Operation against a key",
    "ERR user_script:1: Script attempted to access nonexistent global variable",
  ].map((answer) => {
    const told = bad(new ServerError(answer), "testing");
    return told instanceof Fault ? `${told.code} ${told.detail}` : told.name;
  });
  assert.deepEqual(outcomes, [
    "STORE_UNAVAILABLE OOM",
    "STORE_UNAVAILABLE MISCONF",
    "STORE_UNAVAILABLE NOREPLICAS",
    "STORE_UNAVAILABLE BUSY",
    "STORE_INVALID WRONGTYPE",
    "ServerError",
  ]);
});

test("what Redis 6 wraps as an error of the script is seen through", () => {
  const call = "ERR Error running script (call to f_c664a3bf70bd1d45c4284ffebb65a6f2299bfc9f): @user_script:1:";
  assert.equal(new ServerError(`${call} -OOM command not allowed`).word, "OOM");
  assert.equal(new ServerError(`${call} WRONGTYPE Operation against a key`).word, "WRONGTYPE");
  assert.equal(new ServerError(`${call} user_script:1: attempt to index a nil value`).word, "ERR");
});

test("answers of a server that is not in charge are told from refusals", () => {
  const words = [
    "READONLY",
    "LOADING",
    "MASTERDOWN",
    "CLUSTERDOWN",
    "MOVED 1 h:2",
    "ASK 1 h:2",
    "NOAUTH",
    "OOM",
    "ERR",
  ];
  assert.deepEqual(
    words.filter((word) => isElsewhere(new ServerError(word))),
    words.slice(0, -2),
  );
});

test("a MOVED answer names the place, also an IPv6 address", () => {
  assert.deepEqual(movedTo(new ServerError("MOVED 3999 10.0.0.7:6381")), { host: "10.0.0.7", port: 6_381 });
  assert.deepEqual(movedTo(new ServerError("MOVED 3999 ::1:6381")), { host: "::1", port: 6_381 });
  assert.equal(movedTo(new ServerError("MOVED 3999 :6381")), undefined);
});

test("arguments that the server repeats are cut off", () => {
  const error = new ServerError("ERR unknown command 'AUTHX', with args beginning with: 'secret-word' ");
  assert.doesNotMatch(error.message, /secret-word/);
});
