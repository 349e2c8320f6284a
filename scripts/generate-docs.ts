import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { generatedPages } from "./pages.ts";

// Writes the generated pages of docs/. `test/docs.test.ts` proves that they are current.
for (const [path, text] of Object.entries(generatedPages())) writeFileSync(join(import.meta.dirname, "..", path), text);
