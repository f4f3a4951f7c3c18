/** What nobody means to throw or to return, and somebody does. */
const refuse = () => {
  throw new Error("do not look at me");
};

/** Throws at whatever is done to it, but for being awaited. */
export function untouchable(target: object = {}): object {
  const traps = ["has", "ownKeys", "getOwnPropertyDescriptor", "getPrototypeOf", "set", "defineProperty"] as const;
  const get = (_: object, name: PropertyKey) => (name === "then" ? undefined : refuse());
  return new Proxy(target, { ...Object.fromEntries(traps.map((trap) => [trap, refuse])), get });
}

export function withThrowingGetters(target: object, ...names: string[]): object {
  for (const name of names) Object.defineProperty(target, name, { get: refuse, enumerable: true });
  return target;
}

/** Answers to every question with more of itself, but for being awaited. */
export function endless(): object {
  const self: object = new Proxy(() => self, {
    get: (_, name) => (typeof name === "symbol" || name === "then" ? undefined : self),
  });
  return self;
}

/** What may be thrown, by what it is. A `Map`, because a test runner would look at what stands in a table. */
export const HOSTILE_ERRORS: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ["null", null],
  ["undefined", undefined],
  ["0", 0],
  ["an empty text", ""],
  ["a bigint", 7n],
  ["a symbol", Symbol("thrown")],
  ["a function", refuse],
  ["an array", [1, 2]],
  ["a frozen error", Object.freeze(new Error("frozen"))],
  ["an object without a prototype", Object.create(null)],
  [
    "an object whose getters throw",
    withThrowingGetters({}, "message", "status", "code", "headers", "cause", "retryable"),
  ],
  [
    "an error whose getters throw",
    withThrowingGetters(new Error("x"), "stack", "message", "name", "status", "response"),
  ],
  ["an error whose message is no text", Object.assign(new Error("x"), { message: { toString: refuse }, name: 7 })],
  ["a proxy that throws at everything", untouchable()],
  ["a proxy of an error that throws at everything", untouchable(new TypeError("x"))],
  ["a revoked proxy", revoked()],
  ["an error of 50 MB", new Error("x".repeat(50_000_000))],
  ["a text of 50 MB", "x".repeat(50_000_000)],
  ["headers that throw", Object.assign(new Error("x"), { headers: { get: refuse } })],
  ["headers that cannot be listed", Object.assign(new Error("x"), { headers: untouchable() })],
  ["a header that is no text", Object.assign(new Error("x"), { headers: { "retry-after": untouchable() } })],
  ["an error that is its own cause", ownCause()],
  ["an answer to everything", endless()],
  ["the mark of an UploadError and nothing else", { [Symbol.for("upload-processor.UploadError")]: true }],
  [
    "the mark with fields of other types",
    { ...marked(), code: 7, stage: {}, message: [], retryable: "yes", retryAfterMs: "9" },
  ],
  [
    "the mark with getters that throw",
    withThrowingGetters(marked(), "code", "stage", "message", "cause", "retryAfterMs"),
  ],
]);

function marked(): object {
  return { [Symbol.for("upload-processor.UploadError")]: true };
}

function ownCause(): Error {
  const error = new Error("round and round");
  error.cause = error;
  return error;
}

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}
