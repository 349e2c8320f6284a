import type { Clock } from "../../clock.ts";
import { type Random, randomSecret } from "../../random.ts";
import { type Mischief, MULTI_ID_MAX } from "../mischief.ts";
import type { Behaviour } from "./behaviour.ts";
import { type Channel, type ChannelOperation, type Channels, isMet } from "./channel.ts";
import type { Courier } from "./courier.ts";
import { chance, pick } from "./pick.ts";
import type { RecordChange } from "./record.ts";
import { renderField, renderUser } from "./rendering.ts";
import type { Store } from "./store.ts";

/** Turns changes into callbacks on the channels that watch them. */
export interface Notifier {
  changed(change: RecordChange): void;
  /** Callbacks being gathered. */
  readonly gathering: number;
  close(): void;
}

type Operation = RecordChange["operation"];

/** Subscriptions say create and edit where callbacks say insert and update. */
const WATCHED: Readonly<Record<Operation, ChannelOperation>> = { insert: "create", update: "edit", delete: "delete" };

/** Longest wait for a callback that gathers many ids. */
const MULTI_ID_MS = 1000;

/** A callback that is being gathered. */
interface Gathering {
  readonly channel: Channel;
  readonly module: string;
  readonly operation: Operation;
  serverTime: number;
  readonly fields: Map<string, Set<string>>;
  readonly values: Map<string, Record<string, unknown>>;
}

/** Makes a notifier. */
export function createNotifier(deps: {
  store: Store;
  channels: Channels;
  courier: Courier;
  clock: Clock;
  random: Random;
  mischief: Mischief;
  behaviour: Behaviour;
  origin: () => string;
}): Notifier {
  const { store, channels, courier, clock, random, mischief, behaviour } = deps;
  const gathered = new Map<string, Gathering>();
  const closing = new AbortController();

  function gather(channel: Channel, change: RecordChange): void {
    const key = `${channel.id}|${change.module}|${change.operation}`;
    const known = gathered.get(key);
    const gathering: Gathering = known ?? {
      channel,
      module: change.module,
      operation: change.operation,
      serverTime: change.at,
      fields: new Map(),
      values: new Map(),
    };
    gathering.serverTime = Math.max(gathering.serverTime, change.at);
    gathering.fields.set(change.id, new Set([...(gathering.fields.get(change.id) ?? []), ...change.fields]));
    gathering.values.set(change.id, { ...gathering.values.get(change.id), ...valuesOf(store, change) });

    const idsMax = mischief.multiId > 0 ? Math.min(mischief.multiId, MULTI_ID_MAX) : behaviour.callbackIdsMax;
    if (gathering.fields.size >= idsMax) flush(key, gathering);
    else if (known === undefined) wait(key, gathering);
  }

  /** The first change of a callback starts its window. */
  function wait(key: string, gathering: Gathering): void {
    gathered.set(key, gathering);
    const waitMs = mischief.multiId > 0 ? MULTI_ID_MS : behaviour.coalesceMs;
    void clock.sleep(waitMs, closing.signal).then(
      () => gathered.get(key) === gathering && flush(key, gathering),
      () => undefined,
    );
  }

  function flush(key: string, gathering: Gathering): void {
    gathered.delete(key);
    courier.send({
      url: gathering.channel.notifyUrl,
      body: JSON.stringify(callbackBody(gathering, deps)),
      headers: { "content-type": "application/json;charset=UTF-8" },
    });
  }

  /** A channel on Accounts is told as well when a contact or deal of an account changes. The shape is unverified. */
  function related(change: RecordChange): void {
    const isChild = change.module === "Contacts" || change.module === "Deals";
    const accountId = isChild ? change.record.fields["Account_Name"] : undefined;
    if (typeof accountId === "string") announceAccount(accountId, change.at, (channel) => channel.isToldOfRelated);
    if (!chance(random, mischief.relatedAction) || store.count("Accounts") === 0) return;
    announceAccount(pick(random, [...store.all("Accounts")]).id, change.at, () => true);
  }

  function announceAccount(id: string, at: number, isTold: (channel: Channel) => boolean): void {
    const record = store.find("Accounts", id);
    if (record === undefined) return;
    const change: RecordChange = { module: "Accounts", id, operation: "update", fields: [], record, at };
    for (const channel of channels.live())
      if (channel.events.get("Accounts")?.has("edit") === true && isTold(channel)) gather(channel, change);
  }

  return {
    changed: (change) => {
      for (const channel of channels.live()) if (isWatched(channel, change)) gather(channel, change);
      related(change);
    },
    get gathering() {
      return gathered.size;
    },
    close: () => closing.abort(new Error("the simulator closes")),
  };
}

function isWatched(channel: Channel, change: RecordChange): boolean {
  if (channel.events.get(change.module)?.has(WATCHED[change.operation]) !== true) return false;
  const condition = channel.conditions.get(change.module);
  return condition === undefined || change.operation === "delete" || isMet(condition, change.fields);
}

/** Values of what changed. A delete is shaped like an update of who and what. */
function valuesOf(store: Store, change: RecordChange): Record<string, unknown> {
  if (change.operation === "delete")
    return { Modified_By: renderUser(store, change.record.modifiedById), Record_Status__s: 0 };
  const fields = store.schema.module(change.module)?.fields;
  return Object.fromEntries(
    change.fields.flatMap((name) => {
      const field = fields?.get(name);
      return field === undefined ? [] : [[name, renderField(store, change.record, { field, isCut: false })]];
    }),
  );
}

/** The callback's body, in the key order of live captures. */
function callbackBody(
  gathering: Gathering,
  deps: { random: Random; mischief: Mischief; origin: () => string },
): Record<string, unknown> {
  const { channel, module, operation } = gathering;
  const { random, mischief } = deps;
  const ids = [...gathering.fields.keys()];
  const affectedFields =
    operation === "insert" ? [] : ids.map((id) => ({ [id]: [...(gathering.fields.get(id) ?? [])] }));
  const affectedValues = ids.map((id) => ({ record_id: id, values: gathering.values.get(id) ?? {} }));
  let token = channel.token;
  if (chance(random, mischief.nullToken)) token = null;
  if (chance(random, mischief.wrongToken)) token = randomSecret(16);
  return {
    ...(channel.version >= 3 ? { server_time: gathering.serverTime } : {}),
    ...(channel.returnsValues ? { affected_values: affectedValues } : {}),
    query_params: queryParams(channel.notifyUrl),
    module,
    resource_uri: `${deps.origin()}/crm/v2/${module}`,
    ids,
    affected_fields: affectedFields,
    operation: chance(random, mischief.unknownOperation) ? "convert" : operation,
    channel_id: channel.id,
    token,
  };
}

function queryParams(url: string): Record<string, string> {
  return URL.canParse(url) ? Object.fromEntries(new URL(url).searchParams) : {};
}
