import type { AccountTruth, ShownRecord } from "../../src/simulator/fake-zoho/crm.ts";
import { orgDay } from "../../src/simulator/fake-zoho/org-time.ts";
import { COMPANY_KIND } from "../../src/simulator/fake-zoho/seed-words.ts";

/**
 * A kind of question. An account answers the texts that it gives for it: the right accounts of a text are all that give it, as the CRM
 * has them, whatever the documents say.
 */
export interface Template {
  /** True when the question names the account. */
  readonly isNamed: boolean;
  asks(account: AccountTruth, now: number): readonly string[];
}

/** What people of a sales team ask: one question is drawn of each. Words of the questions are theirs, not those of the documents' labels. */
export const TEMPLATES: readonly Template[] = [
  named((account) => account.contacts.map((contact) => `Who is the ${of(contact, "Title")} at ${shortName(account)}?`)),
  named((account) =>
    when(saysLastWord(account), `Who is our champion at ${shortName(account)}, the one with the last word?`),
  ),
  named((account) => {
    const hasPromise = account.notes.some((note) => PROMISE.test(of(note, "Note_Content")));
    return when(
      hasPromise && account.calls.length > 0,
      `What was promised in the last call with ${shortName(account)}?`,
    );
  }),
  named((account, now) =>
    when(slipped(account, now).length > 0, `Which deals at ${shortName(account)} slipped past their closing date?`),
  ),
  named((account) =>
    when(hasNote(account, /a third above/), `Why does ${shortName(account)} find our price too high?`),
  ),
  named((account) =>
    account.deals.map((deal) => `How much is the ${productOf(deal)} deal with ${shortName(account)} worth?`),
  ),
  named((account, now) =>
    when(
      account.events.some((event) => Date.parse(of(event, "Start_DateTime")) > now),
      `When do we meet ${shortName(account)} next?`,
    ),
  ),
  named((account) =>
    when(
      account.tasks.some((task) => of(task, "Status") !== "Completed"),
      `Which tasks are still open for ${shortName(account)}?`,
    ),
  ),
  named((account) => [`How healthy is ${shortName(account)} and who looks after it?`]),
  named((account) =>
    when(hasNote(account, /worry about the migration/), `What does ${shortName(account)} fear about the migration?`),
  ),
  unnamed((account) => account.contacts.map((contact) => `Where does ${of(contact, "Full_Name")} work?`)),
  unnamed((account) => account.contacts.map((contact) => `Which customer writes from ${of(contact, "Email")}?`)),
  unnamed(({ account }) =>
    when(of(account, "Account_Status") === "At Risk", `Which customers in ${of(account, "Billing_City")} are at risk?`),
  ),
  unnamed((account) =>
    account.contacts.map((contact) => `Who is the ${of(contact, "Title")} in ${of(contact, "Mailing_City")}?`),
  ),
  unnamed((account) =>
    openDeals(account).map((deal) => `Which ${productOf(deal)} deals are in ${spoken(of(deal, "Stage"))}?`),
  ),
  unnamed((account) =>
    account.notes
      .filter((note) => /unlimited liability/.test(of(note, "Note_Content")))
      .map((note) => `Who told ${of(note, "Owner")} that legal will not accept unlimited liability?`),
  ),
  unnamed((account) =>
    account.contacts
      .map((contact) => of(contact, "Full_Name"))
      .filter((name) => account.notes.some((note) => isPromiseTo(name, of(note, "Note_Content"))))
      .map((name) => `What did we promise ${name}?`),
  ),
  unnamed((account) =>
    when(
      hasNote(account, /single sign-on/),
      `Which customer in ${of(account.account, "Industry")} wants single sign-on and EU hosting?`,
    ),
  ),
  unnamed((account) =>
    openDeals(account)
      .filter((deal) => /^Security questionnaire/.test(of(deal, "Next_Step")))
      .map((deal) => `Which deals of ${of(deal, "Owner")} wait for a security questionnaire?`),
  ),
  // No passage tells what day it is: this one stands for the questions that no index of texts answers.
  unnamed((account, now) =>
    slipped(account, now).map((deal) => `Which deals of ${of(deal, "Owner")} slipped past their closing date?`),
  ),
];

/** What a seller owes a customer, as notes of the simulator put it. */
const PROMISE = /I promised|We owe them|Agreed:/;

function named(asks: Template["asks"]): Template {
  return { isNamed: true, asks };
}

function unnamed(asks: Template["asks"]): Template {
  return { isNamed: false, asks };
}

function when(isSo: boolean, text: string): readonly string[] {
  return isSo ? [text] : [];
}

/** A field as text; a lookup by its name. */
function of(record: ShownRecord, field: string): string {
  const value = record[field];
  if (typeof value === "string") return value;
  const isLookup = typeof value === "object" && value !== null && "name" in value;
  return isLookup && typeof value.name === "string" ? value.name : "";
}

/** An account's name as people say it: without the form of the company. */
function shortName({ account }: AccountTruth): string {
  const name = of(account, "Account_Name");
  const kind = COMPANY_KIND.find((candidate) => name.endsWith(` ${candidate}`));
  return kind === undefined ? name : name.slice(0, -kind.length - 1);
}

/** `Negotiation/Review` is said as `negotiation`. */
function spoken(stage: string): string {
  return (stage.split("/")[0] ?? "").toLowerCase();
}

function productOf(deal: ShownRecord): string {
  return of(deal, "Deal_Name").split(" – ")[1] ?? "";
}

function saysLastWord({ account }: AccountTruth): boolean {
  return /has the last word/.test(of(account, "Description"));
}

function hasNote({ notes }: AccountTruth, pattern: RegExp): boolean {
  return notes.some((note) => pattern.test(of(note, "Note_Content")));
}

function isPromiseTo(name: string, content: string): boolean {
  return PROMISE.test(content) && content.includes(name);
}

function openDeals({ deals }: AccountTruth): readonly ShownRecord[] {
  return deals.filter((deal) => !of(deal, "Stage").startsWith("Closed"));
}

/** Open deals that should have been closed by now. */
function slipped(account: AccountTruth, now: number): readonly ShownRecord[] {
  return openDeals(account).filter((deal) => of(deal, "Closing_Date") < orgDay(now));
}
