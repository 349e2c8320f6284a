import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type AccountKey, type AccountSnapshot, accountKey, recordKey } from "../../src/account.ts";
import type { AccountRead, Crm } from "../../src/crm/crm.ts";
import { Fault } from "../../src/faults.ts";

/** Fields as the CRM takes them; a lookup is `{ id }`. */
export type WorldFields = Readonly<Record<string, unknown>>;

/** A CRM under test, and the world behind it. */
export interface CrmHarness {
  readonly crm: Crm;
  /** Creates a record and gives its id, of 19 digits. */
  create(module: string, fields: WorldFields): Promise<string>;
  change(module: string, id: string, fields: WorldFields): Promise<void>;
  remove(module: string, id: string): Promise<void>;
  /** From now on this account alone cannot be read. */
  breakAccount(id: string, isBroken: boolean): void;
  /** From now on nothing answers. */
  setOutage(isOut: boolean): void;
  close(): Promise<void>;
}

/** Longer than the 500 characters at which lists cut rich text. */
const LONG_TEXT = `<p>${"A long story. ".repeat(150)}The end.</p>`;

const MEETING_TIME = { Start_DateTime: "2026-03-02T09:00:00+00:00", End_DateTime: "2026-03-02T10:00:00+00:00" };

const CALL = { Call_Type: "Outbound", Call_Start_Time: "2026-03-02T09:00:00+00:00", Call_Duration: "12:30" };

