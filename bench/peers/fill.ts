import { Redis } from "ioredis";
import { bodyText, eventIdOf } from "../load/requests.ts";
import { BRIEF_EVENT_TTL_S, BRIEF_QUEUE, briefDedupKey } from "./brief-queue.ts";
import { bullmqJobOptions, openBullmqQueue } from "./bullmq-queue.ts";

/** Events added in one call while a queue is being filled: filling is not what is measured. */
const FILL_CHUNK = 1_000;

/** Fills a peer's queue with the same events that the load generator sends, as the peer's own receiver would keep them. */
const [peer, redisPort, count] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
const add = peer === "bullmq" ? bullmqAdder() : briefAdder();
for (let start = 0; start < count; start += FILL_CHUNK) {
  const numbers = Array.from({ length: Math.min(FILL_CHUNK, count - start) }, (_, n) => start + n);
  await add(numbers.map((n) => ({ id: eventIdOf("fill", n), body: bodyText({ prefix: "fill", firstRecord: 0 }, n) })));
}
process.send?.("filled", () => process.exit());

type Adder = (events: readonly { readonly id: string; readonly body: string }[]) => Promise<unknown>;

function bullmqAdder(): Adder {
  const queue = openBullmqQueue(redisPort);
  return (events) =>
    queue.addBulk(
      events.map(({ id, body }) => ({ name: "event", data: JSON.parse(body), opts: bullmqJobOptions(id) })),
    );
}

function briefAdder(): Adder {
  const redis = new Redis({ host: "127.0.0.1", port: redisPort });
  return (events) => {
    const pipeline = redis.pipeline();
    for (const { id, body } of events) {
      pipeline.set(briefDedupKey(id), "1", "EX", BRIEF_EVENT_TTL_S, "NX");
      pipeline.lpush(BRIEF_QUEUE, body);
    }
    return pipeline.exec();
  };
}
