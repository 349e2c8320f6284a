import assert from "node:assert/strict";
import { createServer, type RequestListener } from "node:http";
import { test } from "node:test";
import { manualClock, systemClock } from "./clock.ts";
import { HttpFailure, retryAfterMs, sendHttp, textOf } from "./http.ts";

const signal = new AbortController().signal;

async function serving(listener: RequestListener, use: (url: string) => Promise<void>): Promise<void> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  try {
    await use(`http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

const failsAs = (kind: string) => (error: unknown) => error instanceof HttpFailure && error.kind === kind;

test("reads a reply of any status with its body", async () => {
  const listener: RequestListener = (_, response) => void response.writeHead(503, { "x-a": "b" }).end("down");
  await serving(listener, async (url) => {
    const response = await sendHttp({ clock: systemClock }, { method: "GET", url, signal });
    assert.deepEqual([response.status, response.headers.get("x-a"), textOf(response)], [503, "b", "down"]);
  });
});

test("ends a request whose reply does not come before the deadline", async () => {
  const clock = manualClock();
  const arrived = Promise.withResolvers<void>();
  await serving(
    () => arrived.resolve(),
    async (url) => {
      const sent = sendHttp({ clock }, { method: "GET", url, timeoutMs: 5_000, signal });
      const refused = assert.rejects(sent, failsAs("timeout"));
      await arrived.promise;
      await clock.advance(5_000);
      await refused;
      assert.equal(clock.sleepers, 0);
    },
  );
});

test("ends a request whose body stops midway at the same deadline", async () => {
  const clock = manualClock();
  const arrived = Promise.withResolvers<void>();
  const listener: RequestListener = (_, response) => {
    response.writeHead(200).write("half");
    arrived.resolve();
  };
  await serving(listener, async (url) => {
    const refused = assert.rejects(sendHttp({ clock }, { method: "GET", url, signal }), failsAs("timeout"));
    await arrived.promise;
    await clock.advance(30_000);
    await refused;
  });
});

test("gives the caller's own reason when the caller aborts", async () => {
  const caller = new AbortController();
  await serving(
    () => caller.abort(new Error("draining")),
    async (url) => {
      await assert.rejects(sendHttp({ clock: systemClock }, { method: "GET", url, signal: caller.signal }), /draining/);
    },
  );
});

test("refuses a redirect instead of following it", async () => {
  let requests = 0;
  const listener: RequestListener = (_, response) => {
    requests += 1;
    response.writeHead(302, { location: "/elsewhere" }).end();
  };
  await serving(listener, async (url) => {
    await assert.rejects(sendHttp({ clock: systemClock }, { method: "GET", url, signal }), failsAs("redirect"));
  });
  assert.equal(requests, 1);
});

test("refuses a reply that is larger than allowed, announced or not", async () => {
  for (const headers of [{ "content-length": "2000" }, { "transfer-encoding": "chunked" }]) {
    const listener: RequestListener = (_, response) => void response.writeHead(200, headers).end("x".repeat(2000));
    await serving(listener, async (url) => {
      const sent = sendHttp({ clock: systemClock }, { method: "GET", url, signal, responseBytesMax: 1999 });
      await assert.rejects(sent, failsAs("too_large"));
    });
  }
});

test("keeps query, headers and what the network layer says out of its errors", async () => {
  const request = { method: "GET", headers: { authorization: "secret\n1" }, signal } as const;
  const error = await sendHttp({ clock: systemClock }, { ...request, url: "http://127.0.0.1:9/a?token=secret2" }).catch(
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof HttpFailure);
  assert.doesNotMatch(`${error.message} ${String(error.cause)} ${error.stack}`, /secret/);
});

test("tells a closed connection from a network that is not there", async () => {
  await serving(
    (request) => request.socket.destroy(),
    async (url) => {
      await assert.rejects(sendHttp({ clock: systemClock }, { method: "GET", url, signal }), failsAs("connection"));
    },
  );
  const closed = sendHttp({ clock: systemClock }, { method: "GET", url: "http://127.0.0.1:9/", signal });
  await assert.rejects(closed, failsAs("network"));
});

test("reads Retry-After in seconds and as a date, bounded, and ignores nonsense", () => {
  const now = Date.parse("2026-03-01T00:00:00Z");
  const ms = (value: string) => retryAfterMs(new Headers({ "retry-after": value }), now);
  assert.equal(ms("7"), 7_000);
  assert.equal(ms("Sun, 01 Mar 2026 00:01:00 GMT"), 60_000);
  assert.equal(ms("Sat, 28 Feb 2026 00:01:00 GMT"), 0);
  assert.equal(ms("99999999"), 86_400_000);
  assert.equal(ms("soon"), undefined);
  assert.equal(retryAfterMs(new Headers(), now), undefined);
});
