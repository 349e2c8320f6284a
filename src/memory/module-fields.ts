/** How a field is written: `line` = one line, `text` = rich or long text, quoted; `link` = a reference to another record. */
export type FieldKind = "line" | "text" | "link";

/** One known field: API name, label in the document, kind (default `line`), and for a link the module it points at. */
export type KnownField = readonly [field: string, label: string, kind?: FieldKind, linksTo?: string];

/** What a module's records look like in a document. */
export interface KnownModule {
  /** One record of it, in words. */
  readonly word: string;
  /** The field that names a record; links to the module fall under its rule. */
  readonly nameField: string;
  /** In the order in which they are written; the name stands in the heading. */
  readonly fields: readonly KnownField[];
  /** Personal fields that no document holds unless the policy admits them. */
  readonly private: readonly string[];
  /** Custom and rare fields are written without being named in the policy. True of accounts, whose fields are not a person's. */
  readonly isOpen: boolean;
}

/**
 * Written nowhere by default: they change without the record's content changing (which would cost a write for nothing),
 * or say nothing to a reader. `$…` fields are never written.
 */
export const NOISE_FIELDS: ReadonlySet<string> = new Set([
  "id",
  "Modified_Time",
  "Modified_By",
  "Created_By",
  "Last_Activity_Time",
  "Change_Log_Time__s",
  "Exchange_Rate",
  "Record_Image",
  "Record_Status__s",
  "Locked__s",
  "Layout",
  "Unsubscribed_Mode",
  "Unsubscribed_Time",
  "Enrich_Status__s",
  "Last_Enriched_Time__s",
]);

const TASK_LINKS: readonly KnownField[] = [
  ["What_Id", "Related to", "link"],
  ["Who_Id", "Contact", "link", "Contacts"],
];
const OWNER: KnownField = ["Owner", "Owner"];
const TAG: KnownField = ["Tag", "Tags"];
const DESCRIPTION: KnownField = ["Description", "Description", "text"];

