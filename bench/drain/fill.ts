import { openBenchEngine } from "../open-engine.ts";
import { fillQueue } from "./events.ts";

/** Fills a queue for other processes to work off. */
const [address = "", count] = [process.argv[2], Number(process.argv[3])];
const engine = await openBenchEngine(address);
await fillQueue(engine.queue, { from: 0, to: count });
await engine.close();
process.send?.("filled"); // Last: the parent ends this process when it has the answer.
process.disconnect();
