import { startThreaded } from "../embedded-harness.ts";
import { engineContracts } from "../engine-contracts.ts";

engineContracts("embedded, in a thread:", startThreaded);
