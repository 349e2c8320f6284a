/** A server's place. `host` is a name or an address, without brackets. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** Who signs in; absent = Redis' default user, without a password. */
export interface Credentials {
  readonly username?: string;
  /** A secret. */
  readonly password?: string;
}

/** Where Redis is. `config/parse-redis-url.ts` reads it from the environment, `engines/redis` connects to it. */
export type RedisAddress =
  | (HostPort & Credentials & { readonly kind: "single"; readonly db: number; readonly tls: boolean })
  | (Credentials & {
      readonly kind: "sentinel";
      readonly sentinels: readonly HostPort[];
      /** The name under which the sentinels watch the master. */
      readonly name: string;
      readonly db: number;
      readonly tls: boolean;
    })
  | (Credentials & { readonly kind: "cluster"; readonly nodes: readonly HostPort[]; readonly tls: boolean });
