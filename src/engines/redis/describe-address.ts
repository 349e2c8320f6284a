import type { HostPort, RedisAddress } from "../../redis-address.ts";

/** Most servers named in a line of the log: enough to know which Redis it is. */
const NAMED_MAX = 3;

/** The address in words for a log: places only, never a user or a password. */
export function describeAddress(address: RedisAddress): string {
  const tls = address.tls ? " with TLS" : "";
  switch (address.kind) {
    case "single":
      return `${placeOf(address)}, database ${address.db}${tls}`;
    case "sentinel":
      return `master ${address.name} of sentinels ${places(address.sentinels)}, database ${address.db}${tls}`;
    case "cluster":
      return `cluster of ${places(address.nodes)}${tls}`;
  }
}

/** `host:port`, with brackets where the host is an IPv6 address. */
export function placeOf({ host, port }: HostPort): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function places(servers: readonly HostPort[]): string {
  const named = servers.slice(0, NAMED_MAX).map(placeOf).join(", ");
  return servers.length > NAMED_MAX ? `${named}, …` : named;
}
