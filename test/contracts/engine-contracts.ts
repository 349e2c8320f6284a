import { channelStoreContract } from "./channel-store-contract.ts";
import { countersContract } from "./counters-contract.ts";
import { dutiesContract } from "./duties-contract.ts";
import type { StartEngine } from "./engine-harness.ts";
import { leaseContract } from "./lease-contract.ts";
import { ledgerContract } from "./ledger-contract.ts";
import { queueContract } from "./queue-contract.ts";
import { queueViewContract } from "./queue-view-contract.ts";

/** Every suite that an engine passes. */
export function engineContracts(name: string, start: StartEngine): void {
  queueContract(`${name} queue`, start);
  leaseContract(`${name} queue`, start);
  queueViewContract(`${name} queue view`, start);
  ledgerContract(`${name} ledger`, start);
  countersContract(`${name} counters`, start);
  channelStoreContract(`${name} channel store`, start);
  dutiesContract(`${name} duties`, start);
}
