import type { FieldMeta, FieldType, ModuleDeclaration } from "./schema.ts";

/** Names as in `Billing_Street Billing_City`, all of one type. */
function fields(type: FieldType, names: string): FieldMeta[] {
  return names.split(" ").map((apiName) => ({ apiName, type }));
}

function lookup(apiName: string, target: string): FieldMeta {
  return { apiName, type: "lookup", lookup: target };
}

function mandatory(apiName: string, type: FieldType): FieldMeta {
  return { apiName, type, isMandatory: true };
}

const DESCRIPTION: FieldMeta = { apiName: "Description", type: "textarea", isRichText: true, maxLength: 32_000 };
const LAST_ACTIVITY: FieldMeta = { apiName: "Last_Activity_Time", type: "datetime", isReadOnly: true };
const ADDRESS = ["Street", "City", "State", "Code", "Country"];

const ACCOUNTS: ModuleDeclaration = {
  apiName: "Accounts",
  nameField: "Account_Name",
  fields: [
    { apiName: "Account_Name", type: "text", isMandatory: true, maxLength: 200 },
    ...fields("text", "Account_Number Account_Site SIC_Code Ticker_Symbol"),
    ...fields("picklist", "Account_Type Industry Rating Ownership Currency"),
    { apiName: "Annual_Revenue", type: "currency" },
    { apiName: "Exchange_Rate", type: "double" },
    { apiName: "Employees", type: "integer" },
    ...fields("phone", "Phone Fax"),
    { apiName: "Website", type: "website" },
    ...fields("text", ADDRESS.flatMap((part) => [`Billing_${part}`, `Shipping_${part}`]).join(" ")),
    lookup("Parent_Account", "Accounts"),
    DESCRIPTION,
    LAST_ACTIVITY,
    { apiName: "Change_Log_Time__s", type: "datetime", isReadOnly: true },
    { apiName: "Account_Status", type: "picklist", isCustom: true },
    { apiName: "Health_Score", type: "integer", isCustom: true },
  ],
};

const CONTACTS: ModuleDeclaration = {
  apiName: "Contacts",
  nameField: "Full_Name",
  fields: [
    { apiName: "First_Name", type: "text", maxLength: 40 },
    { apiName: "Last_Name", type: "text", isMandatory: true, maxLength: 80 },
    { apiName: "Full_Name", type: "text", isReadOnly: true },
    ...fields("picklist", "Salutation Lead_Source"),
    ...fields("text", "Title Department Assistant"),
    ...fields("email", "Email Secondary_Email"),
    ...fields("phone", "Phone Mobile Home_Phone Other_Phone Asst_Phone Fax"),
    ...fields("text", "Mailing_Street Mailing_City Mailing_State Mailing_Zip Mailing_Country"),
    ...fields("text", "Other_Street Other_City Other_State Other_Zip Other_Country"),
    { apiName: "Date_of_Birth", type: "date" },
    { apiName: "Email_Opt_Out", type: "boolean" },
    lookup("Account_Name", "Accounts"),
    lookup("Reporting_To", "Contacts"),
    lookup("Vendor_Name", "Vendors"),
    DESCRIPTION,
    LAST_ACTIVITY,
    { apiName: "Change_Log_Time__s", type: "datetime", isReadOnly: true },
  ],
};

const DEALS: ModuleDeclaration = {
  apiName: "Deals",
  nameField: "Deal_Name",
  fields: [
    { apiName: "Deal_Name", type: "text", isMandatory: true, maxLength: 120 },
    mandatory("Stage", "picklist"),
    ...fields("picklist", "Pipeline Type Lead_Source Reason_For_Loss__s"),
    ...fields("currency", "Amount Expected_Revenue"),
    ...fields("integer", "Probability Sales_Cycle_Duration Overall_Sales_Duration"),
    { apiName: "Closing_Date", type: "date" },
    { apiName: "Next_Step", type: "text" },
    lookup("Account_Name", "Accounts"),
    lookup("Contact_Name", "Contacts"),
    lookup("Campaign_Source", "Campaigns"),
    DESCRIPTION,
    LAST_ACTIVITY,
    { apiName: "Change_Log_Time__s", type: "datetime", isReadOnly: true },
  ],
};

