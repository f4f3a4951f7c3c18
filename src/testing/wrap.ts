/** The names of the methods of `A` that answer with a promise. */
export type AsyncMethod<A> = {
  [Name in keyof A & string]-?: NonNullable<A[Name]> extends (...args: never[]) => Promise<unknown> ? Name : never;
}[keyof A & string];

type Call = (...args: unknown[]) => Promise<unknown>;

/**
 * The adapter with some of its methods replaced, and everything else as it is: members that are not there stay absent, and
 * classes with private fields work. The replacement gets the arguments and the original, bound to its adapter.
 */
export function wrapMethods<A extends object>(
  adapter: A,
  methods: ReadonlySet<string>,
  replacement: (method: string, args: unknown[], original: Call) => Promise<unknown>,
): A {
  const wrapped = new Map<PropertyKey, unknown>();
  // Over a copy: a proxy may not answer for a frozen object's members with others.
  const copy: A = Object.assign(Object.create(Object.getPrototypeOf(adapter)), adapter);
  return new Proxy(copy, {
    get(_, name) {
      const member: unknown = Reflect.get(adapter, name, adapter);
      if (typeof member !== "function") return member;
      if (!wrapped.has(name)) {
        const original: Call = member.bind(adapter);
        const replaced = (...args: unknown[]) => replacement(String(name), args, original);
        wrapped.set(name, typeof name === "string" && methods.has(name) ? replaced : original);
      }
      return wrapped.get(name);
    },
  });
}
