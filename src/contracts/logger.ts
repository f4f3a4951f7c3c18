/** One line of a log: the fields first, then the message. */
export type LogFunction = (fields: Readonly<Record<string, unknown>>, message: string) => void;

/** The part of pino's interface that the library uses; most loggers fit as they are. */
export interface Logger {
  readonly debug: LogFunction;
  readonly info: LogFunction;
  readonly warn: LogFunction;
  readonly error: LogFunction;
}
