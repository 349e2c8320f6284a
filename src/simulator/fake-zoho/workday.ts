import type { Clock } from "../../clock.ts";
import type { Random } from "../../random.ts";
import type { Actions } from "./actions.ts";
import { between, chance, pick } from "./pick.ts";
import type { Place, StoredFields, StoredRecord } from "./record.ts";
import { activity } from "./seed.ts";
import { accountFields, contactFields, description, type Scene } from "./seed-people.ts";
import * as words from "./seed-words.ts";
import { dealFields, noteFields } from "./seed-work.ts";
import type { Store } from "./store.ts";

/** What one step of the sales team's day may be, and how often out of the sum. */
const WEIGHTS = {
  editAccount: 18,
  moveDeal: 16,
  addContact: 8,
  editContact: 8,
  moveContact: 3,
  addActivity: 14,
  closeTask: 8,
  addNote: 14,
  editNote: 2,
  addDeal: 4,
  deleteContact: 1.5,
  mergeAccounts: 0.5,
  deleteAccount: 0.5,
  addAccount: 1.5,
  bulkEdit: 1,
} as const;

type Step = keyof typeof WEIGHTS;

/** Most records of one bulk edit. */
const BULK_MAX = 40;

/** Fewer accounts than this are not merged or deleted: the org would die out in a long run. */
const ACCOUNTS_MIN = 5;

/** Does one plausible thing a sales team does, and says in one line what it did. */
export function workStep(deps: { store: Store; actions: Actions; clock: Clock }, random: Random): string {
  const { store, actions } = deps;
  const sample = createSample(store, random);
  const actorId = pick(random, store.users.slice(0, -1)).id;
  const by = { actorId };
  const account = sample("Accounts");
  if (account === undefined) return addAccount();
  const scene = sceneOf(account);

  function sceneOf(record: StoredRecord): Scene {
    const owner = store.users.find((user) => user.id === record.ownerId)?.name ?? "the owner";
    const made = accountFields(random, owner, deps.clock.now()).scene;
    made.account = String(record.fields["Account_Name"]);
    made.contact = nameOf(linkedTo("Contacts", record.id)[0]) ?? made.contact;
    made.deal = nameOf(linkedTo("Deals", record.id)[0]) ?? made.deal;
    return made;
  }
  function linkedTo(module: string, accountId: string): readonly StoredRecord[] {
    return store.linked(module, "Account_Name", accountId);
  }
  function nameOf(record: StoredRecord | undefined): string | undefined {
    const value = record?.fields[record === undefined ? "" : (store.schema.module(record.module)?.nameField ?? "")];
    return typeof value === "string" ? value : undefined;
  }
  function addAccount(): string {
    const made = accountFields(random, pick(random, store.users).name, deps.clock.now());
    const record = store.insert("Accounts", made.fields, by);
    return `new account ${made.scene.account} (${record.id})`;
  }
  function change(record: StoredRecord | undefined, fields: StoredFields): string {
    if (record === undefined) return addAccount();
    store.update(record, fields, by);
    return `${record.module} ${nameOf(record)} (${record.id}): ${Object.keys(fields).join(", ")} changed`;
  }
  function add(module: string, fields: StoredFields): string {
    const record = store.insert(module, fields, by);
    return `new in ${module}: ${nameOf(record) ?? "untitled"} (${record.id}) for ${scene.account}`;
  }

  const places = (): Place[] => [account, ...linkedTo("Deals", account.id), ...linkedTo("Contacts", account.id)];
  const steps: Record<Step, () => string> = {
    editAccount: () => change(account, accountEdit(random, scene)),
    moveDeal: () => change(sample("Deals"), dealMove(random)),
    addContact: () => add("Contacts", contactFields(scene, account.id)),
    editContact: () =>
      change(sample("Contacts"), { Title: pick(random, words.TITLES), Department: pick(random, words.DEPARTMENTS) }),
    moveContact: () => change(sample("Contacts"), { Account_Name: account.id }),
    addActivity: () => {
      const whoId = linkedTo("Contacts", account.id)[0]?.id ?? null;
      const what = pick(
        random,
        places().filter((place) => place.module !== "Contacts"),
      );
      return add(...activity(scene, { what, whoId: chance(random, 0.5) ? whoId : null }));
    },
    closeTask: () => change(sample("Tasks"), { Status: "Completed" }),
    addNote: () => add("Notes", noteFields(scene, pick(random, places()))),
    editNote: () => change(sample("Notes"), { Note_Content: `${description(scene)} (corrected)` }),
    addDeal: () => add("Deals", dealFields(scene, account.id, linkedTo("Contacts", account.id)[0]?.id ?? null)),
    deleteContact: () => remove(sample("Contacts")),
    mergeAccounts: () => {
      const loser = sample("Accounts");
      if (loser === undefined || loser.id === account.id || store.count("Accounts") < ACCOUNTS_MIN) return addAccount();
      actions.merge(account, [{ id: loser.id, fields: ["Website"] }], by);
      return `account ${nameOf(loser)} (${loser.id}) merged into ${scene.account} (${account.id})`;
    },
    deleteAccount: () => (store.count("Accounts") < ACCOUNTS_MIN ? addAccount() : remove(account)),
    addAccount,
    bulkEdit: () => {
      const records = [...store.all("Accounts")].slice(0, between(random, 2, BULK_MAX));
      const rating = pick(random, words.RATINGS);
      for (const record of records) store.update(record, { Rating: rating }, by);
      return `bulk edit: Rating of ${records.length} accounts set to ${rating}`;
    },
  };
  function remove(record: StoredRecord | undefined): string {
    if (record === undefined) return addAccount();
    actions.remove(record, by);
    return `${record.module} ${nameOf(record)} (${record.id}) deleted`;
  }
  return steps[chooseStep(random)]();
}

function chooseStep(random: Random): Step {
  // Object.keys of a literal record gives exactly its keys.
  const names = Object.keys(WEIGHTS) as Step[];
  const sum = names.reduce((total, name) => total + WEIGHTS[name], 0);
  let left = random.next() * sum;
  for (const name of names) {
    left -= WEIGHTS[name];
    if (left < 0) return name;
  }
  return "editAccount";
}

function accountEdit(random: Random, scene: Scene): StoredFields {
  return pick(random, [
    { Annual_Revenue: between(random, 4, 9000) * 10_000 },
    { Account_Status: pick(random, words.STATUSES), Health_Score: between(random, 5, 100) },
    { Health_Score: between(random, 5, 100) },
    { Rating: pick(random, words.RATINGS), Account_Type: pick(random, words.ACCOUNT_TYPES) },
    { Description: description(scene) },
    { Billing_Street: `${between(random, 1, 240)} ${pick(random, words.STREETS)}` },
  ]);
}

function dealMove(random: Random): StoredFields {
  const [stage, probability] = pick(random, words.STAGES);
  return { Stage: stage, Probability: probability, Next_Step: pick(random, words.NEXT_STEPS) };
}

/** Picks a record of a module, uniformly. */
function createSample(store: Store, random: Random): (module: string) => StoredRecord | undefined {
  return (module) => {
    let skip = Math.floor(random.next() * store.count(module));
    for (const record of store.all(module)) {
      if (skip === 0) return record;
      skip -= 1;
    }
    return undefined;
  };
}
