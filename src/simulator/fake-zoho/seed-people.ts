import type { Random } from "../../random.ts";
import { between, chance, fill, pick } from "./pick.ts";
import type { StoredFields } from "./record.ts";
import * as words from "./seed-words.ts";

/** Words that the templates of one account's texts are filled from. */
export interface Scene {
  readonly random: Random;
  readonly now: number;
  account: string;
  contact: string;
  title: string;
  deal: string;
  product: string;
  city: string;
  owner: string;
  industry: string;
  employees: string;
}

/** Makes the fields of an account, and the scene that its contacts, deals and notes play in. */
export function accountFields(random: Random, owner: string, now: number): { fields: StoredFields; scene: Scene } {
  const [second, industry] = pick(random, words.COMPANY_SECOND);
  const name = `${pick(random, words.COMPANY_FIRST)} ${second} ${pick(random, words.COMPANY_KIND)}`;
  const [city, state, code, country, phone] = pick(random, words.PLACES);
  const employees = between(random, 2, 900) * 10;
  const scene: Scene = {
    ...{
      random,
      now,
      account: name,
      contact: "their buyer",
      title: "buyer",
      deal: "the renewal",
      owner,
      city,
      industry,
    },
    product: pick(random, words.PRODUCTS),
    employees: String(employees),
  };
  const fields: StoredFields = {
    Account_Name: name,
    Account_Number: String(between(random, 10_000, 99_999)),
    Account_Type: pick(random, words.ACCOUNT_TYPES),
    Industry: industry,
    Annual_Revenue: between(random, 4, 9000) * 10_000,
    Employees: employees,
    Rating: pick(random, words.RATINGS),
    Ownership: pick(random, words.OWNERSHIPS),
    Phone: phoneNumber(random, phone),
    Website: `https://www.${hostOf(name)}`,
    Billing_Street: `${between(random, 1, 240)} ${pick(random, words.STREETS)}`,
    Billing_City: city,
    Billing_State: state,
    Billing_Code: `${code}${between(random, 10, 99)}`,
    Billing_Country: country,
    Shipping_City: city,
    Shipping_Country: country,
    Account_Status: pick(random, words.STATUSES),
    Health_Score: between(random, 5, 100),
    Description: chance(random, 0.7) ? description(scene) : null,
  };
  return { fields, scene };
}

/** Makes the fields of a contact; the scene then speaks of them. */
export function contactFields(scene: Scene, accountId: string | null): StoredFields {
  const { random } = scene;
  const first = pick(random, words.FIRST_NAMES);
  const last = pick(random, words.LAST_NAMES);
  const place = words.PLACES.find(([city]) => city === scene.city);
  scene.contact = `${first} ${last}`;
  scene.title = pick(random, words.TITLES);
  return {
    First_Name: first,
    Last_Name: last,
    Title: scene.title,
    Department: pick(random, words.DEPARTMENTS),
    Email: `${mailbox(first)}.${mailbox(last)}@${hostOf(scene.account)}`,
    Phone: phoneNumber(random, place?.[4] ?? "+1 212"),
    Mobile: chance(random, 0.5) ? phoneNumber(random, "+44 77") : null,
    Lead_Source: pick(random, words.LEAD_SOURCES),
    Mailing_City: scene.city,
    Mailing_Country: place?.[3] ?? null,
    Email_Opt_Out: chance(random, 0.05),
    Account_Name: accountId,
    Description: null,
  };
}

/** A telephone number behind a prefix. */
function phoneNumber(random: Random, prefix: string): string {
  return `${prefix} ${between(random, 200, 999)} ${between(random, 1000, 9999)}`;
}

function hostOf(company: string): string {
  return `${mailbox(company.split(" ").slice(0, 2).join("-"))}.example`;
}

function mailbox(name: string): string {
  return name
    .normalize("NFD")
    .replace(/[^A-Za-z -]/g, "")
    .replaceAll(" ", "-")
    .toLowerCase();
}

/** A description of two to six sentences; some pass the 500 characters at which list reads cut. */
export function description(scene: Scene): string {
  const count = between(scene.random, 2, words.DESCRIPTION_PARTS.length);
  return words.DESCRIPTION_PARTS.slice(0, count)
    .map((part) => fillFrom(scene, part))
    .join(" ");
}

/** Fills a template with the scene's words. */
export function fillFrom(scene: Scene, template: string): string {
  const { random: _random, now: _now, ...rest } = scene;
  return fill(template, rest);
}
