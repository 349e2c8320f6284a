import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type CliWorld, CREDENTIALS, cliWorld } from "../../test/fakes/cli-host.ts";
import { Fault } from "../faults.ts";
import { createReceipts } from "../memory/receipts.ts";
import { wantsJson } from "./run.ts";
import { Stopped } from "./signals.ts";

let world: CliWorld;
before(async () => {
  world = await cliWorld();
});
after(() => world.dispose());

const env = (values: Readonly<Record<string, string>>) => ({ source: { env: values, cwd: world.folder } });

describe("a command line that makes no sense ends with 2 and one clear line", () => {
  const lines: readonly (readonly [readonly string[], RegExp])[] = [
    [["launch"], /unknown command 'launch'/],
    [["serve", "--fast"], /unknown option '--fast'/],
    [["sync"], /missing required argument/],
    [["sync", "12a"], /1 to 20 digits/],
    [["sync", "123456789012345678901"], /1 to 20 digits/],
    [["sync", "1", "--timeout", "soon"], /whole number/],
    [["events", "show"], /missing required argument/],
    [["explain", "zoho/1"], /1 to 20 digits/],
    [["dead-letters", "list", "--limit", "0"], /whole number/],
    [["dead-letters", "redrive"], /or --all/],
    [["dead-letters", "purge"], /or --all/],
    [["dead-letters", "redrive", "dl_1", "--all"], /or --all/],
    [["memory", "search", " "], /characters to search for/],
    [["simulate", "--port", "99999"], /whole number/],
    [["simulate", "--notify-notes", "file:///etc"], /http or https/],
    [["simulate", "--notify-notes", "http://127.0.0.1:1/"], /WEBHOOK_SECRET/],
  ];
  for (const [args, expected] of lines) {
    test(args.join(" "), async () => {
      const told = await world.cli(args);
      assert.equal(told.code, 2, told.stderr);
      assert.match(told.stderr, expected);
      assert.equal(told.stdout, "");
      assert.equal(told.stderr.trimEnd().split("\n").length, 1, told.stderr);
    });
  }
});

test("no command at all prints the help and ends with 2", async () => {
  const told = await world.cli([]);
  assert.equal(told.code, 2);
  assert.match(told.stderr, /^Usage: memhook[\s\S]*\n {2}serve /);
});

test("help and version are answers", async () => {
  assert.equal((await world.cli(["--help"])).code, 0);
  for (const args of [
    ["sync", "--help"],
    ["help", "sync"],
  ]) {
    const told = await world.cli(args);
    assert.equal(told.code, 0, args.join(" "));
    assert.match(told.stdout, /--no-wait/);
  }
  assert.equal((await world.cli(["help"])).code, 0);
  assert.deepEqual(await world.cli(["--version"]), { code: 0, stdout: "1.2.3\n", stderr: "" });
});

describe("errors for programs are one JSON object on standard error", () => {
  test("misuse", async () => {
    const told = await world.cli(["launch", "--json"]);
    assert.deepEqual(JSON.parse(told.stderr), { error: { code: "MISUSED", message: "unknown command 'launch'" } });
  });

  test("a wrong configuration, with every problem", async () => {
    const told = await world.cli(["serve", "--json"], env({ PORT: "x", FIELD_POLICY: "hide:Contacts.Phone" }));
    assert.equal(told.code, 2);
    const { error } = JSON.parse(told.stderr);
    assert.equal(error.code, "CONFIG_INVALID");
    assert.deepEqual(
      error.problems.map((problem: { name: string }) => problem.name),
      ["PORT", "FIELD_POLICY", ...Object.keys(CREDENTIALS)],
    );
  });

  test("a fault, with what to do", async () => {
    const openParts = () => Promise.reject(new Fault("STORE_UNAVAILABLE", "opening the store"));
    const told = await world.cli(["dead-letters", "list", "--json"], { openParts });
    assert.equal(told.code, 1);
    const { error } = JSON.parse(told.stderr);
    assert.equal(error.code, "STORE_UNAVAILABLE");
    assert.match(error.todo, /DATA_DIR/);
  });
});

describe("errors for people are one line without a stack", () => {
  test("a fault of the configuration ends with 2", async () => {
    const openParts = () => Promise.reject(new Fault("CONFIG_INVALID", "reading FIELD_POLICY"));
    const told = await world.cli(["dead-letters", "list"], { openParts });
    assert.equal(told.code, 2);
  });

  test("a bug shows its stack only at LOG_LEVEL=debug", async () => {
    const openParts = () => Promise.reject(new TypeError("of undefined"));
    const told = await world.cli(["events", "show", "x"], { openParts });
    assert.equal(told.code, 1);
    assert.match(told.stderr, /^memhook: UNEXPECTED: .*of undefined.*\n$/);
    const debugged = await world.cli(["events", "show", "x"], { openParts, ...env({ LOG_LEVEL: "debug" }) });
    assert.match(debugged.stderr, /at .*run\.test\.ts/);
  });

  test("a command that is stopped says so and ends with 1", async () => {
    const signal = AbortSignal.abort(new Stopped("SIGINT"));
    const told = await world.cli(["events", "show", "x"], { signal, openParts: () => Promise.reject(signal.reason) });
    assert.deepEqual([told.code, told.stderr], [1, "memhook: STOPPED: stopped by SIGINT\n"]);
  });
});

