import assert from "node:assert/strict";
import { test } from "node:test";
import type { RedisAddress } from "../../redis-address.ts";
import { describeAddress } from "./describe-address.ts";

const SECRETS = { username: "ada", password: "secret-word" };

test("an address in words names places and no secret", () => {
  const nodes = ["::1", "b", "c", "d"].map((host) => ({ host, port: 7_000 }));
  const addresses: readonly RedisAddress[] = [
    { kind: "single", host: "redis", port: 6_379, db: 2, tls: true, ...SECRETS },
    { kind: "sentinel", sentinels: nodes.slice(0, 2), name: "mine", db: 0, tls: false, ...SECRETS },
    { kind: "cluster", nodes, tls: false, ...SECRETS },
  ];
  assert.deepEqual(addresses.map(describeAddress), [
    "redis:6379, database 2 with TLS",
    "master mine of sentinels [::1]:7000, b:7000, database 0",
    "cluster of [::1]:7000, b:7000, c:7000, …",
  ]);
});
