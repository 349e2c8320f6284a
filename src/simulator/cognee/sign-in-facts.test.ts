import assert from "node:assert/strict";
import { type Check, NOWHERE } from "./rig.test.ts";

/** Sign-in, health, and what is refused before a call is looked at. */
export function signInFacts(check: Check): void {
  check("refuses every call without a good key or login with 401", async ({ call }) => {
    for (const headers of [
      { "x-api-key": "" },
      { "x-api-key": "wrong" },
      { "x-api-key": "", authorization: "Bearer wrong" },
      { "x-api-key": "", cookie: "auth_token=wrong" },
    ]) {
      const { status, body } = await call("GET", "/datasets", { headers });
      assert.equal(status, 401);
      assert.match(body.detail, /^Authentication required \(auth posture: /);
    }
    const invalid = await call("GET", "/datasets/not-a-uuid/data", { headers: { "x-api-key": "" } });
    assert.equal(invalid.status, 401);
  });

  check("takes a good key beside a wrong bearer, and no key as a bearer", async ({ call, target }) => {
    assert.equal((await call("GET", "/datasets", { headers: { authorization: "Bearer wrong" } })).status, 200);
    const asBearer = { "x-api-key": "", authorization: `Bearer ${target.apiKey}` };
    assert.equal((await call("GET", "/datasets", { headers: asBearer })).status, 401);
  });

  check("gives a token for a form, as bearer and as cookie", async ({ call, target }) => {
    const { username, password } = target;
    const { status, body, headers } = await call("POST", "/auth/login", {
      json: new URLSearchParams({ username, password }).toString(),
      headers: { "x-api-key": "", "content-type": "application/x-www-form-urlencoded" },
    });
    assert.equal(status, 200);
    assert.equal(body.token_type, "bearer");
    assert.match(headers.get("set-cookie") ?? "", /^auth_token=/);
    for (const login of [
      { authorization: `Bearer ${body.access_token}` },
      { cookie: `auth_token=${body.access_token}` },
    ])
      assert.equal((await call("GET", "/datasets", { headers: { "x-api-key": "", ...login } })).status, 200);
    const me = await call("GET", "/auth/me", { headers: { authorization: `Bearer ${body.access_token}` } });
    assert.equal(me.body.email, username);
  });

  check("lets a good bearer in beside a wrong key, and says who it is", async ({ call, target }) => {
    const { username, password } = target;
    const { body } = await call("POST", "/auth/login", {
      json: new URLSearchParams({ username, password }).toString(),
      headers: { "content-type": "application/x-www-form-urlencoded" },
    });
    const headers = { "x-api-key": "wrong", authorization: `Bearer ${body.access_token}` };
    const user = await call("GET", "/users/me", { headers });
    assert.deepEqual([user.status, user.body.email], [200, username]);
  });

  check("refuses a login in JSON, or with a wrong password, with 400", async ({ call, target }) => {
    const { username, password } = target;
    for (const login of [
      { json: { username, password } },
      { json: new URLSearchParams({ username, password }).toString() }, // A form that calls itself JSON.
      {
        json: new URLSearchParams({ username, password: "wrong" }).toString(),
        headers: { "content-type": "application/x-www-form-urlencoded" },
      },
    ]) {
      const { status, body } = await call("POST", "/auth/login", login);
      assert.deepEqual([status, body], [400, { detail: "LOGIN_BAD_CREDENTIALS" }]);
    }
  });

  check("makes, lists and deletes keys, ten of them", async ({ call }) => {
    const made: { id: string; key: string }[] = [];
    try {
      const before = (await call("GET", "/auth/api-keys")).body.length;
      for (let count = before; count < 10; count += 1) {
        const { status, body } = await call("POST", "/auth/api-keys", { json: { name: `key ${count}` } });
        assert.equal(status, 200);
        made.push(body);
      }
      assert.match(made[0]?.key ?? "", /^[0-9a-f]{64}$/);
      assert.equal((await call("GET", "/datasets", { headers: { "x-api-key": made[0]?.key ?? "" } })).status, 200);
      const refused = await call("POST", "/auth/api-keys", { json: { name: "one too many" } });
      assert.equal(refused.status, 400);
      assert.equal(typeof refused.body.error.message, "string");
    } finally {
      for (const { id } of made) await call("DELETE", `/auth/api-keys/${id}`);
    }
    assert.equal((await call("GET", "/datasets", { headers: { "x-api-key": made[0]?.key ?? "" } })).status, 401);
  });

  check("says its health and version to everybody", async ({ call }) => {
    const { status, body } = await call("GET", "//health", { headers: { "x-api-key": "" } });
    assert.equal(status, 200);
    assert.deepEqual([body.status, body.health, body.version], ["ready", "healthy", "1.6.5"]);
    assert.deepEqual((await call("GET", "//", { headers: { "x-api-key": "" } })).body, {
      message: "Hello, World, I am alive!",
    });
  });

  check("answers 404 to an unknown path and 405 to a wrong verb", async ({ call }) => {
    const unknown = await call("GET", "/nothing-of-the-kind");
    assert.deepEqual([unknown.status, unknown.body], [404, { detail: "Not Found" }]);
    assert.equal((await call("PUT", "/search", { json: {} })).status, 405);
  });

  check("refuses what is no UUID with 400 and repeats what was sent", async ({ call }) => {
    const inPath = await call("GET", "/datasets/not-a-uuid/data");
    assert.equal(inPath.status, 400);
    assert.deepEqual(inPath.body.detail[0].loc, ["path", "dataset_id"]);
    const sent = { query: "zebra", datasetIds: ["not-a-uuid"] };
    const inBody = await call("POST", "/search", { json: sent });
    assert.equal(inBody.status, 400);
    assert.deepEqual(inBody.body.body, sent);
    for (const [method, path] of [
      ["GET", "/datasets/status?dataset=not-a-uuid"],
      ["DELETE", `/datasets/${NOWHERE}/data/not-a-uuid`],
      ["DELETE", "/datasets/not-a-uuid"],
    ] as const)
      assert.equal((await call(method, path)).status, 400, path);
  });

  check("sends no Keep-Alive header, though it keeps the connection", async ({ target }) => {
    const { headers } = await fetch(`${target.url}/health`);
    assert.equal(headers.get("keep-alive"), null);
    assert.notEqual(headers.get("connection"), "close");
  });
}
