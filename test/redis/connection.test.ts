import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, type TestContext, test } from "node:test";
import { type Clock, manualClock, systemClock } from "../../src/clock.ts";
import { openConnection, type RedisConnection, type Script } from "../../src/engines/redis/connection.ts";
import { REDIS_COMMAND_MS } from "../../src/engines/redis/link.ts";
import { ServerError } from "../../src/engines/redis/server-error.ts";
import { Fault, type FaultCode } from "../../src/faults.ts";
import { type Log, silentLog } from "../../src/log.ts";
import type { RedisAddress } from "../../src/redis-address.ts";
import { startRedisCluster } from "./redis-cluster.ts";
import { startSentinel } from "./redis-sentinel.ts";
import { freePort, type RedisServer, type RedisServerOptions, startRedis } from "./redis-server.ts";
import { redisTier } from "./redis-tier.ts";

const KEY = "test:{test}";
/** Answers its bytes, and how many. */
const ECHO = script("echo", "return { ARGV[1], #ARGV[1], false, { 'OK' } }");
/** Appends to a list beside the key, and answers how long it is. */
const APPEND = script("append", "return redis.call('RPUSH', KEYS[1] .. ':list', ARGV[1])");
const LIST = script("list", "return redis.call('LRANGE', KEYS[1] .. ':list', 0, -1)");
const BROKEN = script("broken", "return redis.call('NO-SUCH-COMMAND')");
const WRONG_TYPE = script(
  "wrong-type",
  "redis.call('SET', KEYS[1] .. ':text', 'x') return redis.call('RPUSH', KEYS[1] .. ':text', 'x')",
);
const SLOW = script("slow", "local till = tonumber(ARGV[1]) while till > 0 do till = till - 1 end return 1");
const SCRIPTS = [ECHO, APPEND, LIST, BROKEN, WRONG_TYPE, SLOW];

const THERE = "info connected to Redis";
const AWAY = "warn Redis is away; trying on";

