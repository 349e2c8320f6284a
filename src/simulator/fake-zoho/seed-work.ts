import { orgDay, orgTime } from "./org-time.ts";
import { between, chance, pick } from "./pick.ts";
import type { Place, StoredFields } from "./record.ts";
import { fillFrom, type Scene } from "./seed-people.ts";
import * as words from "./seed-words.ts";

const DAY_MS = 86_400_000;

/** What an activity hangs on: the account or one of its deals, and perhaps a contact. */
export interface Links {
  readonly what: Place | null;
  readonly whoId: string | null;
}

/** Makes the fields of a deal; the scene then speaks of it. */
export function dealFields(scene: Scene, accountId: string | null, contactId: string | null): StoredFields {
  const { random } = scene;
  const [stage, probability] = pick(random, words.STAGES);
  const amount = between(random, 3, 480) * 500;
  scene.product = pick(random, words.PRODUCTS);
  scene.deal = `${scene.account.split(" ").slice(0, 2).join(" ")} – ${scene.product}`;
  return {
    Deal_Name: scene.deal,
    Stage: stage,
    Probability: probability,
    Amount: amount,
    Expected_Revenue: (amount * probability) / 100,
    Closing_Date: orgDay(scene.now + between(random, -60, 150) * DAY_MS),
    Pipeline: "Standard (Standard)",
    Type: chance(random, 0.5) ? "New Business" : "Existing Business",
    Next_Step: pick(random, words.NEXT_STEPS),
    Lead_Source: pick(random, words.LEAD_SOURCES),
    Account_Name: accountId,
    Contact_Name: contactId,
    Description: null,
  };
}

/** Makes the fields of a task. */
export function taskFields(scene: Scene, links: Links): StoredFields {
  const { random } = scene;
  return {
    Subject: fillFrom(scene, pick(random, words.TASK_SUBJECTS)),
    Status: pick(random, ["Not Started", "In Progress", "Completed", "Waiting for Input"]),
    Priority: pick(random, ["High", "Normal", "Low"]),
    Due_Date: orgDay(scene.now + between(random, -10, 30) * DAY_MS),
    ...linkFields(links),
    Description: null,
  };
}

/** Makes the fields of a meeting. */
export function eventFields(scene: Scene, links: Links): StoredFields {
  const { random } = scene;
  const startAt = scene.now + between(random, -30, 30) * DAY_MS;
  return {
    Event_Title: fillFrom(scene, pick(random, words.MEETING_TITLES)),
    Start_DateTime: orgTime(startAt),
    End_DateTime: orgTime(startAt + 3_600_000),
    All_day: false,
    Venue: chance(random, 0.5) ? `${scene.city}, their office` : "Video call",
    ...linkFields(links),
    Description: null,
  };
}

/** Makes the fields of a call. */
export function callFields(scene: Scene, links: Links): StoredFields {
  const { random } = scene;
  const seconds = between(random, 40, 2400);
  return {
    Subject: fillFrom(scene, pick(random, words.CALL_SUBJECTS)),
    Call_Type: chance(random, 0.6) ? "Outbound" : "Inbound",
    Call_Start_Time: orgTime(scene.now - between(random, 0, 40) * DAY_MS),
    Call_Duration: `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`,
    Call_Duration_in_seconds: seconds,
    Call_Purpose: pick(random, ["Prospecting", "Negotiation", "Demo", "Administrative"]),
    Call_Result: pick(random, ["Interested", "Not interested", "No response", "Requested more info"]),
    Outgoing_Call_Status: "Completed",
    ...linkFields(links),
    Description: null,
  };
}

/** Makes the fields of a note about whatever the scene speaks of. */
export function noteFields(scene: Scene, parent: Place): StoredFields {
  const { random } = scene;
  const sentences = [
    pick(random, words.NOTE_OPENINGS),
    pick(random, words.NOTE_OBJECTIONS),
    pick(random, words.NOTE_PROMISES),
  ].slice(0, between(random, 2, 3));
  return {
    Note_Title: chance(random, 0.9) ? fillFrom(scene, pick(random, words.NOTE_TITLES)).slice(0, 120) : null,
    Note_Content: sentences.map((sentence) => fillFrom(scene, sentence)).join(chance(random, 0.2) ? "\n" : " "),
    Parent_Id: parent.id,
    $se_module: parent.module,
  };
}

function linkFields(links: Links): StoredFields {
  return { What_Id: links.what?.id ?? null, $se_module: links.what?.module ?? null, Who_Id: links.whoId };
}
