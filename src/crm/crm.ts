import type { AccountKey, AccountSnapshot, RecordRef } from "../account.ts";
import type { Fault } from "../faults.ts";

/** What reading one account gave. `absent` was verified by id: deleted, merged away or never there. */
export type AccountRead =
  | { readonly outcome: "found"; readonly snapshot: AccountSnapshot }
  | { readonly outcome: "absent" }
  | { readonly outcome: "failed"; readonly fault: Fault };

/** The accounts that a record concerns now. Empty when it has none or is gone. */
export type ParentRead =
  | { readonly outcome: "found"; readonly accounts: readonly AccountKey[] }
  | { readonly outcome: "absent" }
  | { readonly outcome: "failed"; readonly fault: Fault };

/** What a channel should be. */
export interface ChannelDeclaration {
  readonly channelId: string;
  /** `Module.create`, `Module.edit`, `Module.delete`. */
  readonly events: readonly string[];
  readonly notifyUrl: string;
  /** Echoed in every callback; at most 50 characters. */
  readonly token: string;
  readonly expiresAt: number;
}

/** A channel as the CRM says it exists. */
export interface ChannelState {
  readonly channelId: string;
  readonly expiresAt: number;
  readonly notifyUrl: string;
  readonly events: readonly string[];
}

/**
 * The source of truth. Reads are batched: a call serves many records. Throws a Fault (CRM_…) when the CRM as a whole
 * cannot be used; trouble with one record is an outcome of its own.
 */
export interface Crm {
  /** Whole accounts as they are now; one entry per key asked for. */
  readAccounts(accounts: readonly AccountKey[], signal: AbortSignal): Promise<ReadonlyMap<AccountKey, AccountRead>>;
  /** The accounts that records belong to now; keyed by `recordKey`, one entry per record asked for. */
  readParents(records: readonly RecordRef[], signal: AbortSignal): Promise<ReadonlyMap<string, ParentRead>>;
  /** Opens a channel, or sets an open one anew. Returns what the CRM granted. */
  openChannel(declaration: ChannelDeclaration, signal: AbortSignal): Promise<ChannelState>;
  /** The channels that exist now, ours and foreign ones. */
  listChannels(signal: AbortSignal): Promise<readonly ChannelState[]>;
  closeChannel(channelId: string, signal: AbortSignal): Promise<void>;
  /** Cheapest call that proves that the CRM answers us; throws the fault that stands in the way. */
  probe(signal: AbortSignal): Promise<void>;
}
