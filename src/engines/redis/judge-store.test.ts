import assert from "node:assert/strict";
import { test } from "node:test";
import { judgeStore } from "./judge-store.ts";
import type { StoreSurvey } from "./survey.ts";

const SOUND: StoreSurvey = {
  kind: "redis",
  version: "7.0.15",
  redisVersion: "7.0.15",
  role: "master",
  appendonly: true,
  appendfsync: "always",
  isAppendWritten: true,
  save: "",
  replicas: 0,
  replicasClose: undefined,
  replicasToWrite: 0,
  maxmemoryBytes: 1e9,
  maxmemoryPolicy: "noeviction",
  usedMemoryBytes: 1e6,
  clockSkewMs: 3,
  clusterState: undefined,
};

/** The severity of one check for a survey that differs from a sound one. */
function severityOf(check: string, differing: Partial<StoreSurvey>): string | undefined {
  return judgeStore({ ...SOUND, ...differing }).find((finding) => finding.check === check)?.severity;
}

const replicationOf = (differing: Partial<StoreSurvey>) =>
  judgeStore({ ...SOUND, ...differing }).find(({ check }) => check === "replication");

test("a server that keeps its promises has nothing to complain about", () => {
  assert.deepEqual(
    judgeStore(SOUND).filter(({ severity, todo }) => severity !== "ok" || todo !== ""),
    [],
  );
});

test("a policy that drops any key is refused, one that drops keys with an expiry is told", () => {
  assert.equal(severityOf("eviction", { maxmemoryPolicy: "allkeys-lru" }), "refuse");
  assert.equal(severityOf("eviction", { maxmemoryPolicy: "allkeys-random", maxmemoryBytes: 0 }), "refuse");
  assert.equal(severityOf("eviction", { maxmemoryPolicy: "volatile-ttl" }), "warn");
});

test("what a crash of Redis loses is told, each way of persistence for itself", () => {
  const detailOf = (differing: Partial<StoreSurvey>) =>
    judgeStore({ ...SOUND, ...differing }).find(({ check }) => check === "persistence");
  assert.match(detailOf({ appendonly: false })?.detail ?? "", /loses every event/);
  assert.match(detailOf({ appendonly: false, save: "3600 1" })?.detail ?? "", /snapshots only .*minutes/);
  assert.match(detailOf({ appendfsync: "everysec" })?.detail ?? "", /power cut the last 1 to 2 s/);
  assert.deepEqual(
    [
      { appendonly: false },
      { appendonly: false, save: "3600 1" },
      { appendfsync: "no" },
      { appendfsync: "everysec" },
    ].map((differing) => detailOf(differing)?.severity),
    ["warn", "warn", "warn", "ok"],
  );
});

test("an append-only file that cannot be written is told, whatever its fsync", () => {
  assert.equal(severityOf("persistence", { isAppendWritten: false }), "warn");
  assert.equal(severityOf("persistence", { isAppendWritten: undefined }), "ok");
});

test("what a fail-over loses is told, unless a write waits for replicas close behind; a server alone has none", () => {
  assert.equal(severityOf("replication", { replicas: 1 }), "warn");
  assert.equal(severityOf("replication", { replicas: 2, replicasToWrite: 1 }), "ok");
  assert.equal(severityOf("replication", {}), undefined);
});

test("a server that waits for more replicas than are close behind refuses writes, and that is told", () => {
  const refusing = /Redis refuses writes/;
  assert.match(replicationOf({ replicas: 0, replicasToWrite: 1 })?.detail ?? "", refusing);
  assert.match(replicationOf({ replicas: 2, replicasClose: 1, replicasToWrite: 2 })?.detail ?? "", refusing);
  assert.equal(severityOf("replication", { replicas: 0, replicasToWrite: 1 }), "warn");
  assert.equal(severityOf("replication", { replicas: 2, replicasClose: 1, replicasToWrite: 2 }), "warn");
  assert.equal(severityOf("replication", { replicas: 2, replicasClose: 1, replicasToWrite: 1 }), "ok");
});

test("where the server tells only half of its replication, the other half is asked for, not guessed", () => {
  for (const differing of [
    { replicas: 1, replicasToWrite: undefined },
    { replicas: undefined, replicasToWrite: 1 },
  ]) {
    const finding = replicationOf(differing);
    assert.deepEqual([finding?.severity, finding?.todo.startsWith("ask your provider")], ["warn", true]);
    assert.match(finding?.detail ?? "", /does not tell/);
  }
});

test("versions before 6.2 are refused; Valkey counts by the Redis that it is like", () => {
  assert.equal(severityOf("version", { redisVersion: "6.0.20", version: "6.0.20" }), "refuse");
  assert.equal(severityOf("version", { redisVersion: "6.2.0" }), "ok");
  assert.equal(severityOf("version", { redisVersion: "10.0.0" }), "ok");
  assert.equal(severityOf("version", { kind: "valkey", version: "8.1.0", redisVersion: "7.2.4" }), "ok");
});

test("a full memory, clocks apart, a replica, and a cluster with holes are told", () => {
  assert.equal(severityOf("memory", { usedMemoryBytes: 0.95e9 }), "warn");
  assert.equal(severityOf("memory", { usedMemoryBytes: 5e9, maxmemoryBytes: 0 }), "ok");
  assert.equal(severityOf("clock", { clockSkewMs: -1_001 }), "warn");
  assert.equal(severityOf("role", { role: "slave" }), "refuse");
  assert.equal(severityOf("cluster", { clusterState: "fail" }), "warn");
});

test("what a server does not tell is no reason to refuse it, but is told", () => {
  const silent: StoreSurvey = {
    kind: undefined,
    version: undefined,
    redisVersion: undefined,
    role: undefined,
    appendonly: undefined,
    appendfsync: undefined,
    isAppendWritten: undefined,
    save: undefined,
    replicas: undefined,
    replicasClose: undefined,
    replicasToWrite: undefined,
    maxmemoryBytes: undefined,
    maxmemoryPolicy: undefined,
    usedMemoryBytes: undefined,
    clockSkewMs: undefined,
    clusterState: undefined,
  };
  assert.deepEqual(
    judgeStore(silent).map(({ check, severity }) => `${check} ${severity}`),
    ["version warn", "persistence warn", "eviction warn"],
  );
});
