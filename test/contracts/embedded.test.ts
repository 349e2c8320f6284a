import { channelStoreContract } from "./channel-store-contract.ts";
import { countersContract } from "./counters-contract.ts";
import { startEmbedded } from "./embedded-harness.ts";
import { leaseContract } from "./lease-contract.ts";
import { ledgerContract } from "./ledger-contract.ts";
import { queueContract } from "./queue-contract.ts";
import { queueViewContract } from "./queue-view-contract.ts";

queueContract("embedded queue", startEmbedded);
leaseContract("embedded queue", startEmbedded);
queueViewContract("embedded queue view", startEmbedded);
ledgerContract("embedded ledger", startEmbedded);
countersContract("embedded counters", startEmbedded);
channelStoreContract("embedded channel store", startEmbedded);
