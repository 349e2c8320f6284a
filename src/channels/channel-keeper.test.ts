import assert from "node:assert/strict";
import { test } from "node:test";
import { createDutyLoop } from "../app/duty-loop.ts";
import { type ManualClock, manualClock } from "../clock.ts";
import type { ChannelDeclaration, ChannelState } from "../crm/crm.ts";
import { Fault } from "../faults.ts";
import { silentLog } from "../log.ts";
import { seededRandom } from "../random.ts";
import { CHANNEL_DUTY, ChannelKeeper, FAILED_LOOK_WAIT_MS_MAX } from "./channel-keeper.ts";
import { ChannelList } from "./channel-list.ts";
import type { ChannelStore, StoredChannel } from "./channel-store.ts";

const NOTIFY_URL = "https://memhook.example/webhooks/zoho";
const LOOK_MS = 10_000;

function setUp({ headStartMs = 0 } = {}) {
  const clock = manualClock();
  const stored = new Map<string, StoredChannel>();
  const existing = new Map<string, ChannelState>();
  const opened: ChannelDeclaration[] = [];
  const counts: Record<string, number> = {};
  const lines: string[] = [];
  const trouble: { crm: Error | undefined; store: Error | undefined } = { crm: undefined, store: undefined };
  let saves = 0;
  const store: ChannelStore = {
    list: async () => {
      if (trouble.store !== undefined) throw trouble.store;
      return [...stored.values()];
    },
    save: async (channel) => {
      saves += 1;
      if (trouble.store !== undefined) throw trouble.store;
      stored.set(channel.channelId, channel);
    },
    forget: async (channelId) => void stored.delete(channelId),
  };
  const list = new ChannelList(store, { clock, log: silentLog });
  const look = new ChannelKeeper({
    crm: {
      openChannel: async (declaration) => {
        if (trouble.crm !== undefined) throw trouble.crm;
        opened.push(declaration);
        existing.set(declaration.channelId, declaration);
        return declaration;
      },
      listChannels: async () => [...existing.values()],
    },
    store,
    list,
    clock,
    random: seededRandom(1),
    log: silentLog,
    notifyUrl: NOTIFY_URL,
    modules: ["Accounts"],
    headStartMs,
  });
  const keeper = createDutyLoop(
    {
      name: CHANNEL_DUTY,
      doing: "keeping the channel",
      failedRestMsMax: FAILED_LOOK_WAIT_MS_MAX,
      perform: (signal) => look.look(signal),
    },
    {
      duties: { hold: async () => true, release: async () => undefined },
      clock,
      log: { ...silentLog, warn: () => void lines.push("warn"), error: () => void lines.push("error") },
      counters: {
        add: (deltas) => {
          for (const [name, delta] of Object.entries(deltas)) counts[name] = (counts[name] ?? 0) + delta;
        },
      },
    },
  );
  return { keeper, list, clock, stored, existing, opened, counts, lines, trouble, saved: () => saves };
}

async function looks(clock: ManualClock, times: number): Promise<void> {
  for (let look = 0; look < times; look++) await clock.advance(LOOK_MS);
}

test("opens the declared channel once, and renews it with the same id and token when a third of its life is left", async () => {
  const { keeper, clock, opened, counts } = setUp();
  const startedAt = clock.now();
  keeper.start();
  await looks(clock, 10);
  assert.equal(opened.length, 1);
  await clock.advance((((opened[0]?.expiresAt ?? 0) - startedAt) * 2) / 3);
  await looks(clock, 2);
  assert.equal(opened.length, 2);
  assert.deepEqual([opened[1]?.channelId, opened[1]?.token], [opened[0]?.channelId, opened[0]?.token]);
  assert.deepEqual(counts, {});
  await keeper.close();
});

test("opens a channel that has vanished anew, within two minutes", async () => {
  const { keeper, clock, existing, opened } = setUp();
  keeper.start();
  await looks(clock, 1);
  existing.clear();
  await looks(clock, 12);
  assert.equal(opened.length, 2);
  await keeper.close();
});

test("trouble is counted by its code, told, and met again at a later look; a bug is an error, an outage a warning", async () => {
  const rows = [
    { where: "crm", error: new TypeError("broken"), code: "UNEXPECTED", level: "error" },
    { where: "crm", error: new Fault("CRM_UNAVAILABLE", "testing"), code: "CRM_UNAVAILABLE", level: "warn" },
    { where: "store", error: new Fault("STORE_UNAVAILABLE", "testing"), code: "STORE_UNAVAILABLE", level: "warn" },
  ] as const;
  for (const { where, error, code, level } of rows) {
    const { keeper, clock, opened, counts, lines, trouble } = setUp();
    trouble[where] = error;
    keeper.start();
    await looks(clock, 4);
    assert.deepEqual([counts[`faults:${code}`], lines.length, lines[0]], [3, 3, level], code);
    assert.equal(keeper.fault(), code);
    trouble[where] = undefined;
    await looks(clock, 5);
    assert.equal(opened.length, 1, code);
    assert.equal(keeper.fault(), undefined);
    await keeper.close();
  }
});

test("trouble that stays is met ever more rarely, and at least every five minutes", async () => {
  const { keeper, clock, trouble, saved } = setUp();
  trouble.crm = new Fault("CRM_SCOPE_MISSING", "testing");
  keeper.start();
  await looks(clock, 6); // At 0, 10 and 30 s.
  assert.equal(saved(), 3);
  await looks(clock, 100);
  const before = saved();
  await looks(clock, 30);
  assert.equal(saved(), before + 1);
  await keeper.close();
});

test("receivers elsewhere have time to learn a new channel's token before the CRM hears of it", async () => {
  const { keeper, clock, opened, stored } = setUp({ headStartMs: 6_000 });
  keeper.start();
  await looks(clock, 0);
  await clock.advance(0);
  assert.deepEqual([stored.size, opened.length], [1, 0]);
  await clock.advance(6_000);
  await clock.advance(0);
  assert.equal(opened.length, 1);
  await keeper.close();
});

test("a channel that another process opened is believed within seconds, and stays believed while the store is away", async () => {
  const { list, clock, stored, trouble } = setUp();
  list.start();
  await clock.advance(0);
  stored.set("1", { channelId: "1", token: "t", notifyUrl: NOTIFY_URL, events: [], openedAt: 1, expiresAt: 2 });
  await clock.advance(3_000);
  assert.equal(list.channels().length, 1);
  const before = list.channels();
  trouble.store = new Fault("STORE_UNAVAILABLE", "testing");
  await clock.advance(3_000);
  assert.equal(list.channels(), before);
  await list.close();
});

test("a list that was read before a channel was put does not undo it", async () => {
  let answer: (channels: readonly StoredChannel[]) => void = () => undefined;
  const asked = new Promise<readonly StoredChannel[]>((resolve) => {
    answer = resolve;
  });
  const list = new ChannelList({ list: () => asked }, { clock: manualClock(), log: silentLog });
  const loading = list.load();
  list.put([{ channelId: "1", token: "t", notifyUrl: NOTIFY_URL, events: [], openedAt: 1, expiresAt: 2 }]);
  answer([]);
  await loading;
  assert.equal(list.channels().length, 1);
});
