import type { Random } from "../../random.ts";
import { between, chance, pick } from "./pick.ts";
import type { StoredFields } from "./record.ts";
import { accountFields, contactFields, type Scene } from "./seed-people.ts";
import { callFields, dealFields, eventFields, type Links, noteFields, taskFields } from "./seed-work.ts";
import type { Store } from "./store.ts";

/** Beyond this many accounts each gets fewer children, so that 100,000 accounts fit in memory. */
const RICH_ACCOUNTS_MAX = 5000;

/** The history that a seeded record's times lie in. */
const HISTORY_MS = 400 * 86_400_000;

/** Seeding stops this long before now: what is changed later is always newer. */
const QUIET_MS = 3_600_000;

/** Most children of each kind for one account. */
interface Density {
  readonly contacts: number;
  readonly deals: number;
  readonly activities: number;
  readonly notes: number;
}

const RICH: Density = { contacts: 4, deals: 3, activities: 4, notes: 5 };
const LEAN: Density = { contacts: 2, deals: 1, activities: 1, notes: 1 };

/** Fills the store with a sales team's past. Equal seeds give equal records, ids and texts. */
export function seedCrm(store: Store, options: { random: Random; accounts: number; now: number }): void {
  const density = options.accounts > RICH_ACCOUNTS_MAX ? LEAN : RICH;
  for (let index = 0; index < options.accounts; index += 1) seedAccount(store, options, density);
}

function seedAccount(store: Store, { random, now }: { random: Random; now: number }, density: Density): void {
  const owner = pick(random, store.users);
  const since = now - QUIET_MS - Math.floor(random.next() * HISTORY_MS);
  const { fields, scene } = accountFields(random, owner.name, now);

  const add = (module: string, made: StoredFields) =>
    store.insert(module, made, {
      ownerId: owner.id,
      actorId: owner.id,
      at: since + Math.floor(random.next() * (now - QUIET_MS - since)),
      isSilent: true,
    }).id;

  const accountId = add("Accounts", fields);
  const contacts: string[] = [];
  for (let left = between(random, 1, density.contacts); left > 0; left -= 1)
    contacts.push(add("Contacts", contactFields(scene, accountId)));
  const deals: string[] = [];
  for (let left = between(random, 0, density.deals); left > 0; left -= 1)
    deals.push(add("Deals", dealFields(scene, accountId, pick(random, contacts))));

  const places = [
    { module: "Accounts", id: accountId },
    ...deals.map((id) => ({ module: "Deals", id })),
    ...contacts.map((id) => ({ module: "Contacts", id })),
  ];
  for (let left = between(random, 0, density.activities); left > 0; left -= 1) {
    const [module, made] = activity(scene, {
      what: chance(random, 0.8)
        ? pick(
            random,
            places.filter((place) => place.module !== "Contacts"),
          )
        : null,
      whoId: chance(random, 0.6) ? pick(random, contacts) : null,
    });
    add(module, made);
  }
  for (let left = between(random, 0, density.notes); left > 0; left -= 1)
    add("Notes", noteFields(scene, pick(random, places)));
}

/** Fields of a task, a meeting or a call. */
export function activity(scene: Scene, links: Links): readonly [string, StoredFields] {
  const module = pick(scene.random, ["Tasks", "Events", "Calls"]);
  if (module === "Tasks") return [module, taskFields(scene, links)];
  if (module === "Events") return [module, eventFields(scene, links)];
  return [module, callFields(scene, links)];
}
