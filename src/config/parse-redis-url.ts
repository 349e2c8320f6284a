import type { Credentials, HostPort, RedisAddress } from "../redis-address.ts";

const PORT_DEFAULT = 6_379;
const SENTINEL_PORT_DEFAULT = 26_379;
/** Beyond it somebody pasted a file. */
const URL_LENGTH_MAX = 4_096;
/** Sentinels come in threes and fives. */
const SENTINELS_MAX = 50;

const URL_PARTS =
  /^(redis|rediss|redis\+sentinel|rediss\+sentinel):\/\/(?:([^@/?#\s]*)@)?([^@/?#\s]+)(?:\/([^?#\s]*))?$/;

/** Reads `redis://`, `rediss://` and `redis+sentinel://`; undefined for anything else. */
export function parseRedisUrl(text: string): RedisAddress | undefined {
  const [, scheme, user, hosts, path = ""] = (text.length <= URL_LENGTH_MAX && URL_PARTS.exec(text)) || [];
  if (scheme === undefined || hosts === undefined) return undefined;
  const credentials = parseCredentials(user);
  if (credentials === undefined) return undefined;
  const tls = scheme.startsWith("rediss");
  if (!scheme.endsWith("+sentinel")) {
    const [server, db] = [parseHostPort(hosts, PORT_DEFAULT), parseDatabase(path)];
    if (server === undefined || db === undefined) return undefined;
    return { kind: "single", ...server, ...credentials, db, tls };
  }
  const sentinels = hosts.split(",").map((each) => parseHostPort(each, SENTINEL_PORT_DEFAULT));
  const [encodedName = "", number = "", ...rest] = path.split("/");
  const [name, db] = [decoded(encodedName), parseDatabase(number)];
  if (name === undefined || name === "" || db === undefined || rest.length > 0) return undefined;
  const known = sentinels.filter((sentinel) => sentinel !== undefined);
  if (known.length !== sentinels.length || known.length > SENTINELS_MAX) return undefined;
  return { kind: "sentinel", sentinels: known, name, ...credentials, db, tls };
}

/** Reads `host:port` and `[::1]:port`; without a port only where there is a default. */
export function parseHostPort(text: string, portDefault?: number): HostPort | undefined {
  const match = /^(?:([A-Za-z0-9._-]{1,253})|\[([0-9A-Fa-f:.]{2,45})\])(?::(\d{1,5}))?$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = match?.[3] === undefined ? portDefault : Number(match[3]);
  if (host === undefined || port === undefined || port < 1 || port > 65_535) return undefined;
  return { host, port };
}

function parseDatabase(text: string): number | undefined {
  if (!/^\d{0,5}$/.test(text) || Number(text) > 65_535) return undefined;
  return Number(text);
}

/** `user:password`, `:password` or `password@`-less nothing; undefined when it is no percent-encoding. */
function parseCredentials(text: string | undefined): Credentials | undefined {
  if (text === undefined || text === "") return {};
  const at = text.indexOf(":");
  const username = decoded(at === -1 ? text : text.slice(0, at));
  const password = at === -1 ? "" : decoded(text.slice(at + 1));
  if (username === undefined || password === undefined) return undefined;
  return { ...(username === "" ? {} : { username }), ...(password === "" ? {} : { password }) };
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}
