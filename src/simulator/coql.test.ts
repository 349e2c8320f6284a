import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { openRig, type Rig } from "./rig.test.ts";

interface Org extends Rig {
  readonly ids: Readonly<
    Record<"acme" | "bolt" | "ann" | "bob" | "deal" | "onAccount" | "onDeal" | "onContact" | "note", string>
  >;
}

async function openOrg(t: TestContext): Promise<Org> {
  const rig = await openRig(t, { accounts: 0 });
  const { crm } = rig.simulator;
  const acme = crm.create("Accounts", {
    Account_Name: "Acme O'Neil",
    Industry: "Energy",
    Annual_Revenue: 100,
    Employees: 5,
  });
  const bolt = crm.create("Accounts", { Account_Name: 'Bolt "B"', Annual_Revenue: 250, Parent_Account: acme });
  await rig.clock.advance(60_000);
  const ann = crm.create("Contacts", { Last_Name: "Ann", Account_Name: acme, Email_Opt_Out: true });
  const bob = crm.create("Contacts", { Last_Name: "Bob", Account_Name: bolt, Email_Opt_Out: false });
  const deal = crm.create("Deals", {
    Deal_Name: "Big",
    Stage: "Closed Won",
    Account_Name: bolt,
    Closing_Date: "2026-05-01",
  });
  const task = (fields: Record<string, string | null>) => crm.create("Tasks", { Subject: "t", ...fields });
  const onAccount = task({ What_Id: acme, $se_module: "Accounts", Who_Id: null });
  const onDeal = task({ What_Id: deal, $se_module: "Deals", Who_Id: bob });
  const onContact = task({ What_Id: null, $se_module: null, Who_Id: ann });
  const note = crm.addNote({ module: "Deals", id: deal }, "text");
  return { ...rig, ids: { acme, bolt, ann, bob, deal, onAccount, onDeal, onContact, note } };
}

type Name = keyof Org["ids"];

/** Query (names in braces are ids) → the records that it finds, in order. */
const FOUND: readonly (readonly [string, readonly Name[]])[] = [
  ["select id from Accounts where id is not null", ["acme", "bolt"]],
  ["SELECT id FROM Accounts WHERE id IS NOT NULL ORDER BY id DESC", ["bolt", "acme"]],
  ["select id from Accounts where Account_Name = 'Acme O''Neil'", ["acme"]],
  ['select id from Accounts where Account_Name = "Bolt ""B"""', ["bolt"]],
  ["select id from Accounts where Industry is null", ["bolt"]],
  ["select id from Accounts where Industry != 'Energy'", []],
  ["select id from Accounts where Annual_Revenue > 100", ["bolt"]],
  ["select id from Accounts where Annual_Revenue >= 100 and Annual_Revenue <= 250", ["acme", "bolt"]],
  ["select id from Accounts where Annual_Revenue between 90 and 110", ["acme"]],
  ["select id from Accounts where Annual_Revenue < 100.5", ["acme"]],
  ["select id from Accounts where Account_Name like '%neil'", ["acme"]],
  ["select id from Accounts where Account_Name not like 'Acme%'", ["bolt"]],
  ["select id from Accounts where id in ({acme},{bolt})", ["acme", "bolt"]],
  ["select id from Accounts where id not in ('{acme}')", ["bolt"]],
  ["select id from Accounts where Parent_Account = '{acme}'", ["bolt"]],
  ["select id from Accounts where Parent_Account.Industry = 'Energy'", ["bolt"]],
  ["select id from Contacts where Account_Name.id in ('{acme}', '{bolt}') order by Last_Name desc", ["bob", "ann"]],
  ["select id from Contacts where Account_Name in ('{bolt}')", ["bob"]],
  ["select id from Contacts where Account_Name.Parent_Account.Industry = 'Energy'", ["bob"]],
  ["select id from Contacts where Email_Opt_Out = true", ["ann"]],
  ["select id from Contacts where (Last_Name = 'Ann' or Last_Name = 'Bob') and Email_Opt_Out = false", ["bob"]],
  ["select id from Contacts where ((Last_Name = 'Ann' or Last_Name = 'Bob') and (Email_Opt_Out = false))", ["bob"]],
  ["select id from Deals where Closing_Date >= '2026-04-30'", ["deal"]],
  ["select id from Tasks where What_Id = '{acme}'", ["onAccount"]],
  [
    "select id from Tasks where ((What_Id in ('{acme}')) or ((What_Id in ('{deal}')) or (Who_Id in ('{ann}'))))",
    ["onAccount", "onDeal", "onContact"],
  ],
  ["select id from Tasks where What_Id is null", ["onContact"]],
  ["select id from Tasks where 'What_Id->Deals.Account_Name' = '{bolt}'", ["onDeal"]],
  ["select id from Tasks where Who_Id.Account_Name.id = '{acme}'", ["onContact"]],
  ["select id from Notes where Parent_Id in ('{deal}','{acme}')", ["note"]],
  ["select id from Accounts where id is not null limit 1", ["acme"]],
  ["select id from Accounts where id is not null limit 1 offset 1", ["bolt"]],
  ["select id from Accounts where id is not null limit 1, 5", ["bolt"]],
  ["select id from Contacts where Modified_Time >= '{time}'", ["ann", "bob"]],
  ["select id from Contacts where Modified_Time > '{time}'", []],
];

