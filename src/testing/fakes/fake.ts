import { CONTRACT_METHODS, type ContractMethod } from "../contract-methods.js";
import { wrapMethods } from "../wrap.js";
import { createScript, type Script } from "./script.js";

type Arguments<Member> = NonNullable<Member> extends (...args: infer Args) => unknown ? Args : never;
type Answer<Member> = NonNullable<Member> extends (...args: never[]) => Promise<infer Value> ? Value : never;

/** One call of a fake; tell them apart by their `method`. */
export type FakeCall<A> = {
  [Method in ContractMethod<A>]: {
    readonly method: Method;
    readonly args: Readonly<Arguments<A[Method]>>;
    /** By the fake's clock, in milliseconds. */
    readonly at: number;
  };
}[ContractMethod<A>];

/** What every fake offers besides its adapter. */
export interface FakeControls<A> {
  /** All calls of the contract's methods, in their order. */
  readonly calls: readonly FakeCall<A>[];
  /** What the next calls come to, by method. */
  readonly script: { readonly [Method in ContractMethod<A>]: Script<Arguments<A[Method]>, Answer<A[Method]>> };
}

/** The adapter with its calls recorded, and played by a script where there is one. */
export function fake<A extends object>(adapter: A, now: () => number = () => Date.now()): A & FakeControls<A> {
  const methods = CONTRACT_METHODS.filter((method) => method in adapter);
  const scripts = new Map<string, ReturnType<typeof createScript>>(methods.map((method) => [method, createScript()]));
  const calls: { method: string; args: unknown[]; at: number }[] = [];
  const recorded = wrapMethods(adapter, new Set(methods), async (method, args, original) => {
    calls.push({ method, args, at: now() });
    const byItself = () => original(...args);
    return scripts.get(method)?.play(args, byItself);
  });
  const script = Object.fromEntries([...scripts].map(([method, { script }]) => [method, script]));
  // The names decide the types, and TypeScript cannot follow a name through a map.
  return { ...recorded, ...({ calls, script } as unknown as FakeControls<A>) };
}