/** The modules that memhook knows (facts: Zoho's standard modules and their API names). */
export const KNOWN_MODULES: Readonly<Record<string, KnownModule>> = {
  Accounts: {
    word: "account",
    nameField: "Account_Name",
    fields: [
      ["Account_Number", "Number"],
      ["Account_Type", "Type"],
      ["Account_Status", "Status"],
      ["Health_Score", "Health score"],
      ["Industry", "Industry"],
      ["Annual_Revenue", "Annual revenue"],
      ["Currency", "Currency"],
      ["Employees", "Employees"],
      ["Ownership", "Ownership"],
      ["Rating", "Rating"],
      ["Parent_Account", "Parent account", "link", "Accounts"],
      ["Account_Site", "Site"],
      ["Website", "Website"],
      ["Phone", "Phone"],
      ["Fax", "Fax"],
      ["Ticker_Symbol", "Ticker symbol"],
      ["SIC_Code", "SIC code"],
      ["Territories", "Territories"],
      OWNER,
      ["Billing_Street", "Billing street"],
      ["Billing_Code", "Billing code"],
      ["Billing_City", "Billing city"],
      ["Billing_State", "Billing state"],
      ["Billing_Country", "Billing country"],
      ["Shipping_Street", "Shipping street"],
      ["Shipping_Code", "Shipping code"],
      ["Shipping_City", "Shipping city"],
      ["Shipping_State", "Shipping state"],
      ["Shipping_Country", "Shipping country"],
      TAG,
      ["Created_Time", "Created"],
      DESCRIPTION,
    ],
    private: [],
    isOpen: true,
  },
  Contacts: {
    word: "contact",
    nameField: "Full_Name",
    fields: [
      ["Salutation", "Salutation"],
      ["Title", "Title"],
      ["Department", "Department"],
      ["Email", "Email"],
      ["Phone", "Phone"],
      ["Mobile", "Mobile"],
      ["Reporting_To", "Reports to", "link", "Contacts"],
      ["Mailing_City", "City"],
      ["Mailing_Country", "Country"],
      ["Lead_Source", "Lead source"],
      ["Email_Opt_Out", "No e-mail wanted"],
      OWNER,
      TAG,
      DESCRIPTION,
    ],
    private: [
      "Date_of_Birth",
      "Home_Phone",
      "Other_Phone",
      "Assistant",
      "Asst_Phone",
      "Fax",
      "Secondary_Email",
      "Skype_ID",
      "Twitter",
      "Mailing_Street",
      "Mailing_Zip",
      "Mailing_State",
      "Other_Street",
      "Other_City",
      "Other_State",
      "Other_Zip",
      "Other_Country",
    ],
    isOpen: false,
  },
  Deals: {
    word: "deal",
    nameField: "Deal_Name",
    fields: [
      ["Stage", "Stage"],
      ["Amount", "Amount"],
      ["Currency", "Currency"],
      ["Closing_Date", "Closing date"],
      ["Probability", "Probability"],
      ["Expected_Revenue", "Expected revenue"],
      ["Next_Step", "Next step"],
      ["Pipeline", "Pipeline"],
      ["Type", "Type"],
      ["Contact_Name", "Contact", "link", "Contacts"],
      ["Lead_Source", "Lead source"],
      ["Campaign_Source", "Campaign"],
      ["Reason_For_Loss__s", "Reason for loss"],
      OWNER,
      TAG,
      DESCRIPTION,
    ],
    private: [],
    isOpen: false,
  },
  Tasks: {
    word: "task",
    nameField: "Subject",
    fields: [
      ["Status", "Status"],
      ["Priority", "Priority"],
      ["Due_Date", "Due"],
      ["Closed_Time", "Closed"],
      ...TASK_LINKS,
      OWNER,
      TAG,
      DESCRIPTION,
    ],
    private: [],
    isOpen: false,
  },
  Events: {
    word: "meeting",
    nameField: "Event_Title",
    fields: [
      ["Start_DateTime", "Start"],
      ["End_DateTime", "End"],
      ["All_day", "All day"],
      ["Venue", "Venue"],
      ...TASK_LINKS,
      OWNER,
      TAG,
      DESCRIPTION,
    ],
    private: ["Participants"],
    isOpen: false,
  },
  Calls: {
    word: "call",
    nameField: "Subject",
    fields: [
      ["Call_Type", "Type"],
      ["Outgoing_Call_Status", "Status"],
      ["Call_Start_Time", "Start"],
      ["Call_Duration", "Duration"],
      ["Call_Purpose", "Purpose"],
      ["Call_Result", "Result"],
      ["Call_Agenda", "Agenda"],
      ...TASK_LINKS,
      OWNER,
      TAG,
      DESCRIPTION,
    ],
    private: ["Caller_ID", "Dialled_Number"],
    isOpen: false,
  },
  Notes: {
    word: "note",
    nameField: "Note_Title",
    fields: [
      ["Created_Time", "Date"],
      ["Created_By", "Author"],
      OWNER,
      ["Parent_Id", "On", "link"],
      ["Note_Content", "Text", "text"],
    ],
    private: [],
    isOpen: false,
  },
};

/** A module that only the configuration knows: every field is written under its API name. */
export const CUSTOM_MODULE: KnownModule = { word: "record", nameField: "Name", fields: [], private: [], isOpen: true };

/** Parts of a contact's name, which stand in for `Full_Name` where that is missing or not shown. */
export const CONTACT_NAME_PARTS: readonly string[] = ["First_Name", "Last_Name"];

/** True of a field that documents hold without being told to. */
export function isKnownField(module: string, field: string): boolean {
  const known = knownModule(module);
  if (module === "Contacts" && CONTACT_NAME_PARTS.includes(field)) return true;
  return field === known.nameField || known.fields.some(([name]) => name === field);
}

const BY_NAME: ReadonlyMap<string, KnownModule> = new Map(Object.entries(KNOWN_MODULES));

/** What is known of a module; a custom one has the general shape. */
export function knownModule(module: string): KnownModule {
  return BY_NAME.get(module) ?? CUSTOM_MODULE;
}
