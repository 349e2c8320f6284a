import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { systemClock, withTimeout } from "../../clock.ts";

/** Longest wait for a receiver's answer. */
const TIMEOUT_MS = 5000;

/** How an attempt to deliver ended: the receiver's status, or `failed` when no answer came. */
export type PostOutcome = number | "failed";

/** A message to a receiver; POST unless it says otherwise. */
export interface Message {
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly method?: string;
}

/** Sends one message. Redirects are not followed. */
export async function post(url: string, message: Message, signal: AbortSignal): Promise<PostOutcome> {
  try {
    return await withTimeout(systemClock, { ms: TIMEOUT_MS, signal }, async (ending) => {
      const answer = await fetch(url, {
        method: message.method ?? "POST",
        body: message.body === "" ? null : message.body,
        headers: message.headers,
        redirect: "manual",
        signal: ending,
      });
      await answer.body?.cancel();
      return answer.status;
    });
  } catch (error) {
    // fetch tells of networks that fail and of signals; both mean that nobody answered.
    if (error instanceof Error) return "failed";
    throw error;
  }
}

/** Announces the whole body, sends half of it and cuts the connection. */
export function postTorn(url: string, message: Message): Promise<void> {
  const open = url.startsWith("https:") ? httpsRequest : httpRequest;
  const bytes = Buffer.from(message.body);
  return new Promise((resolve) => {
    const socket = open(url, {
      method: "POST",
      headers: { ...message.headers, "content-length": bytes.length },
      timeout: TIMEOUT_MS,
    });
    socket.on("close", () => resolve());
    socket.on("error", () => resolve());
    socket.write(bytes.subarray(0, Math.floor(bytes.length / 2)), () => socket.destroy());
  });
}
