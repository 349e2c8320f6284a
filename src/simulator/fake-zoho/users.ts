import type { User } from "./record.ts";
import { ORG_ID_PREFIX } from "./schema.ts";

const PEOPLE: readonly (readonly [string, string])[] = [
  ["Asha Raman", "Administrator"],
  ["Tom Whelan", "Sales Manager"],
  ["Ines Carvalho", "Account Executive"],
  ["Ben Okoye", "Account Executive"],
  ["Katrin Vogel", "Account Executive"],
  ["Sanjay Pillai", "Customer Success"],
  ["Julie Marchand", "Inside Sales"],
  ["API Integration", "Administrator"],
];

/** The org's users. The first is the administrator; the last is whom the integration signs in as. */
export const USERS: readonly User[] = PEOPLE.map(([name, role], index) => ({
  id: `${ORG_ID_PREFIX}${String(250_000 + index * 7 + 1).padStart(12, "0")}`,
  name,
  role,
  email: `${name.toLowerCase().replaceAll(" ", ".")}@tradewind.example`,
}));

/** The user that API calls act as: the echo of one's own writes can be told by it. */
export function integrationUser(users: readonly User[]): User | undefined {
  return users.at(-1);
}
