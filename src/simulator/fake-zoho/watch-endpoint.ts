import type { Clock } from "../../clock.ts";
import type { Channel, ChannelOperation, Channels } from "./channel.ts";
import { type ChannelInput, defaultExpiry, missing, readChannel } from "./channel-input.ts";
import { arrayOf, isObject, type JsonObject, parseObject } from "./json-body.ts";
import { orgTime } from "./org-time.ts";
import { cutPage } from "./paging.ts";
import { badRequest, invalidData, NO_CONTENT, ok, Refusal, type ZohoReply, type ZohoRequest } from "./reply.ts";
import type { Schema } from "./schema.ts";

/** `/actions/watch` in all its five verbs. */
export interface WatchEndpoint {
  open(request: ZohoRequest): ZohoReply;
  replace(request: ZohoRequest): ZohoReply;
  patch(request: ZohoRequest): ZohoReply;
  list(request: ZohoRequest): ZohoReply;
  drop(request: ZohoRequest): ZohoReply;
}

const ITEMS_MAX = 50;

/** Up to v3 a refused item was answered 202 (seen live); later 400, or 207 when others were good. */
const ACCEPTED_VERSION_MAX = 3;

const SUBSCRIBED = "Successfully subscribed for actions-watch of the given module";
const UPDATED = "Successfully updated the subscribe details";
const REMOVED = "Successfully removed the subscribe details";
const UNSUBSCRIBED = "Successfully un-subscribed from actions-watch";

type Item = Readonly<Record<string, unknown>>;

/** Makes the endpoint. `origin` is what resource addresses begin with. */
export function createWatchEndpoint(deps: {
  schema: Schema;
  channels: Channels;
  clock: Clock;
  origin: () => string;
}): WatchEndpoint {
  const { schema, channels, clock } = deps;

  /** Resource addresses say v2 whatever version was called: seen in live callbacks. */
  const resource = (module: string) => ({
    resource_uri: `${deps.origin()}/crm/v2/${module}`,
    resource_id: schema.module(module)?.id ?? null,
    resource_name: module,
  });

  function each(request: ZohoRequest, goodStatus: number, run: (input: ChannelInput, at: JsonPath) => Item): ZohoReply {
    const items = arrayOf(parseObject(request.body), "watch");
    if (items.length > ITEMS_MAX) throw badRequest("LIMIT_EXCEEDED", "the limit is exceeded", { limit: ITEMS_MAX });
    const done = items.map((item, index): Item => {
      try {
        if (!isObject(item)) throw invalidData({ json_path: `$.watch[${index}]`, expected_data_type: "jsonobject" });
        const context = { schema, index, version: request.version, now: clock.now() };
        return run(readChannel(item, context), (name) => ({ api_name: name, json_path: `$.watch[${index}].${name}` }));
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        return error.item();
      }
    });
    return answer(done, { goodStatus, version: request.version });
  }

  function success(channel: Channel, message: string, modules?: readonly string[]): Item {
    const events = [...(modules ?? channel.events.keys())].map((module) => ({
      ...(modules === undefined ? { channel_expiry: orgTime(channel.expiresAt) } : {}),
      ...resource(module),
      channel_id: channel.id,
    }));
    return { code: "SUCCESS", details: { events }, message, status: "success" };
  }

  /** A channel made of what was given and of defaults: what is left out is dropped. */
  function whole(input: ChannelInput, version: number, at: JsonPath): Channel {
    if (input.events === undefined) throw missing(at("events"));
    if (input.notifyUrl === undefined) throw missing(at("notify_url"));
    return {
      id: input.channelId,
      version,
      notifyUrl: input.notifyUrl,
      token: input.token ?? null,
      events: input.events,
      expiresAt: input.expiresAt ?? defaultExpiry(clock.now()),
      returnsValues: input.returnsValues ?? false,
      isToldOfRelated: input.isToldOfRelated ?? true,
      conditions: input.conditions ?? new Map(),
      conditionText: input.conditionText ?? null,
    };
  }

  return {
    open: (request) =>
      each(request, 201, (input, at) => {
        const channel = whole(input, request.version, at);
        channels.put(channel);
        return success(channel, SUBSCRIBED);
      }),
    replace: (request) =>
      each(request, 200, (input, at) => {
        if (channels.find(input.channelId) === undefined) throw notSubscribed();
        const channel = whole(input, request.version, at);
        channels.put(channel);
        return success(channel, SUBSCRIBED);
      }),
    patch: (request) =>
      each(request, 200, (input, at) => {
        const channel = channels.find(input.channelId);
        if (channel === undefined) throw notSubscribed();
        if (input.isDeletingEvents) {
          if (input.events === undefined) throw missing(at("events"));
          removeEvents(channel, input.events);
          if (channel.events.size === 0) channels.drop(channel.id);
          return success(channel, REMOVED, [...input.events.keys()]);
        }
        patchChannel(channel, input);
        return success(channel, UPDATED);
      }),
    list: (request) => {
      const wantedChannel = request.query.get("channel_id");
      const wantedModule = request.query.get("module");
      const rows = channels
        .live()
        .filter((channel) => wantedChannel === null || channel.id === wantedChannel)
        .flatMap((channel) => [...channel.events].map(([module, operations]) => ({ channel, module, operations })))
        .filter(({ module }) => wantedModule === null || module === wantedModule);
      const page = cutPage(request, rows, {});
      if (page.rows.length === 0) return NO_CONTENT;
      return ok({ watch: page.rows.map((row) => ({ ...shown(row), ...resource(row.module) })), info: page.info });
    },
    drop: (request) => {
      const text = request.query.get("channel_ids");
      if (text === null)
        throw badRequest("REQUIRED_PARAM_MISSING", "One of the expected parameter is missing", {
          param_name: "channel_ids",
        });
      const done = text.split(",").flatMap((id): Item[] => {
        const channel = channels.find(id.trim());
        if (channel === undefined) return [notSubscribed().item()];
        channels.drop(channel.id);
        return [...channel.events.keys()].map((module) => {
          const { resource_name: _name, ...place } = resource(module);
          return {
            code: "SUCCESS",
            details: { ...place, channel_id: channel.id },
            message: UNSUBSCRIBED,
            status: "success",
          };
        });
      });
      return answer(done, { goodStatus: 200, version: request.version });
    },
  };
}