/** What every Crm must do. Asks nowhere which one it is. */
export function crmContract(name: string, open: () => Promise<CrmHarness>): void {
  describe(`Crm contract: ${name}`, () => {
    let world: CrmHarness;
    const signal = new AbortController().signal;
    before(async () => {
      world = await open();
    });
    after(() => world.close());

    const account = (fields: WorldFields = {}) => world.create("Accounts", { Account_Name: "Acme", ...fields });
    const read = async (id: string) => (await world.crm.readAccounts([accountKey(id)], signal)).get(accountKey(id));
    const parentsOf = async (module: string, recordId: string) => {
      const ref = { module, recordId };
      return (await world.crm.readParents([ref], signal)).get(recordKey(ref));
    };
    const family = async () => {
      const acme = await account();
      const contact = await world.create("Contacts", { Last_Name: "Ada", Account_Name: { id: acme } });
      const deal = await world.create("Deals", { Deal_Name: "Big", Stage: "Open", Account_Name: { id: acme } });
      return { acme, contact, deal };
    };

    test("gives an account with children of every kind and the record each hangs on", async () => {
      const { acme, contact, deal } = await family();
      const onAccount = { What_Id: { id: acme }, $se_module: "Accounts" };
      const task = await world.create("Tasks", { Subject: "T", ...onAccount });
      const event = await world.create("Events", {
        Event_Title: "E",
        ...MEETING_TIME,
        What_Id: { id: deal },
        $se_module: "Deals",
      });
      const call = await world.create("Calls", { Subject: "C", ...CALL, Who_Id: { id: contact } });
      const noteOf = (module: string, id: string) =>
        world.create("Notes", { Note_Title: "N", Note_Content: "n", Parent_Id: { id, module: { api_name: module } } });
      const notes = [await noteOf("Accounts", acme), await noteOf("Contacts", contact), await noteOf("Deals", deal)];
      const snapshot = found(await read(acme));
      assert.equal(snapshot.record.fields["Account_Name"], "Acme");
      const tree = snapshot.children.map(
        (child) => `${recordKey({ module: child.module, recordId: child.id })} <- ${child.parent?.recordId ?? acme}`,
      );
      const expected = [
        `Contacts/${contact} <- ${acme}`,
        `Deals/${deal} <- ${acme}`,
        `Tasks/${task} <- ${acme}`,
        `Events/${event} <- ${deal}`,
        `Calls/${call} <- ${contact}`,
        `Notes/${notes[0]} <- ${acme}`,
        `Notes/${notes[1]} <- ${contact}`,
        `Notes/${notes[2]} <- ${deal}`,
      ];
      assert.deepEqual(tree.toSorted(), expected.toSorted());
    });

    test("says that a deleted account is absent, and one that never was", async () => {
      const acme = await account();
      await world.remove("Accounts", acme);
      assert.deepEqual(await read(acme), { outcome: "absent" });
      assert.deepEqual(await read("9999999999999999998"), { outcome: "absent" });
    });

    test("puts a moved contact, and what hangs on it, under its new account only", async () => {
      const { acme, contact } = await family();
      const other = await account({ Account_Name: "Other" });
      const task = await world.create("Tasks", { Subject: "T", Who_Id: { id: contact } });
      await world.change("Contacts", contact, { Account_Name: { id: other } });
      const [old, now] = [found(await read(acme)), found(await read(other))];
      assert.deepEqual(
        old.children.map((child) => child.module),
        ["Deals"],
      );
      assert.deepEqual(now.children.map((child) => child.id).toSorted(), [contact, task].toSorted());
    });

    test("puts an activity of two accounts under the one that What_Id names, also when both are read together", async () => {
      const { acme, contact } = await family();
      const { acme: other, deal } = await family();
      const both = { Who_Id: { id: contact }, What_Id: { id: deal }, $se_module: "Deals" };
      const task = await world.create("Tasks", { Subject: "T", ...both });
      const keys = [accountKey(acme), accountKey(other)];
      const reads = await world.crm.readAccounts(keys, signal);
      const holders = keys.filter((key) => found(reads.get(key)).children.some((child) => child.id === task));
      assert.deepEqual(holders, [accountKey(other)]);
      assert.ok(!found(await read(acme)).children.some((child) => child.id === task));
    });

    test("reads many accounts in one call and answers for each", async () => {
      const ids: string[] = [];
      for (let n = 0; n < 60; n += 1) ids.push(await account({ Account_Name: `Account ${n}` }));
      const keys = [...ids, "9999999999999999997"].map((id) => accountKey(id));
      const reads = await world.crm.readAccounts(keys, signal);
      assert.deepEqual([...reads.keys()], keys);
      const names = ids.map((id) => found(reads.get(accountKey(id))).record.fields["Account_Name"]);
      assert.deepEqual(
        names,
        ids.map((_, n) => `Account ${n}`),
      );
      assert.equal(reads.get(accountKey("9999999999999999997"))?.outcome, "absent");
    });

    test("reads the neighbours of an account that cannot be read", async () => {
      const ids = [await account(), await account(), await account(), await account(), await account()];
      const keys: AccountKey[] = ids.map((id) => accountKey(id));
      const bad = ids[3] ?? "";
      world.breakAccount(bad, true);
      const reads = await world.crm.readAccounts(keys, signal);
      world.breakAccount(bad, false);
      assert.deepEqual(
        keys.map((key) => reads.get(key)?.outcome),
        ["found", "found", "found", "failed", "found"],
      );
      const read = reads.get(accountKey(bad));
      assert.ok(read?.outcome === "failed" && read.fault.retry !== "pause");
    });

    test("gives long text whole", async () => {
      const acme = await account({ Description: LONG_TEXT });
      const deal = await world.create("Deals", {
        Deal_Name: "D",
        Stage: "Open",
        Account_Name: { id: acme },
        Description: LONG_TEXT,
      });
      const snapshot = found(await read(acme));
      assert.equal(snapshot.record.fields["Description"], LONG_TEXT);
      assert.equal(snapshot.children.find((child) => child.id === deal)?.fields["Description"], LONG_TEXT);
    });

    test("keeps every digit of an id", async () => {
      const { acme, contact } = await family();
      assert.match(acme, /^\d{19}$/);
      const snapshot = found(await read(acme));
      assert.equal(snapshot.record.id, acme);
      const child = snapshot.children.find((candidate) => candidate.id === contact);
      const link = child?.fields["Account_Name"];
      assert.ok(typeof link === "object" && link !== null && "id" in link && link.id === acme);
    });

    test("says when the read began, not before it was asked for", async () => {
      const snapshot = found(await read(await account()));
      assert.ok(snapshot.readAt > 0);
    });

    test("finds the account of a record of every module", async () => {
      const { acme, contact, deal } = await family();
      const note = { Note_Content: "n", Parent_Id: { id: contact, module: { api_name: "Contacts" } } };
      const records = [
        ["Accounts", acme],
        ["Contacts", contact],
        ["Deals", deal],
        ["Tasks", await world.create("Tasks", { Subject: "T", What_Id: { id: acme }, $se_module: "Accounts" })],
        [
          "Events",
          await world.create("Events", {
            Event_Title: "E",
            ...MEETING_TIME,
            What_Id: { id: deal },
            $se_module: "Deals",
          }),
        ],
        ["Calls", await world.create("Calls", { Subject: "C", ...CALL, Who_Id: { id: contact } })],
        ["Notes", await world.create("Notes", note)],
      ].map(([module = "", recordId = ""]) => ({ module, recordId }));
      const reads = await world.crm.readParents(records, signal);
      for (const record of records) {
        assert.deepEqual(
          reads.get(recordKey(record)),
          { outcome: "found", accounts: [accountKey(acme)] },
          record.module,
        );
      }
    });

    test("finds no account for a record that is under none, and none for one that is gone", async () => {
      const loner = await world.create("Contacts", { Last_Name: "Solo" });
      assert.deepEqual(await parentsOf("Contacts", loner), { outcome: "found", accounts: [] });
      await world.remove("Contacts", loner);
      assert.deepEqual(await parentsOf("Contacts", loner), { outcome: "absent" });
      assert.deepEqual(await parentsOf("Tasks", "9999999999999999996"), { outcome: "absent" });
    });

    test("throws a fault that pauses while the CRM as a whole does not answer, and works again after", async () => {
      const acme = await account();
      world.setOutage(true);
      const pauses = (error: unknown) => error instanceof Fault && error.retry === "pause";
      await assert.rejects(read(acme), pauses);
      await assert.rejects(parentsOf("Contacts", acme), pauses);
      await assert.rejects(world.crm.probe(signal), pauses);
      world.setOutage(false);
      await world.crm.probe(signal);
      assert.equal((await read(acme))?.outcome, "found");
    });

    test("stops at once for a caller who has aborted", async () => {
      const gone = AbortSignal.abort(new Error("draining"));
      await assert.rejects(world.crm.readAccounts([accountKey("1")], gone), /draining/);
      await assert.rejects(world.crm.readParents([{ module: "Contacts", recordId: "1" }], gone), /draining/);
      await assert.rejects(world.crm.probe(gone), /draining/);
    });

    test("opens a channel, lists it with what was granted, sets it anew, and closes it twice without complaint", async () => {
      const { crm } = world;
      const start = found(await read(await account())).readAt;
      const declaration = {
        channelId: "1105420521999070702",
        events: ["Accounts.create", "Accounts.edit", "Contacts.delete"],
        notifyUrl: "https://hooks.example.com/webhooks/zoho",
        token: "a-token-of-the-test",
        expiresAt: Math.floor(start / 1000) * 1000 + 3 * 24 * 3_600_000,
      };
      const opened = await crm.openChannel(declaration, signal);
      assert.equal(opened.expiresAt, declaration.expiresAt);
      const listed = (await crm.listChannels(signal)).filter((channel) => channel.channelId === declaration.channelId);
      assert.equal(listed.length, 1);
      assert.deepEqual([...(listed[0]?.events ?? [])].toSorted(), declaration.events.toSorted());
      assert.equal(listed[0]?.expiresAt, declaration.expiresAt);
      const later = declaration.expiresAt + 3_600_000;
      assert.equal((await crm.openChannel({ ...declaration, expiresAt: later }, signal)).expiresAt, later);
      await crm.closeChannel(declaration.channelId, signal);
      await crm.closeChannel(declaration.channelId, signal);
      assert.deepEqual(await crm.listChannels(signal), []);
    });
  });
}

function found(read: AccountRead | undefined): AccountSnapshot {
  assert.equal(read?.outcome, "found");
  assert.ok(read?.outcome === "found");
  return read.snapshot;
}
