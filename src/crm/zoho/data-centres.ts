/** The hosts of one Zoho data centre, as bare origins. */
export interface DataCentre {
  readonly accountsUrl: string;
  readonly apiUrl: string;
}

/**
 * Code → hosts. From the official SDKs' data-centre files, except where noted. Tokens are bound to their data centre.
 * Canada is the odd one: accounts at zohocloud.ca, API at zohoapis.ca.
 */
export const dataCentres = {
  us: { accountsUrl: "https://accounts.zoho.com", apiUrl: "https://www.zohoapis.com" },
  eu: { accountsUrl: "https://accounts.zoho.eu", apiUrl: "https://www.zohoapis.eu" },
  in: { accountsUrl: "https://accounts.zoho.in", apiUrl: "https://www.zohoapis.in" },
  au: { accountsUrl: "https://accounts.zoho.com.au", apiUrl: "https://www.zohoapis.com.au" },
  jp: { accountsUrl: "https://accounts.zoho.jp", apiUrl: "https://www.zohoapis.jp" },
  cn: { accountsUrl: "https://accounts.zoho.com.cn", apiUrl: "https://www.zohoapis.com.cn" },
  ca: { accountsUrl: "https://accounts.zohocloud.ca", apiUrl: "https://www.zohoapis.ca" },
  sa: { accountsUrl: "https://accounts.zoho.sa", apiUrl: "https://www.zohoapis.sa" },
  // Accounts host from Zoho's multi-DC page; the API host follows the pattern and is unverified.
  uk: { accountsUrl: "https://accounts.zoho.uk", apiUrl: "https://www.zohoapis.uk" },
  // API host from the WorkDrive multi-DC page; the accounts host follows the pattern and is unverified.
  ae: { accountsUrl: "https://accounts.zoho.ae", apiUrl: "https://www.zohoapis.ae" },
} as const satisfies Record<string, DataCentre>;

/** A data centre that memhook knows. */
export type DataCentreCode = keyof typeof dataCentres;

const API_ORIGINS: ReadonlySet<string> = new Set(Object.values(dataCentres).map((centre) => centre.apiUrl));

/**
 * The API origin to use: the one that the sign-in named, if both it and the configured one are data centres that we
 * know. Whoever configured another host (a sandbox, a stand-in) stays there: his token must not travel to Zoho.
 */
export function trustedApiUrl(configuredUrl: string, namedUrl: string | undefined): string {
  if (namedUrl === undefined || !API_ORIGINS.has(configuredUrl)) return configuredUrl;
  const origin = URL.parse(namedUrl)?.origin;
  return origin !== undefined && API_ORIGINS.has(origin) ? origin : configuredUrl;
}
