import assert from "node:assert/strict";
import { test } from "node:test";
import { openRig } from "./rig.test.ts";

test("gives an access token for an hour, from urlencoded, multipart and query parameters", async (t) => {
  const { simulator, signIn } = await openRig(t);
  const urlencoded = await signIn();
  assert.equal(urlencoded.status, 200);
  assert.equal(urlencoded.body.expires_in, 3600);
  assert.equal(urlencoded.body.token_type, "Bearer");
  assert.equal(urlencoded.body.api_domain, simulator.url);

  const { credentials, url } = simulator;
  const form = new FormData();
  form.set("grant_type", "refresh_token");
  form.set("client_id", credentials.ZOHO_CLIENT_ID);
  form.set("client_secret", credentials.ZOHO_CLIENT_SECRET);
  form.set("refresh_token", credentials.ZOHO_REFRESH_TOKEN);
  const multipart = await fetch(`${url}/oauth/v2/token`, { method: "POST", body: form });
  assert.match(await multipart.text(), /access_token/);

  const query = new URLSearchParams([...form].map(([name, value]): [string, string] => [name, String(value)]));
  const inQuery = await fetch(`${url}/oauth/v2/token?${query}`, { method: "POST" });
  assert.match(await inQuery.text(), /access_token/);
});

test("answers wrong secrets with HTTP 200 and an error", async (t) => {
  const { signIn } = await openRig(t);
  for (const [name, error] of [
    ["client_id", "invalid_client"],
    ["client_secret", "invalid_client_secret"],
    ["refresh_token", "invalid_code"],
  ] as const) {
    const { status, body } = await signIn({ [name]: "wrong" });
    assert.deepEqual([status, body], [200, { error }]);
  }
});

test("blocks a refresh token after ten access tokens until ten minutes have passed", async (t) => {
  const { signIn, clock } = await openRig(t);
  for (let count = 0; count < 10; count += 1) assert.ok((await signIn()).body.access_token);
  const refused = await signIn();
  assert.deepEqual([refused.status, refused.body.error], [400, "Access Denied"]);
  await clock.advance(599_000);
  assert.equal((await signIn()).status, 400);
  await clock.advance(1000);
  assert.ok((await signIn()).body.access_token);
});

test("says the throttle in another language for some accounts, and on demand", async (t) => {
  const { signIn, simulator } = await openRig(t);
  simulator.mischief.tokenThrottled = true;
  simulator.behaviour.throttleLocalised = true;
  const { status, body } = await signIn();
  assert.equal(status, 400);
  assert.notEqual(body.error, "Access Denied");
  assert.equal(body.status, "failure");
});

test("refuses a call without, with a wrong and with an expired token", async (t) => {
  const { call, clock, simulator } = await openRig(t);
  const path = "Accounts?fields=Account_Name";
  for (const authorization of ["", "Bearer x", "Zoho-oauthtoken x"]) {
    const { status, body } = await call("GET", path, { headers: { authorization } });
    assert.equal(status, 401);
    assert.deepEqual(body, { code: "INVALID_TOKEN", details: {}, message: "invalid oauth token", status: "error" });
  }
  assert.equal((await call("GET", path)).status, 200);
  simulator.expireTokens();
  assert.equal((await call("GET", path)).body.code, "INVALID_TOKEN");
  simulator.behaviour.authenticationFailure = true;
  assert.equal((await call("GET", path)).body.code, "AUTHENTICATION_FAILURE");
  await clock.advance(3_600_000);
  assert.equal((await call("GET", path)).status, 200);
});

test("lets a token die with its hour", async (t) => {
  const { signIn, clock, simulator } = await openRig(t);
  const authorization = `Zoho-oauthtoken ${(await signIn()).body.access_token}`;
  const read = () => fetch(`${simulator.url}/crm/v8/Accounts?fields=id`, { headers: { authorization } });
  await clock.advance(3_599_999);
  assert.equal((await read()).status, 200);
  await clock.advance(1);
  assert.equal((await read()).status, 401);
});

test("refuses what the scopes do not cover", async (t) => {
  const { call, coql, simulator } = await openRig(t);
  simulator.behaviour.scopes = ["zohocrm.modules.accounts.READ", "ZohoCRM.settings.ALL"];
  assert.equal((await call("GET", "Accounts?fields=id")).status, 200);
  assert.equal((await call("GET", "settings/fields?module=Accounts")).status, 200);
  for (const refused of [
    await call("GET", "Contacts?fields=id"),
    await call("POST", "Accounts", { body: { data: [{ Account_Name: "x" }] } }),
    await coql("select id from Accounts where id is not null"),
    await call("GET", "actions/watch"),
  ])
    assert.deepEqual([refused.status, refused.body.code], [401, "OAUTH_SCOPE_MISMATCH"]);
});

test("revokes access tokens and the refresh token", async (t) => {
  const { signIn, simulator } = await openRig(t);
  const revoke = (token: string) => fetch(`${simulator.url}/oauth/v2/token/revoke?token=${token}`, { method: "POST" });
  assert.equal((await revoke("unknown")).status, 400);
  assert.equal((await revoke((await signIn()).body.access_token)).status, 200);
  assert.equal((await revoke(simulator.credentials.ZOHO_REFRESH_TOKEN)).status, 200);
  assert.deepEqual((await signIn()).body, { error: "invalid_code" });
});
