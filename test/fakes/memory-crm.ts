import {
  type AccountKey,
  accountIdOf,
  accountKey,
  type ChildRecord,
  type CrmRecord,
  type FieldValue,
  type RecordRef,
  recordKey,
} from "../../src/account.ts";
import type { Clock } from "../../src/clock.ts";
import type { AccountRead, ChannelDeclaration, ChannelState, Crm, ParentRead } from "../../src/crm/crm.ts";
import type { Fault } from "../../src/faults.ts";

/** Fields by API name. Lookups are `{ id, name }`; activities carry `$se_module` beside `What_Id`. */
export type MemoryFields = Readonly<Record<string, FieldValue>>;

/** How often the port was called, and for how much. */
export interface MemoryCrmCalls {
  readAccounts: number;
  accountsRead: number;
  readParents: number;
  parentsRead: number;
  channels: number;
  probes: number;
}

/** A Crm in the process's memory, without latency, with switches for its failures. */
export interface MemoryCrm extends Crm {
  /** Puts a record with exactly these fields. */
  put(module: string, recordId: string, fields: MemoryFields): void;
  /** Changes some fields of a record that is there. */
  change(module: string, recordId: string, fields: MemoryFields): void;
  /** Puts a contact, deal or custom record under another account, or under none. */
  move(module: string, recordId: string, accountId: string | null): void;
  /** Deletes a record. Its children stay, with what they point to gone. */
  delete(module: string, recordId: string): void;
  readonly accountIds: readonly string[];
  readonly calls: MemoryCrmCalls;
  /** Thrown by every call while it is set. */
  outage: Fault | undefined;
  /** Outcome of single accounts, by id, while set. */
  readonly failingAccounts: Map<string, Fault>;
}

/** What the fake is built with. */
export interface MemoryCrmOptions {
  readonly clock: Clock;
  /** Custom module → API name of its lookup to Accounts. */
  readonly customModules?: Readonly<Record<string, string>>;
}

const ACTIVITIES: readonly string[] = ["Tasks", "Events", "Calls"];

/** Makes an empty CRM. */
export function memoryCrm(options: MemoryCrmOptions): MemoryCrm {
  const world = new World(options.customModules ?? {});
  const channels = new Map<string, ChannelState>();
  const calls = { readAccounts: 0, accountsRead: 0, readParents: 0, parentsRead: 0, channels: 0, probes: 0 };
  const failingAccounts = new Map<string, Fault>();
  const enter = (signal: AbortSignal) => {
    signal.throwIfAborted();
    if (crm.outage !== undefined) throw crm.outage;
  };
  const read = (account: AccountKey, readAt: number): AccountRead => {
    const accountId = accountIdOf(account);
    const fault = failingAccounts.get(accountId);
    if (fault !== undefined) return { outcome: "failed", fault };
    const record = world.record({ module: "Accounts", recordId: accountId });
    if (record === undefined) return { outcome: "absent" };
    return { outcome: "found", snapshot: { account, record, children: world.childrenOf(accountId), readAt } };
  };
  const crm: MemoryCrm = {
    outage: undefined,
    failingAccounts,
    calls,
    get accountIds() {
      return world.idsOf("Accounts");
    },
    put: (module, recordId, fields) => world.put({ module, recordId }, fields),
    change: (module, recordId, fields) => {
      const ref = { module, recordId };
      world.put(ref, { ...world.fieldsOf(ref), ...fields });
    },
    move: (module, recordId, accountId) => {
      const ref = { module, recordId };
      const link = accountId === null ? null : { id: accountId, name: world.nameOf(accountId) };
      world.put(ref, { ...world.fieldsOf(ref), [world.linkOf(module)]: link });
    },
    delete: (module, recordId) => world.delete({ module, recordId }),
    async readAccounts(accounts, signal) {
      enter(signal);
      calls.readAccounts += 1;
      calls.accountsRead += accounts.length;
      const readAt = options.clock.now();
      return new Map(accounts.map((account) => [account, read(account, readAt)]));
    },
    async readParents(records, signal) {
      enter(signal);
      calls.readParents += 1;
      calls.parentsRead += records.length;
      return new Map(records.map((record) => [recordKey(record), world.parentOf(record)]));
    },
    async openChannel(declaration: ChannelDeclaration, signal) {
      enter(signal);
      calls.channels += 1;
      const { channelId, events, notifyUrl, expiresAt } = declaration;
      const granted = { channelId, events, notifyUrl, expiresAt };
      channels.set(channelId, granted);
      return granted;
    },
    async listChannels(signal) {
      enter(signal);
      calls.channels += 1;
      return [...channels.values()].filter((channel) => channel.expiresAt > options.clock.now());
    },
    async closeChannel(channelId, signal) {
      enter(signal);
      calls.channels += 1;
      channels.delete(channelId);
    },
    async probe(signal) {
      calls.probes += 1;
      enter(signal);
    },
  };
  return crm;
}

interface Stored {
  readonly ref: RecordRef;
  readonly fields: MemoryFields;
  readonly record: CrmRecord;
}

