import { channelStoreContract } from "../channel-store-contract.ts";
import { countersContract } from "../counters-contract.ts";
import { startThreaded } from "../embedded-harness.ts";
import { leaseContract } from "../lease-contract.ts";
import { ledgerContract } from "../ledger-contract.ts";
import { queueContract } from "../queue-contract.ts";
import { queueViewContract } from "../queue-view-contract.ts";

queueContract("embedded, in a thread: queue", startThreaded);
leaseContract("embedded, in a thread: queue", startThreaded);
queueViewContract("embedded, in a thread: queue view", startThreaded);
ledgerContract("embedded, in a thread: ledger", startThreaded);
countersContract("embedded, in a thread: counters", startThreaded);
channelStoreContract("embedded, in a thread: channel store", startThreaded);
