import { startEmbedded } from "../contracts/embedded-harness.ts";
import { queueWalks } from "./queue-walks.ts";

/** Some five seconds on two cores. */
const WALKS = 100;

queueWalks("the embedded engine", startEmbedded, WALKS);
