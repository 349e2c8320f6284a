import assert from "node:assert/strict";
import { test } from "node:test";
import { manualClock } from "../../clock.ts";
import { Fault, type FaultCode } from "../../faults.ts";
import { silentLog } from "../../log.ts";
import { sealText } from "../../sealed.ts";
import type { SealedStore } from "../../sealed-store.ts";
import { AccessTokens } from "./oauth.ts";

interface Answer {
  readonly status?: number;
  readonly body: unknown;
  readonly headers?: Record<string, string>;
}

/** A sign-in that gives these answers in turn, the last one for ever. */
function signIn(
  answers: readonly Answer[],
  apiUrl = "https://www.zohoapis.com",
  more: Partial<ConstructorParameters<typeof AccessTokens>[0]> = {},
) {
  const { clock: given = manualClock() } = more;
  const clock = manualClock(given.now());
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
    log: silentLog,
    timeoutMs: 1_000,
    count: () => undefined,
    ...more,
    clock,
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

/** A store in memory, and sign-ins of successive processes that share it. */
function restarts() {
  const texts = new Map<string, string>();
  const trouble: { fault: Error | undefined } = { fault: undefined };
  const calls = { reads: 0, writes: 0 };
  const store: SealedStore = {
    read: async (name) => {
      calls.reads += 1;
      if (trouble.fault !== undefined) throw trouble.fault;
      return texts.get(name);
    },
    write: async (name, sealed) => {
      calls.writes += 1;
      if (trouble.fault !== undefined) throw trouble.fault;
      texts.set(name, sealed);
    },
  };
  const start = (answers: readonly Answer[], more: Parameters<typeof signIn>[2] = {}, apiUrl?: string) =>
    signIn(answers, apiUrl, { tokens: store, ...more });
  return { texts, trouble, calls, start };
}

test("a token survives restarts: eleven lives ask once", async () => {
  const { start } = restarts();
  let asked = 0;
  for (let life = 0; life < 11; life += 1) {
    const { tokens, requests } = start([good("a")]);
    assert.equal((await tokens.access()).token, "a");
    asked += requests.length;
  }
  assert.equal(asked, 1);
});

test("a stored token keeps its data centre and its end", async () => {
  const { start } = restarts();
  const first = await start([good("a", { api_domain: "https://www.zohoapis.eu" })]).tokens.access();
  assert.deepEqual(await start([good("b")]).tokens.access(), first);
  assert.equal(first.apiUrl, "https://www.zohoapis.eu");
});

test("a stored token is used while it has a minute left, and not after", async () => {
  const { start } = restarts();
  const first = start([good("a")]);
  await first.tokens.access();
  const at = (ms: number) => ({ clock: manualClock(first.clock.now() + ms) });
  const late = start([good("b")], at(3_600_000 - 60_000));
  assert.equal((await late.tokens.access()).token, "a");
  await late.clock.advance(1);
  assert.equal((await late.tokens.access()).token, "b");
});

test("a process takes the token that another one renewed, instead of renewing it again", async () => {
  const { start } = restarts();
  const one = start([good("a"), good("b")]);
  const other = start([good("c")]);
  await one.tokens.access();
  assert.equal((await other.tokens.access()).token, "a");
  await one.clock.advance(3_550_000);
  await other.clock.advance(3_550_000);
  assert.equal((await one.tokens.access()).token, "b");
  assert.equal((await other.tokens.access()).token, "b");
  assert.deepEqual([one.requests.length, other.requests.length], [2, 0]);
});

test("a stored token that Zoho refuses is discarded, in this life and the next", async () => {
  const { start } = restarts();
  await start([good("a")]).tokens.access();
  const second = start([good("b")]);
  second.tokens.invalidate(await second.tokens.access());
  assert.equal((await second.tokens.access()).token, "b");
  assert.equal((await start([good("c")]).tokens.access()).token, "b");
});

test("only renewals that were made count towards the ten in ten minutes", async () => {
  const { start } = restarts();
  await start([good("a")]).tokens.access();
  const { tokens, requests } = start(Array.from({ length: 12 }, (_, n) => good(`b${n}`)));
  tokens.invalidate(await tokens.access());
  for (let n = 0; n < 10; n += 1) tokens.invalidate(await tokens.access());
  await assert.rejects(tokens.access(), failsWith("CRM_TOKEN_THROTTLED"));
  assert.equal(requests.length, 10);
});

test("what is stored tells nothing, and is of no use to another client, secret or sign-in host", async () => {
  const { start, texts } = restarts();
  await start([good("the-access-token")]).tokens.access();
  const [[name = "", sealed = ""] = []] = [...texts];
  assert.match(name, /^zoho-token:[0-9a-f]{16}$/);
  for (const secret of ["the-access-token", "the-secret", "the-refresh-token", "the-client", "zohoapis"]) {
    assert.ok(!sealed.includes(secret) && !Buffer.from(sealed.slice(3), "base64url").includes(secret));
  }
  for (const change of [
    { clientId: "another" },
    { clientSecret: "another" },
    { refreshToken: "another" },
    { accountsUrl: "https://accounts.zoho.eu" },
  ]) {
    assert.equal((await start([good("b")], change).tokens.access()).token, "b", JSON.stringify(change));
  }
});

test("a stored token never goes to a host that is not trusted now", async () => {
  const { start } = restarts();
  await start([good("a")], {}, "https://www.zohoapis.com").tokens.access();
  assert.equal((await start([good("b")], {}, "http://127.0.0.1:9").tokens.access()).apiUrl, "http://127.0.0.1:9");
});

test("a torn or foreign stored text is as good as none", async () => {
  const { start, texts } = restarts();
  await start([good("a")]).tokens.access();
  const [name = ""] = texts.keys();
  const keys = { secrets: ["the-secret", "the-refresh-token"], purpose: name };
  for (const text of ["torn", texts.get(name)?.slice(0, 40) ?? "", sealText("no JSON", keys), sealText("{}", keys)]) {
    texts.set(name, text);
    assert.equal((await start([good("b")]).tokens.access()).token, "b");
  }
});

test("a store that is away costs a renewal and nothing else, and is asked once a renewal", async () => {
  const { start, trouble, calls } = restarts();
  trouble.fault = new Fault("STORE_UNAVAILABLE", "testing");
  const { tokens, requests } = start([good("a")]);
  for (let n = 0; n < 5; n += 1) assert.equal((await tokens.access()).token, "a");
  assert.equal(requests.length, 1);
  assert.deepEqual(calls, { reads: 1, writes: 1 });
});

test("a bug of the store is not hidden", async () => {
  const { start, trouble } = restarts();
  trouble.fault = new TypeError("broken");
  await assert.rejects(start([good("a")]).tokens.access(), TypeError);
});