test("finds what each query of the table asks for", async (t) => {
  const { coql, ids, clock } = await openOrg(t);
  const time = new Date(Math.floor(clock.now() / 1000) * 1000).toISOString().replace(".000", "");
  const words: Readonly<Record<string, string>> = { ...ids, time };
  for (const [query, names] of FOUND) {
    const { status, body } = await coql(query.replace(/\{(\w+)\}/g, (_, name: string) => words[name] ?? ""));
    assert.equal(status, names.length === 0 ? 204 : 200, `${query}: ${JSON.stringify(body)}`);
    const found = (body?.data ?? []).map((row: { id: string }) => row.id);
    assert.deepEqual(
      found,
      names.map((name) => ids[name]),
      query,
    );
  }
});

/** Query → code and one member of details. */
const REFUSED: readonly (readonly [string, string, object])[] = [
  ["select id from Accounts", "SYNTAX_ERROR", { clause: "where" }],
  ["select id Accounts where id is not null", "SYNTAX_ERROR", { line: 1 }],
  ["delete from Accounts where id is not null", "SYNTAX_ERROR", { column: 1 }],
  ["select id from Accounts where Industry = 'a' and Rating = 'b' and Phone = 'c'", "SYNTAX_ERROR", { line: 1 }],
  ["select id from Accounts where Account_Name = 'open", "SYNTAX_ERROR", { near: "'open" }],
  ["select id from Accounts where Account_Name = 'two\nlines'", "SYNTAX_ERROR", { line: 1 }],
  ["select id, $se_module from Tasks where id is not null", "SYNTAX_ERROR", { column: 12 }],
  ["select id from Accounts where id is not null limit x", "SYNTAX_ERROR", { near: "x" }],
  ["select id from Nonsense where id is not null", "INVALID_QUERY", { module: "Nonsense" }],
  ["select Nonsense from Accounts where id is not null", "INVALID_QUERY", { column_name: "Nonsense" }],
  ["select id from Accounts where Account_Name.id = '1'", "INVALID_QUERY", { column_name: "Account_Name.id" }],
  ["select id from Contacts where Email_Opt_Out != true", "INVALID_QUERY", { operator: "!=" }],
  ["select id from Contacts where Account_Name like 'a%'", "INVALID_QUERY", { operator: "like" }],
  ["select id from Accounts where Modified_Time > 'soon'", "INVALID_QUERY", { column_name: "Modified_Time" }],
  ["select id from Accounts where id is not null limit 2001", "LIMIT_EXCEEDED", { limit: 2000 }],
  [`select id from Accounts where id in (${"'1',".repeat(100)}'1')`, "LIMIT_EXCEEDED", { limit: 100 }],
  [`select ${"id,".repeat(500)}id from Accounts where id is not null`, "LIMIT_EXCEEDED", { limit: 500 }],
  [
    `select id from Accounts where ${"(id = '1' or ".repeat(25)}id = '2'${")".repeat(25)}`,
    "LIMIT_EXCEEDED",
    { limit: 25 },
  ],
];