type JsonPath = (name: string) => { api_name: string; json_path: string };

function notSubscribed(): Refusal {
  return badRequest("NOT_SUBSCRIBED", "Not subscribed for actions-watch of the given channel");
}

function answer(items: readonly Item[], rule: { goodStatus: number; version: number }): ZohoReply {
  const bad = items.filter((item) => item["status"] === "error").length;
  if (bad === 0) return ok({ watch: items }, rule.goodStatus);
  if (rule.version <= ACCEPTED_VERSION_MAX) return ok({ watch: items }, 202);
  return ok({ watch: items }, bad === items.length ? 400 : 207);
}

function removeEvents(channel: Channel, events: Map<string, Set<ChannelOperation>>): void {
  for (const [module, operations] of events) {
    const left = new Set([...(channel.events.get(module) ?? [])].filter((operation) => !operations.has(operation)));
    if (left.size === 0) channel.events.delete(module);
    else channel.events.set(module, left);
  }
}

/** Changes what was given and leaves the rest, the expiry included. */
function patchChannel(channel: Channel, input: ChannelInput): void {
  if (input.events !== undefined) channel.events = input.events;
  if (input.notifyUrl !== undefined) channel.notifyUrl = input.notifyUrl;
  if (input.token !== undefined) channel.token = input.token;
  if (input.expiresAt !== undefined) channel.expiresAt = input.expiresAt;
  if (input.returnsValues !== undefined) channel.returnsValues = input.returnsValues;
  if (input.isToldOfRelated !== undefined) channel.isToldOfRelated = input.isToldOfRelated;
  if (input.conditions !== undefined) {
    channel.conditions = input.conditions;
    channel.conditionText = input.conditionText;
  }
}

function shown(row: { channel: Channel; module: string; operations: Set<ChannelOperation> }): JsonObject {
  const { channel, module, operations } = row;
  return {
    notify_on_related_action: channel.isToldOfRelated,
    channel_expiry: orgTime(channel.expiresAt),
    fields: null,
    return_affected_field_values: channel.returnsValues,
    notify_url: channel.notifyUrl,
    channel_id: channel.id,
    events: [...operations].map((operation) => `${module}.${operation}`),
    token: channel.token,
    notification_condition: channel.conditionText,
  };
}
