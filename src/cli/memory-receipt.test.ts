import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { type CliWorld, cliWorld } from "../../test/fakes/cli-host.ts";
import { accountKey } from "../account.ts";
import { createReceipts } from "../memory/receipts.ts";

const ACCOUNT = "4876876000000123001";

let world: CliWorld;
beforeEach(async () => {
  world = await cliWorld();
  const receipt = { at: world.clock.now(), sink: "cognee", events: ["evt-1"], repaired: [], left: [] };
  const looked = [{ place: "listing", found: 0 }];
  await createReceipts(world.engine.sealed).write({ account: accountKey(ACCOUNT), ...receipt, looked });
});
afterEach(() => world.dispose());

const receiptOf = async () =>
  (await world.json(["memory", "receipt", ACCOUNT, "--json"])) as Readonly<Record<string, unknown>>; // Looked at by name.

test("a receipt says when, why and where was looked", async () => {
  const { account_id, looked_at, written_again_at } = await receiptOf();
  assert.deepEqual([account_id, looked_at, written_again_at], [ACCOUNT, [{ place: "listing", found: 0 }], null]);
  const { code, stdout } = await world.cli(["memory", "receipt", ACCOUNT]);
  assert.equal(code, 0);
  assert.match(stdout, /was forgotten by the cognee memory/);
  assert.doesNotMatch(stdout, /came back/);
});

test("of an account that came back says so", async () => {
  const adopted = { account: accountKey(ACCOUNT), sinkRef: "1", title: "Acme", fingerprint: "f", isIndexed: true };
  await world.engine.ledger.adopt([adopted]);
  assert.match(String((await receiptOf())["written_again_at"]), /^\d{4}-/);
  assert.match((await world.cli(["memory", "receipt", ACCOUNT])).stdout, /the account came back/);
});