test("refuses what the table calls wrong", async (t) => {
  const { coql } = await openOrg(t);
  for (const [query, code, details] of REFUSED) {
    const { status, body } = await coql(query);
    assert.deepEqual([status, body.code], [400, code], `${query}: ${JSON.stringify(body)}`);
    assert.deepEqual({ ...body.details, ...details }, body.details, query);
  }
});

test("is narrower before v7, and there in every version", async (t) => {
  const { coql } = await openOrg(t);
  const query = `select id from Accounts where id in (${"'1',".repeat(50)}'1')`;
  assert.equal((await coql(query, "v6")).body.code, "LIMIT_EXCEEDED");
  assert.equal((await coql(query, "v7")).status, 204);
  assert.equal((await coql("select id from Accounts where id = '1'", "v2.1")).status, 204);
});

test("shows columns under the names of the query, lookups as objects", async (t) => {
  const { coql, ids, simulator } = await openOrg(t);
  const query = `select Subject, What_Id, '$se_module', Who_Id.Last_Name, 'What_Id->Deals.Account_Name', Owner from Tasks where id = '${ids.onDeal}'`;
  const [row] = (await coql(query)).body.data;
  assert.deepEqual(row.What_Id, { name: "Big", id: ids.deal });
  assert.equal(row.$se_module, "Deals");
  assert.equal(row["Who_Id.Last_Name"], "Bob");
  assert.equal(row["What_Id->Deals.Account_Name"].id, ids.bolt);
  assert.equal(row.id, ids.onDeal);
  simulator.behaviour.coqlLookupNames = false;
  assert.deepEqual((await coql(query)).body.data[0].What_Id, { id: ids.deal });
});

test("counts and groups", async (t) => {
  const { coql } = await openOrg(t);
  const counted = await coql("select count(id) as total, max(Annual_Revenue) from Accounts where id is not null");
  assert.deepEqual(counted.body.data, [{ total: 2, "max(Annual_Revenue)": 250 }]);
  const grouped = await coql(
    "select Email_Opt_Out, count(id) from Contacts where id is not null group by Email_Opt_Out",
  );
  assert.equal(grouped.body.data.length, 2);
});

test("says whether there are more rows, and costs by the rows asked for", async (t) => {
  const { coql, simulator } = await openOrg(t);
  const more = await coql("select id from Accounts where id is not null limit 1");
  assert.deepEqual(more.body.info, { count: 1, more_records: true });
  assert.equal(simulator.stats.creditsUsed, 1);
  await coql("select id from Accounts where id is not null limit 2000");
  assert.equal(simulator.stats.creditsUsed, 4);
});

test("cuts rich text, refuses Notes and takes flat criteria by its settings", async (t) => {
  const { coql, ids, simulator } = await openOrg(t);
  simulator.crm.update("Accounts", ids.acme, { Description: "x".repeat(600) });
  const text = async () =>
    (await coql(`select Description from Accounts where id = '${ids.acme}'`)).body.data[0].Description.length;
  assert.equal(await text(), 500);
  simulator.behaviour.coqlRichTextCut = false;
  assert.equal(await text(), 600);
  simulator.behaviour.coqlNotesRefused = true;
  assert.equal((await coql("select id from Notes where id is not null")).body.code, "INVALID_QUERY");
  simulator.behaviour.coqlFlatCriteria = true;
  assert.equal((await coql("select id from Accounts where id = '1' or id = '2' or id = '3'")).status, 204);
});
