import { z } from "zod";
import type { ChannelStore, StoredChannel } from "../../channels/channel-store.ts";
import { type Database, integer, type Row, text } from "./database.ts";
import type { GroupCommit } from "./group-commit.ts";

const eventsSchema = z.array(z.string());

/** The channel store in the engine's file. */
export function createChannelStore(database: Database, group: GroupCommit): ChannelStore {
  const columns = "channel_id, token, notify_url, events, opened_at, expires_at";
  const all = database.prepare(`SELECT ${columns} FROM channels ORDER BY channel_id`);
  const save = database.prepare(`INSERT OR REPLACE INTO channels (${columns}) VALUES (?, ?, ?, ?, ?, ?)`);
  const forget = database.prepare("DELETE FROM channels WHERE channel_id = ?");
  return {
    list: () => group.read(() => all.all().map(channelFrom)),
    save: ({ channelId, token, notifyUrl, events, openedAt, expiresAt }) =>
      group.run(() => {
        save.run(channelId, token, notifyUrl, JSON.stringify(events), openedAt, expiresAt);
      }),
    forget: (channelId) =>
      group.run(() => {
        forget.run(channelId);
      }),
  };
}

function channelFrom(row: Row): StoredChannel {
  return {
    channelId: text(row, 0),
    token: text(row, 1),
    notifyUrl: text(row, 2),
    events: eventsSchema.parse(JSON.parse(text(row, 3))),
    openedAt: integer(row, 4),
    expiresAt: integer(row, 5),
  };
}
