import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { StoredChannel } from "../../src/channels/channel-store.ts";
import { type StartEngine, startFor } from "./engine-harness.ts";

const CHANNEL: StoredChannel = {
  channelId: "1000000068001",
  token: "a-secret",
  notifyUrl: "https://example.com/webhooks/zoho",
  events: ["Accounts.create", "Accounts.edit"],
  openedAt: 1_000,
  expiresAt: 2_000,
};

/** What every channel store keeps. */
export function channelStoreContract(name: string, start: StartEngine): void {
  describe(`${name}: channels`, () => {
    test("a saved channel is listed as it was, also after a kill and by another process", async (t) => {
      const engine = await startFor(t, start);
      assert.deepEqual(await engine.ports.channels.list(), []);
      await engine.ports.channels.save(CHANNEL);
      assert.deepEqual(await (await engine.beside()).channels.list(), [CHANNEL]);
      await engine.crash();
      assert.deepEqual(await engine.ports.channels.list(), [CHANNEL]);
    });

    test("saving again replaces", async (t) => {
      const engine = await startFor(t, start);
      await engine.ports.channels.save(CHANNEL);
      const renewed = { ...CHANNEL, expiresAt: 3_000, token: "another" };
      await engine.ports.channels.save(renewed);
      await engine.ports.channels.save({ ...CHANNEL, channelId: "2" });
      assert.deepEqual(await engine.ports.channels.list(), [renewed, { ...CHANNEL, channelId: "2" }]);
    });

    test("a forgotten channel is gone; forgetting it again is no error", async (t) => {
      const engine = await startFor(t, start);
      await engine.ports.channels.save(CHANNEL);
      await engine.ports.channels.forget(CHANNEL.channelId);
      await engine.ports.channels.forget(CHANNEL.channelId);
      assert.deepEqual(await engine.ports.channels.list(), []);
    });
  });
}