redisTier("a connection to one Redis", () => {
  let redis: RedisServer;
  before(async () => {
    redis = await startRedis();
  });
  after(() => redis.stop());

  test("a script's bytes come back as they went", async (context) => {
    const { connection } = open(context, redis.address);
    const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, index) => (index * 7) & 255));
    assert.deepEqual(await connection.run(ECHO, [bytes]), [bytes, bytes.length, null, [Buffer.from("OK")]]);
  });

  test("calls arrive in the order in which they were made, also those made before the first connection", async (context) => {
    await redis.ask("FLUSHALL");
    const { connection } = open(context, redis.address);
    const early = Array.from({ length: 500 }, (_, index) => connection.run(APPEND, [String(index)]));
    await early[0];
    const late = Array.from({ length: 500 }, (_, index) => connection.run(APPEND, [String(500 + index)]));
    assert.deepEqual(
      await Promise.all([...early, ...late]),
      Array.from({ length: 1_000 }, (_, index) => index + 1),
    );
    assert.deepEqual(await list(connection), numbers(1_000));
  });

  test("a server that forgot its scripts is taught them again, and the order is kept", async (context) => {
    await redis.ask("FLUSHALL");
    const { connection } = open(context, redis.address);
    await connection.run(APPEND, ["0"]);
    const calls: Promise<unknown>[] = [];
    for (let index = 1; index < 300; index += 1) {
      if (index % 100 === 0) calls.push(connection.call("script", ["flush"]));
      calls.push(connection.run(APPEND, [String(index)]));
    }
    await Promise.all(calls);
    await connection.call("script", ["flush"]);
    await connection.run(APPEND, ["300"]);
    assert.deepEqual(await list(connection), numbers(301));
  });

  test("a script that does not run is a bug, a key of another kind a fault of the store", async (context) => {
    const { connection } = open(context, redis.address);
    await assert.rejects(connection.run(BROKEN, []), (error) => error instanceof ServerError);
    await assert.rejects(connection.run(WRONG_TYPE, []), isFault("STORE_INVALID", "WRONGTYPE"));
    await assert.rejects(connection.call("no-such-command", []), (error) => error instanceof ServerError);
  });

  test("a topic's messages arrive, on a connection that heals", async (context) => {
    const { connection } = open(context, redis.address);
    const heard: string[] = [];
    let tell: (() => void) | undefined;
    await connection.subscribe("bell", (message) => {
      heard.push(message);
      tell?.();
    });
    await connection.call("publish", ["bell", "first"]);
    await eventually(() => heard.includes("first"));
    await redis.ask("CLIENT", "KILL", "TYPE", "pubsub");
    const isHeard = new Promise<void>((resolve) => {
      tell = resolve;
    });
    await eventually(async () => Number(await connection.call("publish", ["bell", "again"])) > 0);
    await isHeard;
    assert.equal(heard.at(-1), "again");
  });

  test("a replica is not taken for the server in charge, and its master is", async (context) => {
    const { connection, lines } = open(context, redis.address);
    await connection.run(ECHO, ["up"]);
    await redis.ask("REPLICAOF", "127.0.0.1", String(await freePort()));
    await assert.rejects(connection.run(APPEND, ["1"]), isFault("STORE_UNAVAILABLE"));
    await eventually(() => lines.includes(AWAY));
    await assert.rejects(connection.run(ECHO, ["x"]), isFault("STORE_UNAVAILABLE", "not connected"));
    await redis.ask("REPLICAOF", "NO", "ONE");
    await eventually(() => connection.isConnected);
    await connection.run(ECHO, ["up"]);
  });

  test("a full Redis refuses what writes, and the connection stays", async (context) => {
    const { connection, lines } = open(context, redis.address);
    await connection.run(ECHO, ["up"]);
    await redis.ask("CONFIG", "SET", "maxmemory", "1");
    context.after(() => redis.ask("CONFIG", "SET", "maxmemory", "0"));
    await assert.rejects(connection.run(APPEND, ["1"]), isFault("STORE_UNAVAILABLE", "OOM"));
    await redis.ask("CONFIG", "SET", "maxmemory", "0");
    await connection.run(APPEND, ["1"]);
    assert.deepEqual(lines, [THERE]);
  });

  test("closing ends calls under way, twice or once, and afterwards every call fails", async () => {
    const connection = openConnection({
      address: redis.address,
      key: KEY,
      clock: systemClock,
      log: silentLog,
      scripts: SCRIPTS,
    });
    await connection.run(ECHO, ["up"]);
    const underWay = assert.rejects(connection.run(SLOW, ["30000000"]), isFault("STORE_UNAVAILABLE", "closed"));
    await Promise.all([connection.close(), connection.close()]);
    await underWay;
    await assert.rejects(connection.run(ECHO, ["x"]), isFault("STORE_UNAVAILABLE"));
  });

  test("a connection closed while it is being made is closed as well", async () => {
    const connection = openConnection({
      address: redis.address,
      key: KEY,
      clock: systemClock,
      log: silentLog,
      scripts: SCRIPTS,
    });
    const early = assert.rejects(connection.run(ECHO, ["x"]), isFault("STORE_UNAVAILABLE"));
    await connection.close();
    await early;
  });
});

