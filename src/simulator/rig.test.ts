import { createServer, type IncomingHttpHeaders } from "node:http";
import type { TestContext } from "node:test";
import { type ManualClock, manualClock } from "../clock.ts";
import { type Simulator, type SimulatorOptions, startSimulator } from "./simulator.ts";

/** What a call answered. `body` is undefined when it was empty. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into replies of many shapes; a wrong guess fails the test.
  readonly body: any;
}

export interface Rig {
  readonly simulator: Simulator;
  readonly clock: ManualClock;
  /** Calls with a live token. `path` begins behind the version, as in `Accounts?fields=id`. */
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  coql(query: string, version?: string): Promise<Answer>;
  signIn(changes?: Record<string, string>): Promise<Answer>;
}

export interface CallOptions {
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  /** Default `crm/v8`. */
  readonly base?: string;
}

/** A simulator on a clock that stands still, closed when the test ends. */
export async function openRig(t: TestContext, options: Partial<SimulatorOptions> = {}): Promise<Rig> {
  const clock = manualClock();
  const simulator = await startSimulator({ clock, accounts: 12, seed: 7, ...options });
  t.after(() => simulator.close());
  let token: string | undefined;
  let tokenEndsAt = 0;

  const rig: Rig = {
    simulator,
    clock,
    signIn: async (changes = {}) => {
      const form = new URLSearchParams({
        grant_type: "refresh_token",
        client_id: simulator.credentials.ZOHO_CLIENT_ID,
        client_secret: simulator.credentials.ZOHO_CLIENT_SECRET,
        refresh_token: simulator.credentials.ZOHO_REFRESH_TOKEN,
        ...changes,
      });
      return answerOf(await fetch(`${simulator.url}/oauth/v2/token`, { method: "POST", body: form }));
    },
    call: async (method, path, { body, headers = {}, base = "crm/v8" } = {}) => {
      if (token === undefined || clock.now() >= tokenEndsAt) {
        token = String((await rig.signIn()).body.access_token);
        tokenEndsAt = clock.now() + 3_600_000;
      }
      const init: RequestInit = { method, headers: { authorization: `Zoho-oauthtoken ${token}`, ...headers } };
      // Bytes, so that fetch adds no Content-Type: the official SDKs send none.
      if (body !== undefined) init.body = Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
      return answerOf(await fetch(`${simulator.url}/${base}/${path}`, init));
    },
    coql: (query, version = "v8") =>
      rig.call("POST", "coql", { body: { select_query: query }, base: `crm/${version}` }),
  };
  return rig;
}

/** Reads a response whole. */
export async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.includes("json") === true;
  return {
    status: response.status,
    headers: response.headers,
    body: text === "" ? undefined : isJson ? JSON.parse(text) : text,
  };
}

export interface Received {
  readonly text: string;
  readonly headers: IncomingHttpHeaders;
  /** The whole body arrived. */
  readonly isWhole: boolean;
}

export interface Receiver {
  readonly url: string;
  readonly received: Received[];
  status: number;
  /** Resolves when as many deliveries have arrived in all. */
  arrived(count: number): Promise<void>;
}

/** A receiver of callbacks, closed when the test ends. */
export async function openReceiver(t: TestContext): Promise<Receiver> {
  const waiting: { count: number; resolve: () => void }[] = [];
  const receiver: Receiver & { url: string } = {
    url: "",
    received: [],
    status: 200,
    arrived: (count) =>
      new Promise((resolve) => {
        if (receiver.received.length >= count) resolve();
        else waiting.push({ count, resolve });
      }),
  };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    let isKept = false;
    const keep = (isWhole: boolean) => {
      if (isKept) return;
      isKept = true;
      receiver.received.push({ text: Buffer.concat(chunks).toString(), headers: request.headers, isWhole });
      for (const waiter of waiting) if (receiver.received.length >= waiter.count) waiter.resolve();
    };
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      response.writeHead(receiver.status).end();
      keep(true);
    });
    request.on("close", () => keep(request.complete));
    request.on("error", () => keep(false));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address !== null && typeof address === "object") receiver.url = `http://127.0.0.1:${address.port}/hook`;
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return receiver;
}
