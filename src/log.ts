import { type DestinationStream, type Logger as PinoLogger, pino } from "pino";

/** `error` = a person must act, `warn` = self-healing, `info` = life cycle, `debug` = one line per delivery and attempt. */
export const LOG_LEVELS = ["fatal", "error", "warn", "info", "debug", "trace", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Fields of one wide line. Ids, counts and durations; never payloads, tokens or customer text. */
export type LogFields = Readonly<Record<string, unknown>>;

/** A structured log. One line is one JSON object with `time`, `level`, `msg` and the fields. */
export interface Log {
  error(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  debug(fields: LogFields, message: string): void;
  /** The same log with fields that every line carries. */
  child(fields: LogFields): Log;
  readonly isDebug: boolean;
}

/** Names whose values never appear, however deep a mistake puts them. */
const SECRET_NAMES = [
  "token",
  "secret",
  "password",
  "authorization",
  "signature",
  "refresh_token",
  "access_token",
  "client_secret",
];

/** The log that programs use: pino, JSON lines on `destination` (default: standard error, so that output stays clean). */
export function openLog(level: LogLevel, destination: DestinationStream = pino.destination(2)): Log {
  const root = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: SECRET_NAMES.flatMap((name) => [name, `*.${name}`]), censor: "[redacted]" },
      serializers: { error: errorLine },
    },
    destination,
  );
  return bind(root);
}

/** Says nothing; for tests that read outcomes instead. */
export const silentLog: Log = {
  error: () => undefined,
  warn: () => undefined,
  info: () => undefined,
  debug: () => undefined,
  child: () => silentLog,
  isDebug: false,
};

function bind(logger: PinoLogger): Log {
  return {
    error: (fields, message) => logger.error(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    info: (fields, message) => logger.info(fields, message),
    debug: (fields, message) => logger.debug(fields, message),
    child: (fields) => bind(logger.child(fields)),
    get isDebug() {
      return logger.isLevelEnabled("debug");
    },
  };
}

/** Code, message and cause of an error; the stack only of a bug, where it helps. */
function errorLine(error: unknown): unknown {
  if (!(error instanceof Error)) return { message: String(error) };
  const code = "code" in error ? error.code : undefined;
  const cause = error.cause === undefined ? undefined : errorLine(error.cause);
  const isBug = code === "UNEXPECTED" || error.name === "AssertionBug" || error.name === "TypeError";
  return { name: error.name, code, message: error.message, cause, ...(isBug ? { stack: error.stack } : {}) };
}
