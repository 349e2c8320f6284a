/** Modules that an account's document is made from, besides configured custom ones. */
export const ACTIVITY_MODULES = ["Tasks", "Events", "Calls"] as const;

const ADDRESS_PARTS = ["Street", "City", "State", "Code", "Country"];
const EVERYWHERE = ["Owner", "Created_Time", "Modified_Time"];

/** What is read of one module. */
interface ModuleFields {
  /** Needed to find the account; always asked for. */
  readonly links: readonly string[];
  /** Exist in every org unless an administrator removed them. */
  readonly standard: readonly string[];
  /** Asked for only where the org's metadata knows them: a query that names an unknown column fails. */
  readonly custom: readonly string[];
}

/**
 * What is read by default: what a person would tell a colleague about an account. Private matters (birthday, home
 * telephone) are not read at all. `extraFields` adds to it.
 */
const FIELDS: Readonly<Record<string, ModuleFields>> = {
  Accounts: {
    links: [],
    standard: [
      ...["Account_Name", "Account_Number", "Account_Site", "Account_Type", "Industry", "Annual_Revenue", "Employees"],
      ...[
        "Phone",
        "Fax",
        "Website",
        "Rating",
        "Ownership",
        "SIC_Code",
        "Ticker_Symbol",
        "Description",
        "Parent_Account",
      ],
      ...ADDRESS_PARTS.flatMap((part) => [`Billing_${part}`, `Shipping_${part}`]),
      ...EVERYWHERE,
    ],
    custom: ["Account_Status", "Health_Score"],
  },
  Contacts: {
    links: ["Account_Name"],
    standard: [
      ...["First_Name", "Last_Name", "Full_Name", "Title", "Department", "Email", "Secondary_Email", "Phone", "Mobile"],
      ...["Reporting_To", "Lead_Source", "Mailing_Street", "Mailing_City", "Mailing_State", "Mailing_Zip"],
      ...["Mailing_Country", "Email_Opt_Out", "Description", ...EVERYWHERE],
    ],
    custom: [],
  },
  Deals: {
    links: ["Account_Name"],
    standard: [
      ...["Deal_Name", "Stage", "Amount", "Closing_Date", "Probability", "Expected_Revenue", "Type", "Next_Step"],
      ...["Lead_Source", "Campaign_Source", "Contact_Name", "Description", ...EVERYWHERE],
    ],
    custom: ["Pipeline", "Reason_For_Loss__s"],
  },
  Tasks: {
    links: ["What_Id", "Who_Id", "$se_module"],
    standard: ["Subject", "Status", "Priority", "Due_Date", "Closed_Time", "Description", ...EVERYWHERE],
    custom: [],
  },
  Events: {
    links: ["What_Id", "Who_Id", "$se_module"],
    standard: ["Event_Title", "Start_DateTime", "End_DateTime", "All_day", "Venue", "Description", ...EVERYWHERE],
    custom: [],
  },
  Calls: {
    links: ["What_Id", "Who_Id", "$se_module"],
    standard: [
      ...["Subject", "Call_Type", "Call_Start_Time", "Call_Duration", "Call_Purpose", "Call_Result", "Description"],
      ...EVERYWHERE,
    ],
    custom: ["Call_Agenda", "Outgoing_Call_Status"],
  },
  Notes: { links: ["Parent_Id"], standard: ["Note_Title", "Note_Content", "Created_By", ...EVERYWHERE], custom: [] },
};

/** A custom module has these from its creation on. */
const CUSTOM_MODULE: ModuleFields = { links: [], standard: ["Name", ...EVERYWHERE], custom: [] };

/** Kinds of fields that a query cannot select (subforms and the like come on single reads only). */
const UNSELECTABLE: ReadonlySet<string> = new Set([
  "subform",
  "multiselectlookup",
  "multiuserlookup",
  "fileupload",
  "imageupload",
  "profileimage",
  "jsonarray",
  "jsonobject",
  "consent_lookup",
  "formula_rich_text",
]);

/** A field as the org's metadata describes it. */
export interface KnownField {
  readonly api_name: string;
  readonly data_type?: string | null | undefined;
}

/** The columns to select. Without metadata (`known` undefined) only what exists everywhere. */
export function columnsOf(module: string, extra: readonly string[], known?: readonly KnownField[]): readonly string[] {
  const { links, standard, custom } = FIELDS[module] ?? CUSTOM_MODULE;
  if (known === undefined) return [...new Set([...links, ...standard])];
  const selectable = new Set(
    known.filter((field) => !UNSELECTABLE.has(field.data_type ?? "")).map((field) => field.api_name),
  );
  const wanted = [...standard, ...custom, ...extra].filter((name) => selectable.has(name));
  return [...new Set([...links, ...wanted])];
}
