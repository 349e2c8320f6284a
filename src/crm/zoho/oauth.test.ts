import assert from "node:assert/strict";
import { test } from "node:test";
import { manualClock } from "../../clock.ts";
import { Fault, type FaultCode } from "../../faults.ts";
import { silentLog } from "../../log.ts";
import { AccessTokens } from "./oauth.ts";

interface Answer {
  readonly status?: number;
  readonly body: unknown;
  readonly headers?: Record<string, string>;
}

/** A sign-in that gives these answers in turn, the last one for ever. */
function signIn(answers: readonly Answer[], apiUrl = "https://www.zohoapis.com") {
  const clock = manualClock();
  const requests: { readonly url: string; readonly body: string }[] = [];
  const fake: typeof fetch = async (input, init) => {
    requests.push({ url: String(input), body: String(init?.body) });
    const answer = answers[Math.min(requests.length, answers.length) - 1];
    const text = typeof answer?.body === "string" ? answer.body : JSON.stringify(answer?.body);
    return new Response(text, { status: answer?.status ?? 200, headers: answer?.headers ?? {} });
  };
  const tokens = new AccessTokens({
    accountsUrl: "https://accounts.zoho.com",
    apiUrl,
    clientId: "the-client",
    clientSecret: "the-secret",
    refreshToken: "the-refresh-token",
    http: { clock, fetch: fake },
    clock,
    log: silentLog,
    timeoutMs: 1_000,
    count: () => undefined,
  });
  return { tokens, clock, requests };
}

const good = (token: string, more: object = {}): Answer => ({
  body: { access_token: token, expires_in: 3600, ...more },
});
const failsWith = (code: FaultCode) => (error: unknown) => error instanceof Fault && error.code === code;

test("asks once however many callers wait, and keeps secrets out of the address", async () => {
  const { tokens, requests } = signIn([good("a")]);
  const accesses = await Promise.all([tokens.access(), tokens.access(), tokens.access()]);
  assert.deepEqual(
    accesses.map((access) => access.token),
    ["a", "a", "a"],
  );
  assert.equal(requests.length, 1);
  assert.equal(requests[0]?.url, "https://accounts.zoho.com/oauth/v2/token");
  assert.match(requests[0]?.body ?? "", /refresh_token=the-refresh-token/);
});

test("renews a token at least a minute before it ends, and not long before", async () => {
  const { tokens, clock } = signIn([good("a"), good("b")]);
  await tokens.access();
  await clock.advance(3_500_000);
  assert.equal((await tokens.access()).token, "a");
  await clock.advance(40_000);
  assert.equal((await tokens.access()).token, "b");
});

test("reads the legacy life, where expires_in is in milliseconds", async () => {
  const { tokens, clock, requests } = signIn([good("a", { expires_in: 3_600_000, expires_in_sec: 3600 })]);
  const access = await tokens.access();
  assert.equal(access.expiresAt, clock.now() + 3_600_000);
  await clock.advance(3_590_000);
  await tokens.access();
  assert.equal(requests.length, 2);
});

test("takes a failure with status 200 for a failure", async () => {
  for (const error of ["invalid_code", "invalid_client", "invalid_client_secret"]) {
    const { tokens } = signIn([{ body: { error } }]);
    await assert.rejects(tokens.access(), failsWith("CRM_TOKEN_REVOKED"));
  }
});

test("recognises the throttle in any language and does not ask again while it lasts", async () => {
  const throttle: Answer = { status: 400, body: { error: "访问被拒绝", status: "failure" } };
  const { tokens, clock, requests } = signIn([throttle, good("a")]);
  const error = await tokens.access().catch((reason: unknown) => reason);
  assert.ok(error instanceof Fault && error.code === "CRM_TOKEN_THROTTLED" && (error.retryAfterMs ?? 0) > 0);
  await assert.rejects(tokens.access(), failsWith("CRM_TOKEN_THROTTLED"));
  assert.equal(requests.length, 1);
  await clock.advance(error.retryAfterMs ?? 0);
  assert.equal((await tokens.access()).token, "a");
});

test("takes a page of HTML or a server error for an outage", async () => {
  for (const answer of [{ body: "<html>maintenance</html>" }, { status: 502, body: "bad gateway" }]) {
    await assert.rejects(signIn([answer]).tokens.access(), failsWith("CRM_UNAVAILABLE"));
  }
});

test("never renews more than ten times in ten minutes", async () => {
  const { tokens, clock, requests } = signIn([good("a")]);
  for (let n = 0; n < 10; n += 1) tokens.invalidate(await tokens.access());
  const error = await tokens.access().catch((reason: unknown) => reason);
  assert.ok(error instanceof Fault && error.code === "CRM_TOKEN_THROTTLED");
  assert.equal(error.retryAfterMs, 600_000);
  await clock.advance(600_000);
  await tokens.access();
  assert.equal(requests.length, 11);
});

test("goes on with a token that has not ended when it cannot be renewed", async () => {
  const { tokens, clock } = signIn([good("a"), { status: 503, body: "" }]);
  await tokens.access();
  await clock.advance(3_550_000);
  assert.equal((await tokens.access()).token, "a");
  await clock.advance(60_000);
  await assert.rejects(tokens.access(), failsWith("CRM_UNAVAILABLE"));
});

test("keeps a token that another caller renewed while the old one was being refused", async () => {
  const { tokens, requests } = signIn([good("a"), good("b")]);
  const old = await tokens.access();
  tokens.invalidate(old);
  assert.equal((await tokens.access()).token, "b");
  tokens.invalidate(old);
  assert.equal((await tokens.access()).token, "b");
  assert.equal(requests.length, 2);
});

test("moves to another data centre of Zoho's, and nowhere else", async () => {
  const named = async (domain: string, configured: string) =>
    (await signIn([good("a", { api_domain: domain })], configured).tokens.access()).apiUrl;
  assert.equal(await named("https://www.zohoapis.eu", "https://www.zohoapis.com"), "https://www.zohoapis.eu");
  assert.equal(await named("https://evil.example", "https://www.zohoapis.com"), "https://www.zohoapis.com");
  assert.equal(
    await named("https://www.zohoapis.com.evil.example", "https://www.zohoapis.com"),
    "https://www.zohoapis.com",
  );
  assert.equal(await named("https://www.zohoapis.com", "http://127.0.0.1:9"), "http://127.0.0.1:9");
});
