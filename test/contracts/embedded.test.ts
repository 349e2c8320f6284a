import { startEmbedded } from "./embedded-harness.ts";
import { engineContracts } from "./engine-contracts.ts";

engineContracts("embedded", startEmbedded);
