/** What a channel listens to in one module. */
export type ChannelOperation = "create" | "edit" | "delete";

/** A condition on the fields that changed: a field, or a group of conditions. */
export type FieldSelection =
  | { readonly field: string }
  | { readonly operator: "and" | "or"; readonly group: readonly FieldSelection[] };

/** One notification channel. */
export interface Channel {
  readonly id: string;
  notifyUrl: string;
  token: string | null;
  /** Operations by module. */
  events: Map<string, Set<ChannelOperation>>;
  /** Epoch milliseconds. */
  expiresAt: number;
  returnsValues: boolean;
  isToldOfRelated: boolean;
  /** Conditions by module, and the text they came as. */
  conditions: Map<string, FieldSelection>;
  conditionText: unknown;
  /** API version that it was opened with: v2 callbacks have no `server_time`. */
  readonly version: number;
}

/** The channels of the org's user. Expired ones are dropped, as Zoho does without a word. */
export interface Channels {
  live(): readonly Channel[];
  find(id: string): Channel | undefined;
  put(channel: Channel): void;
  drop(id: string): boolean;
}

/** Makes an empty set of channels. */
export function createChannels(now: () => number): Channels {
  const kept = new Map<string, Channel>();
  const channels: Channels = {
    live: () => {
      for (const channel of kept.values()) if (channel.expiresAt <= now()) kept.delete(channel.id);
      return [...kept.values()];
    },
    find: (id) => channels.live().find((channel) => channel.id === id),
    put: (channel) => void kept.set(channel.id, channel),
    drop: (id) => kept.delete(id),
  };
  return channels;
}

/** True when the fields that changed meet the selection. */
export function isMet(selection: FieldSelection, changed: readonly string[]): boolean {
  if ("field" in selection) return changed.includes(selection.field);
  return selection.operator === "and"
    ? selection.group.every((part) => isMet(part, changed))
    : selection.group.some((part) => isMet(part, changed));
}
