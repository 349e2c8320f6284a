/**
 * How the stand-in reads what Zoho's documents leave open, or what differs by org. Defaults follow the facts page; where that
 * marks a point unverified, the default is the reading that is hardest on a client. May be changed while it runs.
 */
export interface Behaviour {
  /** Answer a bad access token with AUTHENTICATION_FAILURE in place of INVALID_TOKEN; both were seen. */
  authenticationFailure: boolean;
  /** Scopes of the access tokens. */
  scopes: string[];
  /** `GET /Notes` is for administrators; true = we are none: 403 NOT_SUPPORTED. */
  notesForbidden: boolean;
  /** COQL on Notes is undocumented but seen to work; true = INVALID_QUERY. */
  coqlNotesRefused: boolean;
  /** Rich text in COQL rows is cut to 500 characters as in list reads (unverified). */
  coqlRichTextCut: boolean;
  /** Lookups in COQL rows carry `name` beside `id`; false = `{id}` alone (both were seen). */
  coqlLookupNames: boolean;
  /** COQL takes more than two criteria in one bracket (sources disagree). */
  coqlFlatCriteria: boolean;
  /** Rich text in single reads is cut as well (unverified). */
  singleReadRichTextCut: boolean;
  /** API credits of a rolling day. */
  creditsPerDay: number;
  /** Calls at once; one more is answered 429. */
  concurrencyMax: number;
  /** Calls at once of the heavier classes (COQL, sorted lists, writes of more than 10, composite). */
  subConcurrencyMax: number;
  /** Changes within this window go into one callback. */
  coalesceMs: number;
  /** Most ids of one callback; undocumented. */
  callbackIdsMax: number;
  /** How often a callback that was not answered 2xx is sent again; undocumented, so never. */
  callbackRetries: number;
  /** A merge answers SCHEDULED with a job in place of SUCCESS. */
  mergeScheduled: boolean;
  /** Status reads that a bulk job needs until it is COMPLETED. */
  bulkReadPolls: number;
  /** Rows of one bulk read job (Zoho: 200,000). */
  bulkRowsMax: number;
  /** Spelling of the id column in bulk csv; both were seen. */
  bulkIdColumn: "Id" | "id";
  /** Access tokens in ten minutes; a campaign that restarts its client all the time needs more. */
  tokensPerWindow: number;
  /** Messages of the token throttle are localised for some accounts. */
  throttleLocalised: boolean;
}

/** Scopes that an integration needs, and the broadest of their names. */
export const ALL_SCOPES = [
  "ZohoCRM.modules.ALL",
  "ZohoCRM.notifications.ALL",
  "ZohoCRM.coql.READ",
  "ZohoCRM.bulk.ALL",
  "ZohoCRM.settings.ALL",
  "ZohoCRM.users.ALL",
  "ZohoCRM.org.ALL",
  "ZohoCRM.composite_requests.CUSTOM",
];

/** Makes the default behaviour, with the given exceptions. */
export function createBehaviour(exceptions: Partial<Behaviour> = {}): Behaviour {
  return {
    authenticationFailure: false,
    scopes: [...ALL_SCOPES],
    notesForbidden: false,
    coqlNotesRefused: false,
    coqlRichTextCut: true,
    coqlLookupNames: true,
    coqlFlatCriteria: false,
    singleReadRichTextCut: false,
    creditsPerDay: 100_000, // a small Enterprise org: 50,000 + 1,000 for each of 50 users
    concurrencyMax: 20, // Enterprise
    subConcurrencyMax: 10, // all editions
    coalesceMs: 20,
    callbackIdsMax: 100,
    callbackRetries: 0,
    mergeScheduled: false,
    bulkReadPolls: 1,
    bulkRowsMax: 200_000,
    bulkIdColumn: "Id",
    tokensPerWindow: 10,
    throttleLocalised: false,
    ...exceptions,
  };
}
