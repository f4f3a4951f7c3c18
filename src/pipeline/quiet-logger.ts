import { unheld } from "../async/at-once.js";
import type { LogFunction, Logger } from "../contracts/logger.js";

export const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/** Drops what a logger throws: it is called from timers, where an error would end the process. */
export function quietLogger(logger: Logger): Logger {
  const quiet = (level: keyof Logger): LogFunction => {
    return (fields, message) => {
      try {
        // Some loggers answer with a promise, though the type says nothing of it.
        unheld<unknown>(logger[level](fields, message));
      } catch {
        // There is nowhere to tell it.
      }
    };
  };
  return { debug: quiet("debug"), info: quiet("info"), warn: quiet("warn"), error: quiet("error") };
}
