import { randomSecret } from "../random.ts";
import { EXIT, type ExitCode } from "./exit-code.ts";
import type { CommandIo } from "./parts.ts";

/** 256 bits: as long as the hash that is keyed with it. */
const SECRET_BYTES = 32;

/** `secrets generate`: one secret of 64 hexadecimal characters, alone on its line. */
export function generateSecret(io: Pick<CommandIo, "terminal">): ExitCode {
  const secret = randomSecret(SECRET_BYTES);
  if (io.terminal.isJson) io.terminal.json({ secret });
  else io.terminal.line(secret);
  return EXIT.done;
}
