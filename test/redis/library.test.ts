import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openMemhook, readWebhookConfig } from "../../src/app/library.ts";
import { manualClock } from "../../src/clock.ts";
import { silentLog } from "../../src/log.ts";
import { startRedis } from "./redis-server.ts";
import { redisTier } from "./redis-tier.ts";

redisTier("the library on a Redis whose settings lose events", () => {
  test("is refused, and leaves nothing behind that keeps the embedding process alive", async (context) => {
    const redis = await startRedis({ args: ["--maxmemory-policy", "allkeys-lru"] });
    context.after(() => redis.stop());
    const folder = mkdtempSync(join(tmpdir(), "memhook-library-"));
    context.after(() => rmSync(folder, { recursive: true, force: true }));
    const config = readWebhookConfig(
      { REDIS_PORT: String(redis.port), REDIS_HOST: "127.0.0.1", WEBHOOK_SECRET: "a-long-secret", DATA_DIR: folder },
      folder,
    );
    const clock = manualClock();
    const opening = openMemhook(config, { clock, log: silentLog });
    await assert.rejects(opening, { code: "STORE_UNSAFE" });
    assert.equal(clock.sleepers, 0);
  });
});
