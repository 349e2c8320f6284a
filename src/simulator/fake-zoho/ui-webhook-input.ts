import { isObject, type JsonObject } from "./json-body.ts";
import { badRequest, invalidData } from "./reply.ts";
import type { Schema } from "./schema.ts";

/** A webhook of a workflow rule, checked. `given` is what `GET` shows. */
export interface UiWebhook {
  readonly id: string;
  readonly name: string;
  readonly module: string;
  readonly url: string;
  readonly method: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly urlParameters: Readonly<Record<string, string>>;
  readonly body: string;
  readonly contentType: string;
  readonly given: JsonObject;
}

const NAME_MAX = 250;
const URL_MAX = 2000;
const RAW_BODY_MAX = 500;
const CUSTOM_HEADERS_MAX = 10;
const MODULE_HEADERS_MAX = 25;

/** Hosts of private networks, which Zoho refuses. Loopback is taken here: a stand-in's receivers live there. */
const PRIVATE_HOST = /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|169\.254\.)/;

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  JSON: "application/json",
  XML: "application/xml",
  HTML: "text/html",
  Text: "text/plain",
};

/** Checks one webhook. */
export function readWebhook(schema: Schema, id: string, given: JsonObject): UiWebhook {
  const at = (name: string) => ({ api_name: name, json_path: `$.webhooks[0].${name}` });
  const text = (name: string, max: number) => {
    const value = given[name];
    if (value === undefined || value === null || value === "")
      throw badRequest("MANDATORY_NOT_FOUND", "required field not found", at(name));
    if (typeof value !== "string") throw invalidData({ ...at(name), expected_data_type: "text" });
    if (value.length > max) throw invalidData({ ...at(name), maximum_length: max });
    return value;
  };
  const name = text("name", NAME_MAX);
  if (name.includes("~")) throw invalidData(at("name"));
  const url = text("url", URL_MAX);
  const method = text("http_method", URL_MAX);
  if (!["POST", "GET", "PUT", "DELETE"].includes(method)) throw invalidData(at("http_method"));
  if (!URL.canParse(url) || PRIVATE_HOST.test(new URL(url).hostname))
    throw invalidData(at("url"), "Url you've configured is not secure");
  const module = isObject(given["module"]) ? given["module"]["api_name"] : undefined;
  // Webhooks cannot be made on Calls and Notes.
  if (typeof module !== "string" || schema.module(module) === undefined || ["Calls", "Notes"].includes(module))
    throw invalidData(at("module"));
  return {
    ...{ id, name, url, method, module, given },
    headers: readHeaders(given["headers"], at),
    urlParameters: texts(given["url_parameters"]),
    ...readBody(given["body"], at),
  };
}

type At = (name: string) => { api_name: string; json_path: string };

function readHeaders(value: unknown, at: At): [string, string][] {
  const groups = isObject(value) ? value : {};
  const read = (name: string, max: number) => {
    const group: readonly unknown[] = Array.isArray(groups[name]) ? groups[name] : [];
    if (group.length > max) throw invalidData({ ...at(`headers.${name}`), maximum_length: max });
    return group.map((header): [string, string] => {
      const [key, text] = isObject(header) ? [String(header["name"]), String(header["value"])] : ["", ""];
      if (!/^[\w-]+$/.test(key) || key.toLowerCase() === "host") throw invalidData(at(`headers.${name}`));
      return [key, text];
    });
  };
  return [...read("custom_parameters", CUSTOM_HEADERS_MAX), ...read("module_parameters", MODULE_HEADERS_MAX)];
}

function readBody(value: unknown, at: At): { body: string; contentType: string } {
  const body = isObject(value) ? value : {};
  if (body["type"] === "form_data") {
    // The wire encoding of form data is not documented; urlencoded is the simplest reading.
    const form = Object.entries(texts(body["form_data_content"])).map(
      ([name, text]) => `${encodeURIComponent(name)}=${text}`,
    );
    return { body: form.join("&"), contentType: "application/x-www-form-urlencoded" };
  }
  const raw = body["type"] === "raw" && typeof body["raw_data_content"] === "string" ? body["raw_data_content"] : "";
  if (raw.length > RAW_BODY_MAX) throw invalidData({ ...at("body.raw_data_content"), maximum_length: RAW_BODY_MAX });
  return { body: raw, contentType: CONTENT_TYPES[String(body["format"])] ?? "text/plain" };
}

function texts(value: unknown): Record<string, string> {
  return Object.fromEntries(Object.entries(isObject(value) ? value : {}).map(([name, text]) => [name, String(text)]));
}
