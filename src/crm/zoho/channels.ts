import { RECORD_ID_PATTERN } from "../../account.ts";
import { assert } from "../../assert.ts";
import type { Clock } from "../../clock.ts";
import { Fault } from "../../faults.ts";
import type { ChannelDeclaration, ChannelState } from "../crm.ts";
import { parseReply, refusalIn, watchListReply, watchReply } from "./wire.ts";
import type { ApiReply, ZohoApi } from "./zoho-api.ts";
import { ZohoRefusal } from "./zoho-faults.ts";

const PATH = "/actions/watch";
const PER_PAGE = 200;
/** Pages of channels that are read: 10,000 rows of channel and module. */
const PAGES_MAX = 50;
/** Life that Zoho gives when it does not say: its default. */
const LIFE_MS_DEFAULT = 3_600_000;
/** Zoho answers items it refused with 400, and has answered 202. */
const ACCEPT = [400];

/** What keeping channels needs. */
export interface ChannelsDeps {
  readonly api: ZohoApi;
  readonly clock: Clock;
}

/**
 * Sets a channel with all its settings, and opens it if it is not there. `PUT` goes first because its answer for an unknown
 * channel is documented (NOT_SUBSCRIBED), while what `POST` does with an existing one is not.
 */
export async function openChannel(
  deps: ChannelsDeps,
  declaration: ChannelDeclaration,
  signal: AbortSignal,
): Promise<ChannelState> {
  const doing = "opening a channel";
  assert(RECORD_ID_PATTERN.test(declaration.channelId), "a channel id is decimal");
  const body = { watch: [watchItem(declaration)] };
  const send = (method: "PUT" | "POST") =>
    deps.api.call({ method, path: PATH, body, kind: "channels", doing, isRead: false, accept: ACCEPT }, signal);
  const put = await send("PUT");
  if (refusedWith(put, doing) !== "NOT_SUBSCRIBED") return await granted(deps, { declaration, reply: put }, signal);
  const posted = await send("POST");
  const isThereNow = refusedWith(posted, doing) === "DUPLICATE_DATA"; // Opened by another process meanwhile.
  return await granted(deps, { declaration, reply: isThereNow ? await send("PUT") : posted }, signal);
}

/** All channels of the signed-in user. Zoho lists one row per channel and module. */
export async function listChannels(deps: ChannelsDeps, signal: AbortSignal): Promise<readonly ChannelState[]> {
  const doing = "listing channels";
  const channels = new Map<string, ChannelState>();
  for (let page = 1; page <= PAGES_MAX; page += 1) {
    const query = { page: String(page), per_page: String(PER_PAGE) };
    const reply = await deps.api.call(
      { method: "GET", path: PATH, query, kind: "channels", doing, isRead: true },
      signal,
    );
    if (reply.body === undefined) break;
    const { watch, info } = parseReply(watchListReply, reply.body, doing);
    for (const row of watch) {
      const known = channels.get(row.channel_id);
      const expiresAt = Date.parse(row.channel_expiry ?? "");
      channels.set(row.channel_id, {
        channelId: row.channel_id,
        expiresAt: Math.min(known?.expiresAt ?? Infinity, Number.isNaN(expiresAt) ? Infinity : expiresAt),
        notifyUrl: row.notify_url ?? known?.notifyUrl ?? "",
        events: [...new Set([...(known?.events ?? []), ...(row.events ?? [])])],
      });
    }
    if (info?.more_records !== true) break;
  }
  // A channel without an expiry is taken to end soon, so that it is looked after.
  const now = deps.clock.now();
  return [...channels.values()].map((channel) =>
    channel.expiresAt === Infinity ? { ...channel, expiresAt: now + LIFE_MS_DEFAULT } : channel,
  );
}

/** Closes a channel; one that is not there is closed already. */
export async function closeChannel(deps: ChannelsDeps, channelId: string, signal: AbortSignal): Promise<void> {
  const doing = "closing a channel";
  assert(RECORD_ID_PATTERN.test(channelId), "a channel id is decimal");
  const query = { channel_ids: channelId };
  const reply = await deps.api.call(
    { method: "DELETE", path: PATH, query, kind: "channels", doing, isRead: false, accept: ACCEPT },
    signal,
  );
  const code = refusedWith(reply, doing);
  if (code !== undefined && code !== "NOT_SUBSCRIBED") throw refusedFault(reply.status, code, doing);
}

function watchItem(declaration: ChannelDeclaration) {
  return {
    channel_id: declaration.channelId,
    events: declaration.events,
    notify_url: declaration.notifyUrl,
    token: declaration.token,
    channel_expiry: zohoTime(declaration.expiresAt),
    notify_on_related_action: false, // True would announce an account for each change of its contacts as well.
    return_affected_field_values: true,
  };
}

/** Zoho refuses times with milliseconds. */
function zohoTime(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19)}+00:00`;
}

/** Zoho's code of the first item that was refused, or of the whole request; undefined when all was done. */
function refusedWith(reply: ApiReply, doing: string): string | undefined {
  if (reply.body === undefined) return undefined;
  const wrapped = watchReply.safeParse(reply.body);
  if (wrapped.success) return wrapped.data.watch.find((item) => item.code !== "SUCCESS")?.code;
  const flat = refusalIn(reply.body)?.code;
  if (flat === undefined) throw new Fault("CRM_REPLY_INVALID", doing);
  return flat === "SUCCESS" ? undefined : flat;
}

async function granted(
  deps: ChannelsDeps,
  opened: { readonly declaration: ChannelDeclaration; readonly reply: ApiReply },
  signal: AbortSignal,
): Promise<ChannelState> {
  const doing = "opening a channel";
  const { declaration, reply } = opened;
  const code = refusedWith(reply, doing);
  if (code !== undefined) throw refusedFault(reply.status, code, doing);
  const { channelId, notifyUrl, events } = declaration;
  const expiries = reply.body === undefined ? [] : expiriesIn(parseReply(watchReply, reply.body, doing));
  if (expiries.length > 0) return { channelId, notifyUrl, events, expiresAt: Math.min(...expiries) };
  const listed = (await listChannels(deps, signal)).find((channel) => channel.channelId === channelId);
  return { channelId, notifyUrl, events, expiresAt: listed?.expiresAt ?? deps.clock.now() + LIFE_MS_DEFAULT };
}

function expiriesIn(reply: ReturnType<typeof watchReply.parse>): readonly number[] {
  return reply.watch
    .flatMap((item) => item.details?.events ?? [])
    .map((event) => Date.parse(event.channel_expiry ?? ""))
    .filter((expiresAt) => !Number.isNaN(expiresAt));
}

function refusedFault(status: number, code: string, doing: string): Fault {
  const refusal = new ZohoRefusal(status, code);
  return new Fault("CRM_REQUEST_REFUSED", doing, { cause: refusal, detail: refusal.message });
}
