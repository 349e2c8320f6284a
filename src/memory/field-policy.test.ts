import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultFieldPolicy, parseFieldPolicy, policyFields } from "./field-policy.ts";

const options = { salt: "pepper", customModules: ["Projects"] };

test("reads rules apart by commas, semicolons and white space", () => {
  const read = parseFieldPolicy(" drop:Contacts.Phone,mask:Contacts.Mobile;\n include:Projects.Budget ", options);
  assert.ok(read.outcome === "read");
  assert.equal(read.policy.rules.get("Contacts")?.get("Phone"), "drop");
  assert.equal(read.policy.rules.get("Contacts")?.get("Mobile"), "mask");
  assert.equal(read.policy.rules.get("Projects")?.get("Budget"), "include");
});

test("takes no text for the default policy", () => {
  assert.deepEqual(parseFieldPolicy("  ", { salt: "" }), { outcome: "read", policy: defaultFieldPolicy });
});

for (const [rule, expected] of [
  ["Contacts.Phone", /"Contacts\.Phone" is no rule, expected verb:Module\.Field/],
  ["drop:Contacts", /is no rule/],
  ["drop:Contacts.Phone.x", /is no rule/],
  ["hide:Contacts.Phone", /no known verb, expected one of include, drop, mask, hash/],
  ["drop:Contact.Phone", /no known module, expected one of Accounts, Contacts/],
  ["drop:Contacts.email", /misspelled, expected Contacts\.Email/],
  ["drop:Contacts.Phone mask:Contacts.Phone", /contradicts "drop:Contacts\.Phone"/],
  ["drop:__proto__.x", /is no rule/],
  ["drop:constructor.x", /no known module/],
] as const) {
  test(`refuses ${rule} and says what was expected`, () => {
    const read = parseFieldPolicy(rule, options);
    assert.ok(read.outcome === "invalid");
    assert.equal(read.problems.length, 1);
    assert.match(read.problems[0] ?? "", expected);
  });
}

test("reports all problems at once, and a hash without a salt", () => {
  const read = parseFieldPolicy("hash:Contacts.Email nonsense drop:Nowhere.X", { salt: "" });
  assert.ok(read.outcome === "invalid");
  assert.equal(read.problems.length, 3);
});

test("has one version for equal rules in any order, and another for other rules or another salt", () => {
  const version = (text: string, salt = "pepper") => {
    const read = parseFieldPolicy(text, { salt });
    return read.outcome === "read" ? read.policy.version : "";
  };
  const one = version("drop:Contacts.Phone mask:Contacts.Mobile");
  assert.equal(version("mask:Contacts.Mobile,drop:Contacts.Phone,drop:Contacts.Phone"), one);
  assert.notEqual(version("drop:Contacts.Phone"), one);
  assert.notEqual(version("drop:Contacts.Phone mask:Contacts.Mobile", "salt"), one);
});

test("names the fields that have to be read in addition", () => {
  const read = parseFieldPolicy(
    "include:Accounts.Region__c mask:Contacts.Home_Phone drop:Contacts.Shoe__c mask:Contacts.Email include:Contacts.Salutation hash:Deals.Code__c",
    options,
  );
  assert.ok(read.outcome === "read");
  assert.deepEqual(policyFields(read.policy), {
    Accounts: ["Region__c"],
    Contacts: ["Home_Phone", "Salutation"],
    Deals: ["Code__c"],
  });
  assert.deepEqual(policyFields(defaultFieldPolicy), {});
});
