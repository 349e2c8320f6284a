import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type CliWorld, cliWorld } from "../../test/fakes/cli-host.ts";

let world: CliWorld;
before(async () => {
  world = await cliWorld();
});
after(() => world.dispose());

const credentials = { ZOHO_API_URL: "http://127.0.0.1:9000", ZOHO_REFRESH_TOKEN: "1000.refresh" };

function startSimulator(onChange: () => void = () => undefined) {
  return async () => ({
    url: "http://127.0.0.1:9000",
    credentials,
    change: () => {
      onChange();
      return "Ada called Acme";
    },
    close: async () => undefined,
  });
}

test("prints .env lines, or one object, and stays up until it is told to stop", async () => {
  const stopped = { signal: AbortSignal.abort(), startSimulator: startSimulator() };
  const lines = await world.cli(["simulate"], stopped);
  assert.deepEqual(
    [lines.code, lines.stdout],
    [0, "ZOHO_API_URL=http://127.0.0.1:9000\nZOHO_REFRESH_TOKEN=1000.refresh\n"],
  );
  assert.deepEqual(JSON.parse((await world.cli(["simulate", "--json"], stopped)).stdout), credentials);
});

test("tells people, not programs, where to change things while it runs", async () => {
  const stopped = { signal: AbortSignal.abort(), startSimulator: startSimulator() };
  assert.match((await world.cli(["simulate"], stopped)).stderr, /curl http:\/\/127\.0\.0\.1:9000\/__simulator\b/);
  assert.equal((await world.cli(["simulate", "--json"], stopped)).stderr, "");
});

test("--workday makes so many changes a minute", async () => {
  const stop = new AbortController();
  let changes = 0;
  const command = world.cli(["simulate", "--workday", "60"], {
    signal: stop.signal,
    startSimulator: startSimulator(() => (changes += 1)),
  });
  while (world.clock.sleepers === 0) await new Promise((resolve) => setImmediate(resolve));
  for (let second = 0; second < 5; second++) await world.clock.advance(1_000);
  stop.abort();
  assert.match((await command).stderr, /Ada called Acme/);
  assert.equal(changes, 5);
});

test("the Notes function signs with WEBHOOK_SECRET", async () => {
  const wishes: unknown[] = [];
  const told = await world.cli(["simulate", "--notify-notes", "http://127.0.0.1:8000/webhooks/zoho", "--seed", "7"], {
    signal: AbortSignal.abort(),
    source: { env: { WEBHOOK_SECRET: "a-secret-of-some-length" }, cwd: world.folder },
    startSimulator: async (wish) => {
      wishes.push(wish);
      return startSimulator()();
    },
  });
  assert.equal(told.code, 0);
  const signedNotes = { url: "http://127.0.0.1:8000/webhooks/zoho", secret: "a-secret-of-some-length" };
  assert.deepEqual(wishes, [{ host: "127.0.0.1", port: 0, seed: 7, signedNotes }]);
});