const ACTIVITY_LINKS = [lookup("What_Id", "*"), lookup("Who_Id", "Contacts")];

const TASKS: ModuleDeclaration = {
  apiName: "Tasks",
  nameField: "Subject",
  fields: [
    mandatory("Subject", "text"),
    ...fields("picklist", "Status Priority"),
    { apiName: "Due_Date", type: "date" },
    ...fields("datetime", "Closed_Time Remind_At"),
    { apiName: "Recurring_Activity", type: "text" },
    ...ACTIVITY_LINKS,
    DESCRIPTION,
  ],
};

const EVENTS: ModuleDeclaration = {
  apiName: "Events",
  nameField: "Event_Title",
  fields: [
    mandatory("Event_Title", "text"),
    mandatory("Start_DateTime", "datetime"),
    mandatory("End_DateTime", "datetime"),
    { apiName: "All_day", type: "boolean" },
    ...fields("text", "Venue Participants Check_In_Status"),
    ...ACTIVITY_LINKS,
    DESCRIPTION,
  ],
};

const CALLS: ModuleDeclaration = {
  apiName: "Calls",
  nameField: "Subject",
  fields: [
    mandatory("Subject", "text"),
    mandatory("Call_Type", "picklist"),
    mandatory("Call_Start_Time", "datetime"),
    { apiName: "Call_Duration", type: "text" },
    { apiName: "Call_Duration_in_seconds", type: "integer" },
    ...fields("picklist", "Call_Purpose Call_Result Outgoing_Call_Status"),
    ...fields("text", "Call_Agenda Caller_ID Dialled_Number"),
    ...ACTIVITY_LINKS,
    DESCRIPTION,
  ],
};

const NOTES: ModuleDeclaration = {
  apiName: "Notes",
  nameField: "Note_Title",
  fields: [
    { apiName: "Note_Title", type: "text", maxLength: 120 },
    { apiName: "Note_Content", type: "textarea", isRichText: true, maxLength: 65_535 },
    { ...lookup("Parent_Id", "*"), isMandatory: true },
  ],
};

const CASES: ModuleDeclaration = {
  apiName: "Cases",
  nameField: "Subject",
  fields: [
    mandatory("Subject", "text"),
    ...fields("picklist", "Status Priority Case_Origin Case_Reason"),
    ...fields("text", "Case_Number Solution"),
    lookup("Account_Name", "Accounts"),
    lookup("Related_To", "Contacts"),
    lookup("Deal_Name", "Deals"),
    DESCRIPTION,
  ],
};

const LEADS: ModuleDeclaration = {
  apiName: "Leads",
  nameField: "Full_Name",
  fields: [
    ...fields("text", "First_Name Company Title"),
    mandatory("Last_Name", "text"),
    { apiName: "Full_Name", type: "text", isReadOnly: true },
    { apiName: "Email", type: "email" },
    { apiName: "Phone", type: "phone" },
    ...fields("picklist", "Lead_Source Lead_Status"),
    DESCRIPTION,
  ],
};

/** Modules that exist and can be watched, but in which this stand-in has no seeded records. */
const PLAIN: readonly ModuleDeclaration[] = [
  ["Campaigns", "Campaign_Name"],
  ["Solutions", "Solution_Title"],
  ["Products", "Product_Name"],
  ["Vendors", "Vendor_Name"],
  ["Price_Books", "Price_Book_Name"],
  ["Quotes", "Subject"],
  ["Sales_Orders", "Subject"],
  ["Purchase_Orders", "Subject"],
  ["Invoices", "Subject"],
  ["Appointments__s", "Appointment_Name"],
  ["Services__s", "Service_Name"],
].map(([apiName = "", nameField = ""]) => ({
  apiName,
  nameField,
  fields: [mandatory(nameField, "text"), lookup("Account_Name", "Accounts"), DESCRIPTION],
}));

/** Zoho's standard modules, with the fields of the vendor's documents and two custom ones on Accounts. */
export const STANDARD_MODULES: readonly ModuleDeclaration[] = [
  LEADS,
  ACCOUNTS,
  CONTACTS,
  DEALS,
  TASKS,
  EVENTS,
  CALLS,
  NOTES,
  CASES,
  ...PLAIN,
];
