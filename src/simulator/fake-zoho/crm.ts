import { assert } from "../../assert.ts";
import type { Clock } from "../../clock.ts";
import type { Random } from "../../random.ts";
import type { Actions } from "./actions.ts";
import type { Place, StoredFields, StoredRecord } from "./record.ts";
import { renderRecord } from "./rendering.ts";
import type { FieldMeta, ModuleDeclaration } from "./schema.ts";
import type { SignedNotes } from "./signed-notes.ts";
import type { Store } from "./store.ts";
import { workStep } from "./workday.ts";

/** A record as the REST API would show it in full. */
export type ShownRecord = Readonly<Record<string, unknown>>;

/** Everything that belongs to one account, in full: what a client should end up knowing. */
export interface AccountTruth {
  readonly account: ShownRecord;
  readonly contacts: readonly ShownRecord[];
  readonly deals: readonly ShownRecord[];
  readonly tasks: readonly ShownRecord[];
  readonly events: readonly ShownRecord[];
  readonly calls: readonly ShownRecord[];
  readonly notes: readonly ShownRecord[];
}

/** Direct access to the simulated CRM, for programs in the same process. Changes are announced like those of any user. */
export interface SimulatedCrm {
  /** Lookups are bare ids; a polymorphic one has its module in `$se_module`. Gives the new id. */
  create(module: string, fields: StoredFields): string;
  /** False when there is no such record. */
  update(module: string, id: string, fields: StoredFields): boolean;
  delete(module: string, id: string): boolean;
  restore(module: string, id: string): boolean;
  purge(module: string, id: string): boolean;
  merge(module: string, masterId: string, loserIds: readonly string[]): boolean;
  addNote(parent: Place, content: string, title?: string): string;
  /** Moves a contact or deal to another account, or to none. */
  move(module: "Contacts" | "Deals", id: string, accountId: string | null): boolean;
  /** One plausible change of a sales team, as a readable line. */
  workday(random?: Random): string;
  ids(module: string): readonly string[];
  count(module: string): number;
  read(module: string, id: string): ShownRecord | undefined;
  truth(accountId: string): AccountTruth | undefined;
  setSignedNotes(target: SignedNotes | null): void;
  addModule(declaration: ModuleDeclaration): void;
  addField(module: string, field: FieldMeta): void;
}

/** Makes the direct access. */
export function createSimulatedCrm(deps: {
  store: Store;
  actions: Actions;
  clock: Clock;
  random: Random;
  setSignedNotes: (target: SignedNotes | null) => void;
}): SimulatedCrm {
  const { store, actions } = deps;
  const show = (record: StoredRecord): ShownRecord => renderRecord(store, record, { isCut: false });
  return {
    create: (module, fields) => {
      assert(store.schema.module(module) !== undefined, `the simulated CRM has a module ${module}`);
      return store.insert(module, fields).id;
    },
    update: (module, id, fields) => store.update({ module, id }, fields),
    delete: (module, id) => actions.remove({ module, id }),
    restore: (module, id) => actions.restore({ module, id }),
    purge: (module, id) => actions.purge({ module, id }),
    merge: (module, masterId, loserIds) =>
      actions.merge(
        { module, id: masterId },
        loserIds.map((id) => ({ id, fields: ["Website", "Phone"] })),
      ),
    addNote: (parent, content, title) =>
      store.insert("Notes", {
        Note_Title: title ?? null,
        Note_Content: content,
        Parent_Id: parent.id,
        $se_module: parent.module,
      }).id,
    move: (module, id, accountId) => store.update({ module, id }, { Account_Name: accountId }),
    workday: (random) => workStep(deps, random ?? deps.random),
    ids: (module) => [...store.all(module)].map((record) => record.id),
    count: (module) => store.count(module),
    read: (module, id) => {
      const record = store.find(module, id);
      return record === undefined ? undefined : show(record);
    },
    truth: (accountId) => truthOf(store, accountId, show),
    setSignedNotes: deps.setSignedNotes,
    addModule: (declaration) => store.schema.addModule(declaration),
    addField: (module, field) => store.schema.addField(module, field),
  };
}

/**
 * What belongs to an account: its contacts and deals; activities on it or on its deals, else on its contacts when they hang on
 * nothing else; notes on any of account, contacts and deals.
 */
function truthOf(
  store: Store,
  accountId: string,
  show: (record: StoredRecord) => ShownRecord,
): AccountTruth | undefined {
  const account = store.find("Accounts", accountId);
  if (account === undefined) return undefined;
  const contacts = store.linked("Contacts", "Account_Name", accountId);
  const deals = store.linked("Deals", "Account_Name", accountId);
  const places = [account, ...contacts, ...deals];
  const activities = (module: string) => {
    const onPlace = [account, ...deals].flatMap((place) =>
      store.linked(module, "What_Id", place.id).filter((record) => record.fields["$se_module"] === place.module),
    );
    const onContact = contacts.flatMap((contact) =>
      store.linked(module, "Who_Id", contact.id).filter((record) => record.fields["What_Id"] == null),
    );
    return [...onPlace, ...onContact].map(show);
  };
  const notes = places.flatMap((place) =>
    store.linked("Notes", "Parent_Id", place.id).filter((record) => record.fields["$se_module"] === place.module),
  );
  return {
    account: show(account),
    contacts: contacts.map(show),
    deals: deals.map(show),
    tasks: activities("Tasks"),
    events: activities("Events"),
    calls: activities("Calls"),
    notes: notes.map(show),
  };
}
