import { z } from "zod";
import { Fault } from "../../faults.ts";

/** What Zoho sends, as far as memhook reads it. Unknown keys are let through everywhere: Zoho adds some without notice. */

/** An id: documented as text, met as a bare number, which `parseExactJson` keeps whole. */
const id = z
  .union([z.string(), z.number().int()])
  .transform(String)
  .pipe(z.string().regex(/^\d{1,20}$/));

const pageInfo = z.looseObject({ more_records: z.boolean().nullish(), count: z.number().nullish() });

/** Rows of a list, a COQL query, a related list or a single record, which comes as a list of one. */
export const rowsReply = z.looseObject({
  data: z.array(z.looseObject({ id })),
  info: pageInfo.nullish(),
});
/** One row as Zoho sends it. */
export type WireRow = z.infer<typeof rowsReply>["data"][number];

/** One refused thing, flat or as an item of `data` or `watch`. */
const refusal = z.looseObject({
  code: z.string(),
  status: z.string().nullish(),
  details: z.looseObject({}).nullish(),
});
/** A refusal as Zoho words it: `code` is stable, `message` is not and is not read. */
export type WireRefusal = z.infer<typeof refusal>;

const refusalReply = z.union([
  refusal,
  z.looseObject({ data: z.array(refusal).min(1) }).transform((reply) => reply.data[0]),
  z.looseObject({ watch: z.array(refusal).min(1) }).transform((reply) => reply.watch[0]),
]);

/** The refusal that a body holds, flat or wrapped; undefined when it holds none. */
export function refusalIn(body: unknown): WireRefusal | undefined {
  const parsed = refusalReply.safeParse(body);
  return parsed.success ? parsed.data : undefined;
}

/** The sign-in's answer. Without `access_token` it is a failure, whatever the HTTP status says. */
export const tokenReply = z.looseObject({
  access_token: z.string().min(1).optional(),
  error: z.string().optional(),
  api_domain: z.string().optional(),
  expires_in: z.coerce.number().positive().optional(),
  /** Legacy: when present, `expires_in` is in milliseconds. */
  expires_in_sec: z.coerce.number().positive().optional(),
});

/** `settings/fields`, as far as needed to know which columns may be named. */
export const fieldsReply = z.looseObject({
  fields: z.array(z.looseObject({ api_name: z.string(), data_type: z.string().nullish() })),
});

/** Users, as far as needed to name an owner. */
export const usersReply = z.looseObject({
  users: z.array(
    z.looseObject({
      id,
      full_name: z.string().nullish(),
      first_name: z.string().nullish(),
      last_name: z.string().nullish(),
    }),
  ),
  info: pageInfo.nullish(),
});

const grantedEvent = z.looseObject({ channel_expiry: z.string().nullish(), channel_id: id.nullish() });

/** Answer to opening, changing or closing channels: one item per channel, wrapped. */
export const watchReply = z.looseObject({
  watch: z
    .array(
      z.looseObject({
        code: z.string(),
        status: z.string().nullish(),
        details: z.looseObject({ events: z.array(grantedEvent).nullish() }).nullish(),
      }),
    )
    .min(1),
});

/** The channels that exist, one row per channel and module. */
export const watchListReply = z.looseObject({
  watch: z.array(
    z.looseObject({
      channel_id: id,
      channel_expiry: z.string().nullish(),
      notify_url: z.string().nullish(),
      events: z.array(z.string()).nullish(),
    }),
  ),
  info: pageInfo.nullish(),
});

/** Parses a reply, or throws CRM_REPLY_INVALID that names the place and never the value. */
export function parseReply<Schema extends z.ZodType>(schema: Schema, body: unknown, doing: string): z.output<Schema> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const places = parsed.error.issues.slice(0, 3).map((issue) => `${issue.path.join(".") || "reply"} (${issue.code})`);
  throw new Fault("CRM_REPLY_INVALID", doing, { cause: new Error(`unexpected shape at ${places.join(", ")}`) });
}
