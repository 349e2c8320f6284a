import type { FaultCode } from "../faults.ts";

/** What a person can do about each fault. Shown by `doctor` and in docs/errors.md. */
export const advice: Readonly<Record<FaultCode, string>> = {
  CRM_UNREACHABLE:
    "check the network, and ZOHO_DATA_CENTER, ZOHO_API_URL and ZOHO_ACCOUNTS_URL; work resumes by itself",
  CRM_UNAVAILABLE: "wait; work resumes by itself. https://status.zoho.com tells more",
  CRM_RATE_LIMITED: "wait; work resumes by itself. If it is the day's credits, see what else spends them",
  CRM_TOKEN_THROTTLED: "wait ten minutes; see whether another program refreshes with the same token",
  CRM_TOKEN_REVOKED: "make a new refresh token for this client and data centre, set ZOHO_REFRESH_TOKEN, restart",
  CRM_SCOPE_MISSING: "make a refresh token with the scopes that the README lists, set it, restart",
  CRM_FORBIDDEN: "give the CRM user of the token a profile that may read the module",
  CRM_REQUEST_REFUSED: "look at the dead letter; if its ids are right, report it as a bug",
  CRM_REPLY_INVALID: "if it lasts, report it: the CRM may have changed its API",
  CRM_READ_FAILED: "look at the account in the CRM, then redrive its dead letter",
  SINK_UNREACHABLE: "check that the memory layer runs and can be reached; work resumes by itself",
  SINK_UNAVAILABLE:
    "check COGNEE_URL; look at the memory layer's log, its disk and its permissions; work resumes by itself",
  SINK_UNAUTHORIZED: "set COGNEE_API_KEY, or COGNEE_USERNAME and COGNEE_PASSWORD, as Cognee knows them, and restart",
  SINK_FORBIDDEN: "give the user read, write and delete on the dataset, or set another COGNEE_DATASET",
  SINK_OVER_BUDGET: "raise the budget, or wait: work resumes by itself",
  SINK_MODEL_AWAY: "look at the model's key, quota and address in Cognee's own settings; work resumes by itself",
  SINK_DAMAGED: "mend the dataset's graph store as docs/cognee.md says (“A damaged dataset”); work resumes by itself",
  SINK_BUSY: "wait; work resumes by itself when the index run has ended",
  SINK_ACCOUNT_DAMAGED:
    "mend the account's dataset as docs/cognee.md says (“A damaged dataset”); its work resumes by itself, and the others' goes on",
  SINK_REFUSED: "look at the dead letter; redrive it when the memory layer takes the document",
  SINK_MISMATCH:
    "set the memory layer as the running workers have it, or stop them all, and start one: it writes every account anew",
  SINK_WRITE_FAILED: "look at the memory layer's log, then redrive the dead letter",
  DOCUMENT_INVALID: "look at the account in the CRM; report it if the record is sound",
  REASON_INVALID: "report it as a bug, then memhook sync <account id>",
  WORKER_LOST: "look for what ended the process (memory, a kill); then redrive the dead letter",
  STORE_UNAVAILABLE:
    "check DATA_DIR: free space, permissions, and that the disk is there. On Redis: that it runs and can be reached as REDIS_HOST, REDIS_URL or REDIS_CLUSTER_NODES says; work resumes by itself",
  STORE_INVALID:
    "use the release that wrote the store, or a newer one; if it is damaged, stop, keep a copy of DATA_DIR, restore a back-up (memory.db can also be deleted: it is written again from the CRM)",
  STORE_IN_USE: "stop the other process, or give this one a DATA_DIR of its own",
  STORE_UNSAFE:
    "set Redis as memhook doctor says; REDIS_ALLOW_EVICTION=true starts all the same where the eviction policy is meant",
  PORT_UNAVAILABLE: "set PORT or HOST to an address that is free, or stop what listens there",
  CONFIG_INVALID: "correct the variables that are named; docs/configuration.md lists them all",
  UNEXPECTED: "report it with the log line; LOG_LEVEL=debug shows where it happened",
};