redisTier("a Redis that goes away", () => {
  test("calls fail at once while it is down, and succeed when it is back; the log has a line for each", async (context) => {
    const redis = await server(context, { appendfsync: "always" });
    const { connection, lines } = open(context, redis.address);
    await connection.run(APPEND, ["0"]);
    await redis.kill();
    await eventually(() => !connection.isConnected);
    const began = performance.now();
    for (let count = 0; count < 1_000; count += 1)
      await assert.rejects(connection.run(APPEND, ["lost"]), isFault("STORE_UNAVAILABLE", "not connected"));
    assert.ok(performance.now() - began < 1_000);
    await redis.restart();
    await eventually(() => connection.isConnected);
    assert.equal(await connection.run(APPEND, ["1"]), 2);
    assert.deepEqual(lines, [THERE, AWAY, THERE]);
  });

  test("one that hangs counts as away within the deadline, and no late reply is taken for another's", async (context) => {
    const redis = await server(context);
    const { connection } = open(context, redis.address);
    await connection.run(ECHO, ["up"]);
    redis.pause();
    const began = performance.now();
    const hanging = Array.from({ length: 20 }, () => connection.run(ECHO, ["late"]));
    for (const call of hanging) await assert.rejects(call, isFault("STORE_UNAVAILABLE", "no reply in time"));
    const tookMs = performance.now() - began;
    assert.ok(tookMs >= REDIS_COMMAND_MS && tookMs < REDIS_COMMAND_MS + 1_000, `${tookMs} ms`);
    redis.resume();
    await eventually(() => connection.isConnected);
    const calls = numbers(50).map(async (number) => String(at(await connection.run(ECHO, [number]), 0)));
    assert.deepEqual(await Promise.all(calls), numbers(50));
  });

  test("one that hangs while nobody asks is found out as well", async (context) => {
    const redis = await server(context);
    const clock = manualClock();
    const { connection, reasons } = open(context, redis.address, KEY, clock);
    await connection.run(ECHO, ["up"]);
    redis.pause();
    let ms = 0;
    for (; connection.isConnected && ms < 60_000; ms += 250) await clock.advance(250);
    assert.deepEqual(reasons, ["no reply in time"]);
    assert.ok(ms >= REDIS_COMMAND_MS && ms <= 15_000, `${ms} ms`);
  });

  test("a clock that jumps while a call is under way makes nothing overdue", async (context) => {
    const redis = await server(context);
    const clock = manualClock();
    const { connection } = open(context, redis.address, KEY, clock);
    await connection.run(ECHO, ["up"]);
    const slow = connection.run(SLOW, ["3000000"]);
    await clock.advance(3_600_000);
    assert.equal(await slow, 1);
    assert.ok(connection.isConnected);
  });

  test("one that is away at the start is waited for, and calls made meanwhile fail", async (context) => {
    const port = await freePort();
    const { connection, lines } = open(context, { kind: "single", host: "127.0.0.1", port, db: 0, tls: false });
    await connection.subscribe("bell", () => undefined);
    await assert.rejects(connection.run(ECHO, ["x"]), isFault("STORE_UNAVAILABLE", "not connected"));
    await server(context, { port });
    await eventually(() => connection.isConnected);
    await connection.run(ECHO, ["up"]);
    assert.deepEqual(lines, [AWAY, THERE]);
  });

  test("one that still loads its data is waited for", async (context) => {
    const redis = await server(context, { appendfsync: "no", args: ["--enable-debug-command", "yes"] });
    await redis.ask("DEBUG", "POPULATE", "2000");
    await redis.ask("BGREWRITEAOF");
    await eventually(async () => (await redis.ask("INFO", "persistence")).includes("aof_rewrite_in_progress:0"));
    await redis.ask("CONFIG", "SET", "appendonly", "yes");
    await redis.kill();
    const { connection, reasons } = open(context, redis.address);
    await eventually(() => reasons.length > 0);
    await redis.restart("--key-load-delay", "300", "--loading-process-events-interval-bytes", "1024");
    await eventually(() => connection.isConnected);
    assert.equal(Number(await connection.call("dbsize", [])), 2_000);
  });

  test("a wrong password is told without the password, and the right one works", async (context) => {
    const redis = await server(context, { args: ["--requirepass", "right-password"] });
    const wrong = open(context, { ...redis.address, password: "wrong-password" });
    await assert.rejects(wrong.connection.run(ECHO, ["x"]), (error) => !String(error).includes("wrong-password"));
    await eventually(() => wrong.lines.length > 0);
    assert.deepEqual([wrong.lines, wrong.reasons], [["error Redis refuses the sign-in; trying on"], ["WRONGPASS"]]);
    const { connection } = open(context, { ...redis.address, password: "right-password", db: 3 });
    await connection.run(APPEND, ["1"]);
    assert.match(String(await connection.call("info", ["keyspace"])), /^db3:keys=1/m);
  });

  test("after a total loss of its data it is used again as it is", async (context) => {
    const redis = await server(context);
    const { connection } = open(context, redis.address);
    await connection.run(APPEND, ["0"]);
    await redis.ask("FLUSHALL");
    assert.equal(await connection.run(APPEND, ["0"]), 1);
    await redis.restart();
    await eventually(async () => (await connection.run(APPEND, ["0"])) === 1);
  });
});

redisTier("a master watched by sentinels", () => {
  test("a master that was replaced is left at once, before it takes writes that it will lose", async (context) => {
    const watched = await startSentinel();
    context.after(() => watched.stop());
    const { connection, reasons } = open(context, watched.address);
    await connection.run(APPEND, ["0"]);
    await watched.failover();
    await eventually(() => reasons.length > 0 && connection.isConnected);
    const port = String(at(await connection.call("config", ["get", "port"]), 1));
    assert.deepEqual([port, reasons], [String((await watched.master()).port), ["the master changed"]]);
    await connection.run(APPEND, ["1"]);
    assert.deepEqual(await list(connection), ["0", "1"]);
  });

  test("the replica that takes over from a dead master is found", async (context) => {
    const watched = await startSentinel();
    context.after(() => watched.stop());
    const { connection } = open(context, watched.address);
    await connection.run(APPEND, ["0"]);
    await eventually(async () => (await connection.call("wait", ["1", "100"])) === 1);
    await (await watched.master()).kill();
    await eventually(async () => (await connection.run(APPEND, ["1"])) === 2);
  });
});

