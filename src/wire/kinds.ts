import { isA, messageOf, UploadError } from "../errors.js";
import { plain } from "./plain.js";

/** What a kind of field answers for JSON that is none. */
export const INVALID = Symbol("invalid");

/** A kind of field: how it becomes JSON (`undefined`: left out), and what is made of that again. */
export interface Kind {
  readonly write: (value: unknown, fields: readonly string[]) => unknown;
  readonly read: (json: unknown) => unknown;
}

/** So much of a text for people, and so many errors of a list, are told: an event is to be small. */
const LONGEST_TEXT = 500;
const MOST_ERRORS = 10;

function kind(is: (value: unknown) => boolean): Kind {
  return { write: plain, read: (json) => (is(json) ? json : INVALID) };
}

export const text = kind((value) => typeof value === "string");
export const number = kind(Number.isFinite);
export const flag = kind((value) => typeof value === "boolean");
export const list = kind(Array.isArray);
/** An object of numbers, say; nothing is an empty one. */
export const object: Kind = {
  write: (value) => plain(value) ?? {},
  read: (json) => (typeof json === "object" && json !== null && !Array.isArray(json) ? json : INVALID),
};

/** For people, who need no more than its beginning. */
export const shortText: Kind = {
  write: (value) => (typeof value === "string" ? value.slice(0, LONGEST_TEXT) : undefined),
  read: text.read,
};

export function oneOf(...values: readonly string[]): Kind {
  return kind((value) => typeof value === "string" && values.includes(value));
}

export function orNull({ write, read }: Kind): Kind {
  return {
    write: (value, fields) => (value === undefined || value === null ? null : write(value, fields)),
    read: (json) => (json === null ? null : read(json)),
  };
}

export function optional({ write, read }: Kind): Kind {
  return {
    write: (value, fields) => (value === undefined ? undefined : write(value, fields)),
    read: (json) => (json === undefined ? undefined : read(json)),
  };
}

export const error: Kind = {
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
export const failures = listOf({
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
export const reason: Kind = {
  write: (value) =>
    UploadError.isInstance(value) ? undefined : new UploadError(messageOf(value), { code: "NOT_COMPLETED" }).message,
  read: (json) => (json === undefined || typeof json === "string" ? json : INVALID),
};

function listOf(one: Kind): Kind {
  return {
    write: (value) => (Array.isArray(value) ? value.slice(0, MOST_ERRORS).map((item) => one.write(item, [])) : []),
    read: (json) => {
      if (!Array.isArray(json)) return INVALID;
      const items = json.map(one.read);
      return items.includes(INVALID) ? INVALID : items;
    },
  };
}

/** Of a record its id, these keys, and the fields that were named. */
export function record(...keys: readonly string[]): Kind {
  return {
    write: (value, fields) => {
      const names = new Set(["id", ...keys, ...fields]);
      const entries = [...names].map((name) => [name, plain(memberOf(value, name))] as const);
      return Object.fromEntries(entries.filter(([, member]) => member !== undefined));
    },
    read: (json) => (typeof memberOf(json, "id") === "string" ? json : INVALID),
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
