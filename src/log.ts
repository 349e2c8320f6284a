import { type DestinationStream, type Logger as PinoLogger, pino } from "pino";
import { safeFields } from "./log-fields.ts";

/**
 * `error` = a person must act, `warn` = self-healing, `info` = life cycle, one line per attempt and per refused delivery,
 * `debug` = also one line per accepted delivery and per refusal by the rate limiter. Those two come thousands a second, and
 * writing their lines would cost more than taking them; their fate is told by the attempt's line, which names event ids.
 */
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

/** The log that programs use: pino, JSON lines on `destination` (default: standard error, so that output stays clean). */
export function openLog(level: LogLevel, destination: DestinationStream = pino.destination(2)): Log {
  const root = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: safeFields },
      // pino's own redaction knows fixed depths only, and its serializer of errors writes whatever an error carries.
      serializers: { err: (value: unknown) => value },
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
    child: (fields) => bind(logger.child(safeFields(fields))),
    get isDebug() {
      return logger.isLevelEnabled("debug");
    },
  };
}
