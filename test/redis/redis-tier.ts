import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ensureRedis } from "./redis-binary.ts";

/** Far above what a suite takes; one that hangs must not hang the run. */
const TIER_MS_MAX = 120_000;

const redis = await ensureRedis();

/**
 * Tests that need a real server. Without one they are left out, in one line that says so; where CI=true that line is a failure, so that
 * nobody takes a green run for one that had a server.
 */
export function redisTier(name: string, define: () => void, { timeoutMs = TIER_MS_MAX } = {}): void {
  if ("path" in redis) {
    describe(name, { timeout: timeoutMs }, define);
    return;
  }
  test(`${name}: left out, ${redis.missing}`, (context) => {
    assert.notEqual(process.env["CI"], "true", `${redis.missing}; install redis-server or valkey-server`);
    context.diagnostic(`${name}: left out, ${redis.missing}`);
  });
}