/** Records, and for each record the ones that point to it, so that reading an account does not search. */
class World {
  readonly #links: Readonly<Record<string, string>>;
  readonly #records = new Map<string, Stored>();
  readonly #pointers = new Map<string, Map<string, Stored>>();

  constructor(customModules: Readonly<Record<string, string>>) {
    this.#links = { Contacts: "Account_Name", Deals: "Account_Name", ...customModules };
  }

  put(ref: RecordRef, fields: MemoryFields): void {
    this.delete(ref);
    const kept = Object.entries(fields).filter(([name]) => name !== "id" && !name.startsWith("$"));
    const modified = fields["Modified_Time"];
    const modifiedAt = typeof modified === "string" ? Date.parse(modified) : Number.NaN;
    const record: CrmRecord = {
      id: ref.recordId,
      fields: Object.fromEntries(kept),
      ...(Number.isNaN(modifiedAt) ? {} : { modifiedAt }),
    };
    const stored = { ref, fields, record };
    this.#records.set(recordKey(ref), stored);
    for (const target of this.#targetsOf(stored)) {
      const pointers = this.#pointers.get(target) ?? new Map<string, Stored>();
      this.#pointers.set(target, pointers.set(recordKey(ref), stored));
    }
  }

  delete(ref: RecordRef): void {
    const stored = this.#records.get(recordKey(ref));
    if (stored === undefined) return;
    this.#records.delete(recordKey(ref));
    for (const target of this.#targetsOf(stored)) this.#pointers.get(target)?.delete(recordKey(ref));
  }

  record(ref: RecordRef): CrmRecord | undefined {
    return this.#records.get(recordKey(ref))?.record;
  }

  fieldsOf(ref: RecordRef): MemoryFields {
    const stored = this.#records.get(recordKey(ref));
    if (stored === undefined) throw new Error(`${recordKey(ref)} is not there`);
    return stored.fields;
  }

  nameOf(accountId: string): string {
    const name = this.record({ module: "Accounts", recordId: accountId })?.fields["Account_Name"];
    return typeof name === "string" ? name : "";
  }

  linkOf(module: string): string {
    const link = this.#links[module];
    if (link === undefined) throw new Error(`${module} hangs on no account by itself`);
    return link;
  }

  idsOf(module: string): readonly string[] {
    return [...this.#records.values()].filter(({ ref }) => ref.module === module).map(({ ref }) => ref.recordId);
  }

  /** Direct children, and what points to these. */
  childrenOf(accountId: string): readonly ChildRecord[] {
    const children = new Map<string, ChildRecord>();
    const pointing = (id: string) => [...(this.#pointers.get(id)?.values() ?? [])];
    const direct = pointing(accountId);
    const between = direct.filter(({ ref }) => ref.module === "Contacts" || ref.module === "Deals");
    for (const stored of [...direct, ...between.flatMap(({ ref }) => pointing(ref.recordId))]) {
      const found = this.#belongsTo(stored);
      if (found?.accountId !== accountId) continue;
      const parent = found.via === undefined ? {} : { parent: found.via };
      children.set(recordKey(stored.ref), { ...stored.record, module: stored.ref.module, ...parent });
    }
    return [...children.values()];
  }

  parentOf(ref: RecordRef): ParentRead {
    if (ref.module === "Accounts") return { outcome: "found", accounts: [accountKey(ref.recordId)] };
    const stored = this.#records.get(recordKey(ref));
    if (stored === undefined) return { outcome: "absent" };
    const found = this.#belongsTo(stored);
    return { outcome: "found", accounts: found === undefined ? [] : [accountKey(found.accountId)] };
  }

  #belongsTo(stored: Stored): { readonly accountId: string; readonly via?: RecordRef } | undefined {
    const { ref, fields } = stored;
    if (ref.module === "Notes") return this.#leadsTo(idIn(fields["Parent_Id"]));
    if (ACTIVITIES.includes(ref.module)) {
      return this.#leadsTo(idIn(fields["What_Id"])) ?? this.#leadsTo(idIn(fields["Who_Id"]));
    }
    const accountId = idIn(fields[this.#links[ref.module] ?? ""]);
    return accountId === undefined ? undefined : { accountId };
  }

  #leadsTo(id: string | undefined): { readonly accountId: string; readonly via?: RecordRef } | undefined {
    if (id === undefined) return undefined;
    if (this.#records.has(`Accounts/${id}`)) return { accountId: id };
    for (const module of ["Deals", "Contacts"]) {
      const accountId = idIn(this.#records.get(`${module}/${id}`)?.fields["Account_Name"]);
      if (accountId !== undefined) return { accountId, via: { module, recordId: id } };
    }
    return undefined;
  }

  #targetsOf({ ref, fields }: Stored): readonly string[] {
    const links = ref.module === "Notes" ? ["Parent_Id"] : ACTIVITIES.includes(ref.module) ? ["What_Id", "Who_Id"] : [];
    const own = this.#links[ref.module];
    const names = own === undefined ? links : [own];
    return names.map((name) => idIn(fields[name])).filter((id) => id !== undefined);
  }
}

function idIn(value: FieldValue | undefined): string | undefined {
  return typeof value === "object" && value !== null && "id" in value ? value.id : undefined;
}
