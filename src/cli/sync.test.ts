import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { type CliWorld, cliWorld, type Told } from "../../test/fakes/cli-host.ts";
import { accountKey } from "../account.ts";
import type { Settlement } from "../queue/queue.ts";
import type { OwnWorker } from "./parts.ts";

const [ONE, TWO] = ["4876876000000123001", "4876876000000123002"] as const;
/** Looks that a command of these tests may take. */
const LOOKS_MAX = 200;

let world: CliWorld;
let startWorker: () => Promise<OwnWorker | undefined>;
beforeEach(async () => {
  startWorker = async () => undefined;
  world = await cliWorld({ startWorker: () => startWorker() });
  await world.engine.acquireWorkerLock();
});
afterEach(() => world.dispose());

/** Moves time on until the command has ended. */
async function ended(command: Promise<Told>, between: () => Promise<void> = async () => undefined): Promise<Told> {
  let told: Told | undefined;
  void command.then((result) => {
    told = result;
  });
  for (let look = 0; told === undefined && look < LOOKS_MAX; look++) {
    await between();
    await world.clock.advance(200);
  }
  return told ?? assert.fail("the command did not end");
}

/** Settles every due sync job as `how` says. */
async function work(how: "complete" | "dead"): Promise<void> {
  const leases = await world.engine.queue.claim({ lane: "sync", limit: 10, leaseMs: 30_000 });
  const failure = { code: "DOCUMENT_INVALID", message: "rendering: the snapshot could not be rendered as a document" };
  const settlements = leases.map(
    (lease): Settlement => (how === "dead" ? { verb: "dead", lease, failure } : { verb: "complete", lease }),
  );
  await world.engine.queue.settle(settlements);
}

test("makes accounts due at once, urgently, each once", async () => {
  const told = await world.cli(["sync", ONE, TWO, ONE, "--no-wait", "--json"]);
  assert.equal(told.code, 0);
  assert.deepEqual(JSON.parse(told.stdout), [
    { account_id: ONE, outcome: "queued" },
    { account_id: TWO, outcome: "queued" },
  ]);
  const leases = await world.engine.queue.claim({ lane: "sync", limit: 10, leaseMs: 1_000 });
  assert.deepEqual(
    leases.map((lease) => [lease.key, lease.rank]),
    [
      [accountKey(ONE), "urgent"],
      [accountKey(TWO), "urgent"],
    ],
  );
});

test("waits until a running service has settled the accounts", async () => {
  let looks = 0;
  const told = await ended(world.cli(["sync", ONE, TWO, "--json"]), async () => {
    looks += 1;
    if (looks === 5) await work("complete");
  });
  assert.equal(told.code, 0);
  assert.ok(looks >= 5);
  const outcomes: readonly { outcome: string }[] = JSON.parse(told.stdout);
  assert.deepEqual(
    outcomes.map(({ outcome }) => outcome),
    ["absent", "absent"],
  ); // completed, and nothing written by this test
});

test("ends with 1 and the cause when an account became a dead letter", async () => {
  const told = await ended(world.cli(["sync", ONE, "--json"]), () => work("dead"));
  assert.equal(told.code, 1);
  const [result] = JSON.parse(told.stdout);
  assert.deepEqual([result.outcome, result.cause.split(":")[0]], ["dead", "DOCUMENT_INVALID"]);
});

test("an old dead letter that heals counts as synced", async () => {
  await world.cli(["sync", ONE, "--no-wait"]);
  await work("dead");
  const told = await ended(world.cli(["sync", ONE]), () => work("complete"));
  assert.equal(told.code, 0);
});

test("works itself when no service runs, and ends its worker", async () => {
  let closes = 0;
  startWorker = async () => {
    await work("complete");
    return {
      obstacle: () => undefined,
      close: async () => {
        closes += 1;
      },
    };
  };
  const told = await ended(world.cli(["sync", ONE]));
  assert.deepEqual([told.code, closes], [0, 1]);
});

test("takes over when the service ends meanwhile", async () => {
  let tries = 0;
  startWorker = async () => {
    tries += 1;
    if (tries === 1) return undefined;
    await work("complete");
    return { obstacle: () => undefined, close: async () => undefined };
  };
  assert.equal((await ended(world.cli(["sync", ONE]))).code, 0);
  assert.equal(tries, 2);
});

test("gives up at its time-out, ends with 1, and leaves the work queued", async () => {
  const told = await ended(world.cli(["sync", ONE, "--timeout", "2"]));
  assert.equal(told.code, 1);
  assert.match(told.stdout, /waiting/);
  assert.match(told.stderr, /stay queued/);
  assert.equal((await world.engine.view.stats()).lanes.sync.ready, 1);
});

test("working by itself, gives up when the CRM has been away for 15 s, and gives the worker lock back", async () => {
  const since = world.clock.now() + 1_000;
  let closedAt = 0;
  startWorker = async () => ({
    obstacle: () =>
      world.clock.now() < since ? undefined : { dependency: "crm", since, cause: "CRM_UNREACHABLE" as const },
    close: async () => {
      closedAt = world.clock.now();
    },
  });
  const told = await ended(world.cli(["sync", ONE]));
  assert.equal(told.code, 1);
  assert.match(told.stderr, /^memhook: CRM_UNREACHABLE: gave up, as the CRM has been away for 15 s .*1 stay queued\n$/);
  assert.equal(closedAt - since, 15_000);
});

test("an outage that ends within 15 s is waited for", async () => {
  const since = world.clock.now();
  startWorker = async () => ({
    obstacle: () =>
      world.clock.now() < since + 14_000 ? { dependency: "crm", since, cause: "CRM_UNREACHABLE" as const } : undefined,
    close: async () => undefined,
  });
  const command = world.cli(["sync", ONE]);
  const told = await ended(command, async () => {
    if (world.clock.now() >= since + 14_000) await work("complete");
  });
  assert.equal(told.code, 0);
});

test("stops waiting when it is told to stop", async () => {
  const stop = new AbortController();
  const command = world.cli(["sync", ONE], { signal: stop.signal });
  const told = await ended(command, async () => stop.abort());
  assert.equal(told.code, 1);
});
