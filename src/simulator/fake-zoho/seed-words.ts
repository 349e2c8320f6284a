/** What companies are called: two halves and a kind, combined. */
export const COMPANY_FIRST =
  "Northwind Bluestone Harbor Meridian Copperfield Silverline Oakridge Lumen Vantage Kestrel Granite Willow Juniper Alpine Cobalt Sterling Redwood Summit Larkspur Ironwood Beacon Cascade Falcon Evergreen Orchard Pinnacle Riverbend Solstice Tamarind Whitfield Zephyr Amberley Brightwater Castellan Dunmore Eastgate Fairmont Greystone Hollis Kingsway".split(
    " ",
  );

/** Second halves of company names, each with the industry it suggests. */
export const COMPANY_SECOND: readonly (readonly [string, string])[] = [
  ["Logistics", "Transportation"],
  ["Robotics", "Manufacturing/Industrial"],
  ["Health", "Healthcare"],
  ["Foods", "Food & Beverage"],
  ["Energy", "Energy"],
  ["Analytics", "Technology"],
  ["Textiles", "Apparel"],
  ["Insurance", "Insurance"],
  ["Capital", "Banking & Finance"],
  ["Education", "Education"],
  ["Builders", "Construction"],
  ["Retail Group", "Retail"],
  ["Pharma", "Biotechnology"],
  ["Telecom", "Communications"],
  ["Hotels", "Hospitality"],
  ["Software", "Technology"],
];

export const COMPANY_KIND = ["Inc.", "Ltd.", "GmbH", "Pvt Ltd", "LLC", "S.A.", "AG", "BV", "& Sons", "Partners"];

export const FIRST_NAMES =
  "Priya Arjun Meera Rohan Ananya Vikram Sofia Mateo Elena Lukas Hannah Jonas Amelia Oliver Grace Daniel Chloe Marcus Yuki Kenji Fatima Omar Leila Zoe Nadia Tomas Ingrid Pavel Noah Isla Ravi Divya Camille Étienne Björn Siobhán Marta Andrei Thandi Kofi".split(
    " ",
  );

export const LAST_NAMES =
  "Sharma Iyer Kulkarni Nair Mehta Fernandes Rossi García Moreau Schneider Weber Novak Kowalski Andersson Larsen O'Brien Murphy Campbell Bennett Hughes Tanaka Sato Haddad Rahman Okafor Mensah Dlamini Silva Almeida Petrov Popescu Horváth Lindqvist Jansen De Vries Carter Brooks Delgado Nakamura Müller".split(
    " ",
  );

export const TITLES = [
  "Chief Financial Officer",
  "Head of Procurement",
  "IT Director",
  "VP Operations",
  "Plant Manager",
  "Purchasing Lead",
  "Chief Technology Officer",
  "Customer Success Lead",
  "Finance Controller",
  "Head of Digital",
  "Managing Director",
  "Security Architect",
];

export const DEPARTMENTS = ["Finance", "Procurement", "IT", "Operations", "Sales", "Legal", "Engineering"];

/** City, state, code prefix, country, telephone prefix. */
export const PLACES: readonly (readonly [string, string, string, string, string])[] = [
  ["Chennai", "Tamil Nadu", "600", "India", "+91 44"],
  ["Pune", "Maharashtra", "411", "India", "+91 20"],
  ["Austin", "TX", "787", "United States", "+1 512"],
  ["Boston", "MA", "021", "United States", "+1 617"],
  ["Hamburg", "Hamburg", "204", "Germany", "+49 40"],
  ["Zürich", "ZH", "800", "Switzerland", "+41 44"],
  ["Rotterdam", "Zuid-Holland", "301", "Netherlands", "+31 10"],
  ["Lyon", "Auvergne-Rhône-Alpes", "690", "France", "+33 4"],
  ["Leeds", "West Yorkshire", "LS1", "United Kingdom", "+44 113"],
  ["São Paulo", "SP", "013", "Brazil", "+55 11"],
  ["Osaka", "Osaka", "530", "Japan", "+81 6"],
  ["Cape Town", "Western Cape", "800", "South Africa", "+27 21"],
];

export const STREETS = ["Mill Road", "Station Street", "Harbour Lane", "MG Road", "Market Square", "Linden Avenue"];

