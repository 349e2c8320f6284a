import { phasePlan, runPhase } from "./phase.ts";
import { prepareRequests } from "./requests.ts";

/**
 * The load generator: a process of its own. Takes a plan, prepares all its requests, says `prepared`, waits for `go`,
 * sends them and reports. Then it may be given the next plan.
 */
process.on("message", (message) => {
  if (message === "go") return;
  const plan = phasePlan.parse(message);
  const requests = prepareRequests({ ...plan, host: `127.0.0.1:${plan.port}` });
  process.once("message", async () => process.send?.(await runPhase(plan, requests)));
  process.send?.("prepared");
});
process.on("disconnect", () => process.exit());
