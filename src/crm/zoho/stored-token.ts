import { hash } from "node:crypto";
import { z } from "zod";
import { Fault } from "../../faults.ts";
import type { Log } from "../../log.ts";
import { openSealed, sealText } from "../../sealed.ts";
import type { SealedStore } from "../../sealed-store.ts";

/** Hex digits of the hash that names a client's token: enough to keep the clients of one store apart. */
const NAME_DIGITS = 16;

/** An access token as it outlives the process. */
export interface StoredToken {
  readonly token: string;
  /** API origin that came with it; to be judged anew by whoever reads it. */
  readonly apiUrl: string;
  /** Epoch milliseconds. */
  readonly expiresAt: number;
}

const storedToken = z.object({ token: z.string().min(1), apiUrl: z.string(), expiresAt: z.number() });

/** Whose token it is, and where it is kept. */
export interface TokenKeepingOptions {
  readonly accountsUrl: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly refreshToken: string;
  readonly tokens?: SealedStore;
  readonly log: Log;
}

/**
 * Keeps the access token across restarts, sealed under the client's own secrets, and shares it with the commands beside a
 * service. A store that is away is no reason not to sign in: the token is then kept by nobody, at the cost of one more renewal.
 */
export class TokenKeeping {
  readonly #options: TokenKeepingOptions;
  readonly #name: string;

  constructor(options: TokenKeepingOptions) {
    this.#options = options;
    const client = JSON.stringify([options.clientId, options.accountsUrl]);
    this.#name = `zoho-token:${hash("sha256", client, "hex").slice(0, NAME_DIGITS)}`;
  }

  /** The token that was kept last; undefined when there is none that these secrets open. */
  async read(): Promise<StoredToken | undefined> {
    const sealed = await this.#tolerant(async (store) => store.read(this.#name));
    const text = sealed === undefined ? undefined : openSealed(sealed, this.#keys());
    return text === undefined ? undefined : storedTokenIn(text);
  }

  async write({ token, apiUrl, expiresAt }: StoredToken): Promise<void> {
    const text = JSON.stringify({ token, apiUrl, expiresAt });
    await this.#tolerant(async (store) => store.write(this.#name, sealText(text, this.#keys())));
  }

  #keys() {
    const { clientSecret, refreshToken } = this.#options;
    return { secrets: [clientSecret, refreshToken], purpose: this.#name };
  }

  async #tolerant<Value>(step: (store: SealedStore) => Promise<Value>): Promise<Value | undefined> {
    const { tokens: store, log } = this.#options;
    if (store === undefined) return undefined;
    try {
      return await step(store);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      log.warn({ error }, "the access token cannot be kept across restarts at the moment");
      return undefined;
    }
  }
}

function storedTokenIn(text: string): StoredToken | undefined {
  try {
    return storedToken.safeParse(JSON.parse(text)).data;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
