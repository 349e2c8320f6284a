import { STANDARD_MODULES } from "./standard-modules.ts";

/** Zoho's data types, as far as this stand-in knows them. */
export type FieldType =
  | "text"
  | "textarea"
  | "picklist"
  | "multiselectpicklist"
  | "currency"
  | "integer"
  | "double"
  | "boolean"
  | "date"
  | "datetime"
  | "email"
  | "phone"
  | "website"
  | "lookup"
  | "ownerlookup"
  | "bigint";

/** One field of a module. A lookup names its target; `"*"` stands for the polymorphic `What_Id` and `Parent_Id`. */
export interface FieldMeta {
  readonly apiName: string;
  readonly type: FieldType;
  readonly lookup?: string;
  readonly isMandatory?: boolean;
  readonly isReadOnly?: boolean;
  readonly isCustom?: boolean;
  /** Cut to 500 characters in list reads. */
  readonly isRichText?: boolean;
  readonly maxLength?: number;
}

/** One module and its fields. */
export interface ModuleMeta {
  readonly apiName: string;
  readonly id: string;
  readonly nameField: string;
  readonly generatedType: "default" | "custom";
  readonly fields: Map<string, FieldMeta>;
}

/** What a module is declared from. */
export interface ModuleDeclaration {
  readonly apiName: string;
  readonly nameField: string;
  readonly fields: readonly FieldMeta[];
  readonly generatedType?: "default" | "custom";
}

/** The modules and fields of one simulated org. Tests may add to it. */
export interface Schema {
  module(apiName: string): ModuleMeta | undefined;
  modules(): readonly ModuleMeta[];
  addModule(declaration: ModuleDeclaration): void;
  addField(module: string, field: FieldMeta): void;
}

/** Fields that every record has. They are kept beside the record's own fields. */
export const SYSTEM_FIELDS: readonly FieldMeta[] = [
  { apiName: "id", type: "bigint", isReadOnly: true },
  { apiName: "Owner", type: "ownerlookup" },
  { apiName: "Created_By", type: "ownerlookup", isReadOnly: true },
  { apiName: "Modified_By", type: "ownerlookup", isReadOnly: true },
  { apiName: "Created_Time", type: "datetime", isReadOnly: true },
  { apiName: "Modified_Time", type: "datetime", isReadOnly: true },
  { apiName: "Record_Status__s", type: "picklist", isReadOnly: true },
  { apiName: "Locked__s", type: "boolean", isReadOnly: true },
  { apiName: "Tag", type: "text", isReadOnly: true },
];

/** Modules of activities, behind the pseudo-module `Activities`. */
export const ACTIVITY_MODULES = ["Tasks", "Events", "Calls"] as const;

/** First metadata id of a module; the second module has the next one. */
const MODULE_ID_BASE = 2170;

/** Metadata ids share the org's prefix with the records. */
export const ORG_ID_PREFIX = "4876876";

/** Makes the org's schema with Zoho's standard modules. */
export function createSchema(): Schema {
  const modules = new Map<string, ModuleMeta>();
  const schema: Schema = {
    module: (apiName) => modules.get(apiName),
    modules: () => [...modules.values()],
    addModule: (declaration) => {
      const fields = [...SYSTEM_FIELDS, ...declaration.fields];
      modules.set(declaration.apiName, {
        apiName: declaration.apiName,
        id: `${ORG_ID_PREFIX}${String(MODULE_ID_BASE + modules.size).padStart(12, "0")}`,
        nameField: declaration.nameField,
        generatedType: declaration.generatedType ?? "default",
        fields: new Map(fields.map((field) => [field.apiName, field])),
      });
    },
    addField: (module, field) => modules.get(module)?.fields.set(field.apiName, { isCustom: true, ...field }),
  };
  for (const declaration of STANDARD_MODULES) schema.addModule(declaration);
  return schema;
}

/** True for the two polymorphic lookups, whose module stands beside them in `$se_module`. */
export function isPolymorphic(field: FieldMeta): boolean {
  return field.lookup === "*";
}
