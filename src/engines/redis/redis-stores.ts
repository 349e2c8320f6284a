import { z } from "zod";
import { assert } from "../../assert.ts";
import type { ChannelStore, StoredChannel } from "../../channels/channel-store.ts";
import { Fault } from "../../faults.ts";
import type { SealedStore } from "../../sealed-store.ts";
import type { ScriptTurn } from "./script-turn.ts";

const channelSchema = z.object({
  channelId: z.string(),
  token: z.string(),
  notifyUrl: z.string(),
  events: z.array(z.string()),
  openedAt: z.number(),
  expiresAt: z.number(),
});

/** Channels on Redis: one hash, by id. */
export function createChannelStore(turn: ScriptTurn, key: string): ChannelStore {
  return {
    list: async () => {
      const stored = await turn.command("HVALS", [key]);
      assert(Array.isArray(stored), "HVALS answers a list");
      const channels = stored.map((text) => parseChannel(String(text)));
      return channels.sort((one, other) => (one.channelId < other.channelId ? -1 : 1));
    },
    save: async (channel) => {
      await turn.command("HSET", [key, channel.channelId, JSON.stringify(channel)]);
    },
    forget: async (channelId) => {
      await turn.command("HDEL", [key, channelId]);
    },
  };
}

/** Sealed texts on Redis: one hash, by name. */
export function createSealedStore(turn: ScriptTurn, key: string): SealedStore {
  return {
    read: async (name) => {
      const sealed = await turn.command("HGET", [key, name]);
      return sealed === null ? undefined : String(sealed);
    },
    write: async (name, sealed) => {
      await turn.command("HSET", [key, name, sealed]);
    },
  };
}

function parseChannel(text: string): StoredChannel {
  const parsed = channelSchema.safeParse(JSON.parse(text));
  // Never the text itself: it holds a token.
  if (!parsed.success) throw new Fault("STORE_INVALID", "reading a stored channel");
  return parsed.data;
}
