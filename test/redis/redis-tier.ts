import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ensureRedis } from "./redis-binary.ts";

const redis = await ensureRedis();

/**
 * Tests that need a real server. Without one they are left out, in one line that says so; where CI=true that line is a failure, so that
 * nobody takes a green run for one that had a server.
 */
export function redisTier(name: string, define: () => void): void {
  if ("path" in redis) {
    describe(name, { timeout: 120_000 }, define);
    return;
  }
  test(`${name}: left out, ${redis.missing}`, (context) => {
    assert.notEqual(process.env["CI"], "true", `${redis.missing}; install redis-server or valkey-server`);
    context.diagnostic(`${name}: left out, ${redis.missing}`);
  });
}
