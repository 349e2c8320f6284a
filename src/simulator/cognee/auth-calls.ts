import { type Call, uuidParam } from "./call.ts";
import { JsonInput } from "./json-input.ts";
import { type CogneeReply, ok } from "./reply.ts";

/** `POST /auth/login`. */
export async function login({ server, body, header }: Call): Promise<CogneeReply> {
  return server.signIn.login(body.toString(), header("content-type") ?? "");
}

/** `POST /auth/logout`: the token of a login lives on until its hour is over. */
export async function logout(): Promise<CogneeReply> {
  return ok({});
}

/** `GET /auth/me`. */
export async function me({ server }: Call): Promise<CogneeReply> {
  return ok({ email: server.signIn.username });
}

/** `GET /users/me`. */
export async function user({ server }: Call): Promise<CogneeReply> {
  const { ownerId, ownerEmail } = server.store;
  const flags = { is_active: true, is_superuser: true, is_verified: true };
  return ok({ id: ownerId, email: ownerEmail, ...flags, tenant_id: null, parent_user_id: null });
}

/** `GET /auth/api-keys`. */
export async function listKeys({ server }: Call): Promise<CogneeReply> {
  return ok(server.signIn.keys().map(keyRow));
}

/** `POST /auth/api-keys`. */
export async function createKey({ server, body }: Call): Promise<CogneeReply> {
  return ok(keyRow(server.signIn.createKey(new JsonInput(body).text("name") ?? null)));
}

/** `DELETE /auth/api-keys/:key_id`. */
export async function deleteKey(call: Call): Promise<CogneeReply> {
  call.server.signIn.deleteKey(uuidParam(call, "key_id"));
  return ok(null);
}

function keyRow({ id, key, name }: { readonly id: string; readonly key: string; readonly name: string | null }) {
  return { id, key, name, label: `${key.slice(0, 8)}****` };
}
