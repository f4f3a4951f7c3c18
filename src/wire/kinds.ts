import { isA, messageOf, UploadError } from "../errors.js";
import { plain } from "./plain.js";

/** What a kind of field answers for JSON that is none. */
export const INVALID = Symbol("invalid");

/** A kind of field: how it becomes JSON (`undefined`: left out), and what is made of that again. */
export interface Kind<T = unknown> {
  readonly write: (value: unknown, fields: readonly string[]) => unknown;
  readonly read: (json: unknown) => T | typeof INVALID;
}

/** So much of a text for people, and so many errors of a list, are told: an event is to be small. */
const LONGEST_TEXT = 500;
export const MOST_ERRORS = 10;

function kind<T>(is: (value: unknown) => boolean): Kind<T> {
  return { write: plain, read: (json) => (is(json) ? (json as T) : INVALID) };
}

export const text = kind<string>((value) => typeof value === "string");
export const number = kind<number>(Number.isFinite);
export const flag = kind<boolean>((value) => typeof value === "boolean");
/** What is in it is believed: the sender is a worker of yours. */
export const list = <T>() => kind<readonly T[]>(Array.isArray);
/** An object of numbers, say, which are believed likewise; nothing is an empty one. */
export const object = <T extends object>(): Kind<T> => ({
  write: (value) => plain(value) ?? {},
  read: (json) => (typeof json === "object" && json !== null && !Array.isArray(json) ? (json as T) : INVALID),
});

/** For people, who need no more than its beginning. */
export const shortText: Kind<string> = {
  write: (value) => (typeof value === "string" ? value.slice(0, LONGEST_TEXT) : undefined),
  read: text.read,
};

export function oneOf<const T extends string>(...values: readonly T[]): Kind<T> {
  return kind((value) => values.includes(value as T));
}

export function orNull<T>({ write, read }: Kind<T>): Kind<T | null> {
  return {
    write: (value, fields) => (value === undefined || value === null ? null : write(value, fields)),
    read: (json) => (json === null ? null : read(json)),
  };
}

/** What an event tells of the record: `null` where it is not among the fields that were named. */
export function ifNamed<T>(name: string, { write, read }: Kind<T>): Kind<T | null> {
  return orNull({ write: (value, fields) => (fields.includes(name) ? write(value, fields) : null), read });
}

export function optional<T>({ write, read }: Kind<T>): Kind<T | undefined> {
  return {
    write: (value, fields) => (value === undefined ? undefined : write(value, fields)),
    read: (json) => (json === undefined ? undefined : read(json)),
  };
}

export const error: Kind<UploadError> = {
  write: (value) => {
    try {
      return isA(value, UploadError) ? value.toJSON() : UploadError.fromJSON(value).toJSON();
    } catch {
      return new UploadError(messageOf(value), { code: "NOT_COMPLETED" }).toJSON();
    }
  },
  read: (json) => {
    try {
      return UploadError.fromJSON(json);
    } catch {
      return INVALID;
    }
  },
};

export const errors = listOf(error);

/** The first of them: how many there are is told by a field of its own. */
export const failures = listOf<{ readonly uploadId: string; readonly error: UploadError }>({
  write: (value) => {
    const failure = value as { readonly uploadId?: unknown; readonly error?: unknown };
    return { uploadId: failure.uploadId, error: error.write(failure.error, []) };
  },
  read: (json) => {
    if (typeof json !== "object" || json === null) return INVALID;
    const { uploadId, error: failed } = json as { readonly uploadId?: unknown; readonly error?: unknown };
    const read = error.read(failed);
    return typeof uploadId === "string" && read !== INVALID ? { uploadId, error: read } : INVALID;
  },
});

/** Why it was aborted, where that is no error of the library: as a text. */
export const reason: Kind<string | undefined> = {
  write: (value) =>
    UploadError.isInstance(value) ? undefined : new UploadError(messageOf(value), { code: "NOT_COMPLETED" }).message,
  read: (json) => (json === undefined || typeof json === "string" ? json : INVALID),
};

function listOf<T>(one: Kind<T>): Kind<readonly T[]> {
  return {
    write: (value) => (Array.isArray(value) ? value.slice(0, MOST_ERRORS).map((item) => one.write(item, [])) : []),
    read: (json) => {
      if (!Array.isArray(json)) return INVALID;
      const items: T[] = [];
      for (const item of json) {
        const read = one.read(item);
        if (read === INVALID) return INVALID;
        items.push(read);
      }
      return items;
    },
  };
}

/** Of a record its id, these other texts, and the fields that were named. */
export function record<T extends { readonly id: string }>(...texts: readonly string[]): Kind<T> {
  const always = ["id", ...texts];
  return {
    write: (value, fields) => {
      const names = new Set([...always, ...fields]);
      const entries = [...names].map((name) => [name, plain(memberOf(value, name))] as const);
      return Object.fromEntries(entries.filter(([, member]) => member !== undefined));
    },
    read: (json) => (always.every((name) => typeof memberOf(json, name) === "string") ? (json as T) : INVALID),
  };
}

function memberOf(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  try {
    return (value as Record<string, unknown>)[name];
  } catch {
    return undefined; // its getter throws
  }
}