export const PRODUCTS = [
  "Warehouse Suite",
  "Fleet Tracking",
  "Data Platform",
  "Support Plan Gold",
  "Analytics Rollout",
  "Seat Expansion",
  "Security Add-on",
  "Migration Package",
];

/** Stage and its probability. */
export const STAGES: readonly (readonly [string, number])[] = [
  ["Qualification", 10],
  ["Needs Analysis", 20],
  ["Value Proposition", 40],
  ["Identify Decision Makers", 60],
  ["Proposal/Price Quote", 75],
  ["Negotiation/Review", 90],
  ["Closed Won", 100],
  ["Closed Lost", 0],
];

export const NEXT_STEPS = [
  "Send revised quote with the three-year price",
  "Security questionnaire back to their IT",
  "Demo for the warehouse team on site",
  "Legal to answer the liability clause",
  "Reference call with an existing customer",
  "Budget sign-off by their board",
];

export const ACCOUNT_TYPES = ["Customer", "Prospect", "Partner", "Reseller", "Supplier", "Competitor"];
export const RATINGS = ["Active", "Acquired", "Market Failed", "Project Cancelled", "Shut Down"];
export const STATUSES = ["Active", "At Risk", "Onboarding", "Churned", "Paused"];
export const OWNERSHIPS = ["Private", "Public", "Subsidiary", "Government", "Partnership"];
export const LEAD_SOURCES = ["Referral", "Trade Show", "Web Download", "Cold Call", "Partner", "Webinar"];

export const TASK_SUBJECTS = [
  "Send the updated quote to {contact}",
  "Prepare renewal figures for {account}",
  "Chase the signed order form for {deal}",
  "Share case study with {contact}",
  "Check open invoices of {account}",
  "Book travel for the site visit at {account}",
];

export const MEETING_TITLES = [
  "Quarterly review with {account}",
  "Demo of {product} for {contact}",
  "Price negotiation: {deal}",
  "Kick-off {product} at {account}",
  "Lunch with {contact}",
];

export const CALL_SUBJECTS = [
  "Call with {contact} about {deal}",
  "Follow-up on the quote for {account}",
  "{contact} asked about {product}",
  "Renewal check-in, {account}",
];

export const NOTE_TITLES = [
  "Call with {contact}",
  "Objection on price",
  "Where {deal} stands",
  "Who decides at {account}",
  "After the demo",
  "Competitor in the room",
  "Renewal risk",
  "Promise made",
];

/** First sentences of notes: what happened. */
export const NOTE_OPENINGS = [
  "Spoke with {contact} ({title}) this morning.",
  "{contact} rang back after our mail of last week.",
  "Met {contact} and two colleagues on site in {city}.",
  "Short hallway chat with {contact} at the trade fair.",
  "{contact} forwarded our proposal for {product} to the CFO.",
  "Demo of {product} went well; the warehouse people asked most of the questions.",
];

/** Second sentences: what stands in the way. */
export const NOTE_OBJECTIONS = [
  'The price is "a third above what Vendortech offered", so expect a hard round on discount.',
  "They worry about the migration: the last one took nine weekends and nobody forgot it.",
  "Legal will not accept unlimited liability; our clause 11 must change.",
  "Budget is frozen until the new fiscal year, but there is a pot for pilots under 20k.",
  "Their IT wants single sign-on & EU hosting before anything is signed.",
  "Support was slow twice in the last quarter, and {contact} brought the ticket numbers along.",
];

/** Third sentences: what was promised. */
export const NOTE_PROMISES = [
  "I promised {owner} sends the revised numbers for {deal} by Friday.",
  "Agreed: pilot with 15 seats, review after 30 days, {contact} decides.",
  "We owe them a reference customer in the same industry.",
  "Next step is a call with the CFO; {contact} sets it up.",
  "If we keep the current rate they renew for three years.",
  "{owner} to check whether the 12 % partner discount still applies.",
];

/** Parts of accounts' descriptions. */
export const DESCRIPTION_PARTS = [
  "{account} runs {employees} people out of {city} and sells mostly to the {industry} sector.",
  "They moved to us from a home-grown system and still keep two spreadsheets beside it.",
  "Decisions are taken by a small committee; {contact} has the last word on anything above 50k.",
  "Renewal falls together with their year-end, which makes the last quarter the moment to talk.",
  "Relations are good since the outage of last spring was handled openly.",
  "The parent group is consolidating vendors, so a group-wide contract is possible but slow.",
];
