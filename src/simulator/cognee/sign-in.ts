import type { Clock } from "../../clock.ts";
import { randomSecret } from "../../random.ts";
import { newUuid } from "./identifiers.ts";
import { type CogneeReply, ok, Refusal } from "./reply.ts";

/** API keys of one user. */
const API_KEYS_MAX = 10;

/** Life of a login. */
const LOGIN_MS = 3_600_000;

/** Logins remembered; the oldest goes first. */
const LOGINS_MAX = 10_000;

/** 64 hexadecimal digits. */
const KEY_BYTES = 32;

interface ApiKey {
  readonly id: string;
  readonly key: string;
  readonly name: string | null;
}

/** The one user of the server, with keys and logins. All survive a restart, as they do where the secret of the logins is set. */
export class SignIn {
  readonly username = "default_user@example.com";
  readonly password = "default_password";
  readonly #clock: Pick<Clock, "now">;
  readonly #keys: ApiKey[] = [];
  /** End of each login in epoch milliseconds, by its token. */
  readonly #logins = new Map<string, number>();

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  /** Makes an API key; one too many is refused, with an error that is an object. */
  createKey(name: string | null): ApiKey {
    if (this.#keys.length >= API_KEYS_MAX)
      throw new Refusal(400, { error: { message: `You have reached the maximum of ${API_KEYS_MAX} API keys.` } });
    const key = { id: newUuid(), key: randomSecret(KEY_BYTES), name };
    this.#keys.push(key);
    return key;
  }

  keys(): readonly ApiKey[] {
    return this.#keys;
  }

  deleteKey(id: string): void {
    const place = this.#keys.findIndex((key) => key.id === id);
    if (place >= 0) this.#keys.splice(place, 1);
  }

  /** `POST /auth/login`: takes a form; JSON is refused like a wrong password. */
  login(body: string, contentType: string): CogneeReply {
    const form = new URLSearchParams(/^application\/x-www-form-urlencoded\b/i.test(contentType) ? body : "");
    if (form.get("username") !== this.username || form.get("password") !== this.password)
      throw new Refusal(400, { detail: "LOGIN_BAD_CREDENTIALS" });
    const token = `${randomSecret(KEY_BYTES)}.${randomSecret(KEY_BYTES)}`;
    this.#logins.set(token, this.#clock.now() + LOGIN_MS);
    const [oldest] = this.#logins.keys();
    if (this.#logins.size > LOGINS_MAX && oldest !== undefined) this.#logins.delete(oldest);
    const cookie = `auth_token=${token}; HttpOnly; Max-Age=${LOGIN_MS / 1000}; Path=/; SameSite=lax`;
    return { ...ok({ access_token: token, token_type: "bearer" }), headers: { "set-cookie": cookie } };
  }

  /** Refuses who is known neither by key, nor by login. One that is good is enough, whatever stands beside it. */
  authenticate(header: (name: string) => string | undefined): void {
    const key = header("x-api-key");
    if (key !== undefined && this.#keys.some((known) => known.key === key)) return;
    const bearer = /^Bearer (.+)$/i.exec(header("authorization") ?? "")?.[1];
    const cookie = /(?:^|;\s*)auth_token=([^;]+)/.exec(header("cookie") ?? "")?.[1];
    if ([bearer, cookie].some((token) => this.#isLive(token))) return;
    const posture = "auth posture: inherited from ENABLE_BACKEND_ACCESS_CONTROL";
    throw new Refusal(401, { detail: `Authentication required (${posture}).` });
  }

  /** Ends all logins, as a restart does where the server makes its secret anew. */
  endLogins(): void {
    this.#logins.clear();
  }

  #isLive(token: string | undefined): boolean {
    return token !== undefined && (this.#logins.get(token) ?? 0) > this.#clock.now();
  }
}