redisTier("a cluster", () => {
  test("the node that has the slot is found; calls fail while it is down, and succeed when it is back", async (context) => {
    const cluster = await startRedisCluster(3, { appendfsync: "always" });
    context.after(() => cluster.stop());
    for (const tag of ["a", "b", "c", "d"]) {
      const { connection } = open(context, cluster.address, `test:{${tag}}`);
      assert.equal(await connection.run(APPEND, [tag]), 1);
    }
    const { connection } = open(context, cluster.address);
    await connection.run(APPEND, ["0"]);
    const node = await cluster.nodeOf(KEY);
    await node.kill();
    await eventually(() => !connection.isConnected);
    await assert.rejects(connection.run(APPEND, ["lost"]), isFault("STORE_UNAVAILABLE"));
    await node.restart();
    await eventually(() => connection.isConnected);
    assert.equal(await connection.run(APPEND, ["1"]), 2);
  });

  test("a slot that moves is used again when it has moved, with all that lay in it", async (context) => {
    const cluster = await startRedisCluster(3);
    context.after(() => cluster.stop());
    const { connection, lines } = open(context, cluster.address);
    await connection.run(APPEND, ["0"]);
    const from = await cluster.nodeOf(KEY);
    const to = cluster.nodes.find((node) => node !== from);
    assert.ok(to !== undefined);
    const [fromId, toId] = [text(await from.ask("CLUSTER", "MYID")), text(await to.ask("CLUSTER", "MYID"))];
    const slot = (await from.ask("CLUSTER", "KEYSLOT", KEY)).slice(1).trim();
    await to.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", fromId);
    await from.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", toId);
    await assert.rejects(connection.run(APPEND, ["between"]), isFault("STORE_UNAVAILABLE", "ASK"));
    await from.ask("MIGRATE", "127.0.0.1", String(to.port), `${KEY}:list`, "0", "1000");
    for (const node of [to, from]) await node.ask("CLUSTER", "SETSLOT", slot, "NODE", toId);
    await eventually(() => connection.isConnected);
    await eventually(async () => (await connection.run(APPEND, ["1"])) !== undefined);
    assert.deepEqual(await list(connection), ["0", "1"]);
    assert.ok(lines.includes(AWAY));
  });
});

function script(name: string, source: string): Script {
  return { name, source, sha: createHash("sha1").update(source).digest("hex") };
}

/** Opens a connection that is closed with the test, and keeps what it tells. */
function open(context: TestContext, address: RedisAddress, key = KEY, clock: Clock = systemClock) {
  const lines: string[] = [];
  const reasons: string[] = [];
  const line = (level: string) => (fields: Readonly<Record<string, unknown>>, message: string) => {
    lines.push(`${level} ${message}`);
    if (fields["reason"] !== undefined) reasons.push(String(fields["reason"]));
  };
  const log: Log = { ...silentLog, info: line("info"), warn: line("warn"), error: line("error"), child: () => log };
  const connection = openConnection({ address, key, clock, log, scripts: SCRIPTS });
  context.after(() => connection.close());
  return { connection, lines, reasons };
}

/** A server of the test's own, stopped with it. */
async function server(context: TestContext, options?: RedisServerOptions): Promise<RedisServer> {
  const started = await startRedis(options);
  context.after(() => started.stop());
  return started;
}

/** Waits for a fact of the outside world; one that throws is not there yet. The test's own limit bounds it. */
async function eventually(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (;;) {
    try {
      if (await holds()) return;
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
    }
    await systemClock.sleep(5);
  }
}

function isFault(code: FaultCode, detail?: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof Fault, String(error));
    assert.equal(error.code, code);
    if (detail !== undefined) assert.equal(error.detail, detail);
    return true;
  };
}

async function list(connection: RedisConnection): Promise<readonly string[]> {
  const reply = await connection.run(LIST, []);
  assert.ok(Array.isArray(reply));
  return reply.map(String);
}

function at(reply: unknown, index: number): unknown {
  assert.ok(Array.isArray(reply));
  return reply[index];
}

function numbers(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => String(index));
}

/** The text of a bulk string as it stands on the wire. */
function text(wire: string): string {
  return wire.split("\r\n")[1] ?? "";
}