test("sync and serve want the credentials, the rest does not", async () => {
  for (const args of [["serve"], ["sync", "1"]]) {
    const told = await world.cli(args, env({}));
    assert.equal(told.code, 2);
    for (const name of Object.keys(CREDENTIALS)) assert.match(told.stderr, new RegExp(name));
  }
  assert.equal((await world.cli(["dead-letters", "list"], env({}))).code, 0);
});

test("people without credentials are shown how to try it", async () => {
  const told = await world.cli(["serve"], env({}));
  assert.match(told.stderr, /memhook demo .*memhook simulate/);
  assert.doesNotMatch((await world.cli(["serve"], env({ ...CREDENTIALS, PORT: "x" }))).stderr, /memhook demo/);
  assert.equal((await world.cli(["serve", "--json"], env({}))).stderr.trimEnd().split("\n").length, 1);
});

describe("where memhook never ran", () => {
  const nowhere = { hasStore: () => false, openParts: () => assert.fail("opened what is not there") };
  for (const args of [
    ["dead-letters", "list"],
    ["dead-letters", "redrive", "--all"],
    ["events", "show", "x"],
    ["explain", "1"],
    ["memory", "search", "x"],
  ]) {
    test(`${args.join(" ")} says so, ends with 1, and makes nothing`, async () => {
      const told = await world.cli(args, nowhere);
      assert.equal(told.code, 1);
      assert.match(told.stderr, /^memhook: NO_STORE: there is no store in /);
    });
  }
});

test("closing that fails is no failure of a command that only read; of any other it is told as the fault that it is", async () => {
  const fault = new Fault("STORE_UNAVAILABLE", "closing the store");
  const closing = new AggregateError([new Error("closing engine", { cause: fault })], "closing");
  const openParts = async () => ({ ...world.parts, close: () => Promise.reject(closing) });
  assert.equal((await world.cli(["dead-letters", "list"], { openParts })).code, 0);
  const told = await world.cli(["dead-letters", "redrive", "--all"], { openParts });
  assert.equal(told.code, 1);
  assert.match(told.stderr, /^memhook: STORE_UNAVAILABLE: closing the store/);
  const bug = {
    openParts: async () => ({ ...world.parts, close: () => Promise.reject(new TypeError("of undefined")) }),
  };
  assert.match((await world.cli(["dead-letters", "list"], bug)).stderr, /UNEXPECTED/);
});

test("parts are closed whether the command succeeds or fails", async () => {
  let closes = 0;
  const { engine } = world;
  const parts = { queue: engine.queue, view: engine.view, ledger: engine.ledger, channels: engine.channels };
  const memory = {
    kind: "x",
    search: () => Promise.reject(new Fault("SINK_UNREACHABLE", "searching")),
    probe: async () => undefined,
  };
  const openParts = async () => ({
    ...parts,
    memory,
    receipts: createReceipts(engine.sealed),
    crm: undefined,
    startWorker: async () => undefined,
    isServiceRunning: async () => false,
    examineStore: async () => [],
    close: async () => {
      closes += 1;
    },
  });
  assert.equal((await world.cli(["memory", "search", "x"], { openParts })).code, 1);
  assert.equal((await world.cli(["dead-letters", "list"], { openParts })).code, 0);
  assert.equal(closes, 2);
});

test("config shows values with their origin, and secrets only as set", async () => {
  const told = await world.cli(
    ["config", "--json"],
    env({ PORT: "9000", WEBHOOK_SECRET: "a-secret-that-must-not-be-seen" }),
  );
  const values = JSON.parse(told.stdout);
  assert.deepEqual(
    [values.PORT, values.WEBHOOK_SECRET, values.ADMIN_TOKEN, values.REDIS_HOST],
    ["9000", "set", "unset", null],
  );
  const table = await world.cli(["config"], env({ PORT: "9000", WEBHOOK_SECRET: "a-secret-that-must-not-be-seen" }));
  assert.match(table.stdout, /^PORT +9000 +environment$/m);
  assert.doesNotMatch(table.stdout + table.stderr + told.stdout, /must-not-be-seen/);
});

test("config --check judges, config --reference explains", async () => {
  assert.equal((await world.cli(["config", "--check"])).code, 0);
  assert.equal((await world.cli(["config", "--check"], env({ LOG_LEVEL: "loud" }))).code, 2);
  assert.match((await world.cli(["config", "--reference"], env({ PORT: "x" }))).stdout, /\| `WEBHOOK_SECRET` \|/);
});

test("a hash rule without a salt is a problem of the configuration", async () => {
  const told = await world.cli(["config", "--check"], env({ FIELD_POLICY: "hash:Contacts.Email" }));
  assert.equal(told.code, 2);
  assert.match(told.stderr, /FIELD_POLICY_SALT/);
});

test("secrets generate prints 64 hexadecimal characters on one line, never the same", async () => {
  const [first, second] = [await world.cli(["secrets", "generate"]), await world.cli(["secrets", "generate"])];
  assert.match(first.stdout, /^[0-9a-f]{64}\n$/);
  assert.notEqual(first.stdout, second.stdout);
});

test("what follows -- is no option", () => {
  assert.equal(wantsJson(["memory", "search", "--", "--json"]), false);
  assert.equal(wantsJson(["config", "--json"]), true);
});
