import { createHash } from "node:crypto";
import { Cancellation, WithSignal } from "../async/cancellation.js";
import { Interrupted } from "../async/time.js";
import type { AIAdapter, EmbeddedVectors } from "../contracts/ai.js";
import type { UploadRecord } from "../contracts/upload.js";
import { classifyError, isFault, type UploadError, usageOf } from "../errors.js";
import { UsageSum } from "../runtime/ledger.js";
import { sharesOf } from "../runtime/shares.js";
import { type AdmittedCall, admit, reserve } from "./admit-call.js";
import { ABORT_GRACE_MS, keyMaker, tookLonger, wentOn } from "./bounded-call.js";
import { MOST_RENEWALS } from "./held-row.js";
import type { Joined } from "./joined.js";
import { readVectors } from "./model-output.js";
import { shareWait } from "./retry.js";
import { addPrice, endUnpriced, judge, usageTold } from "./service-call.js";

type EmbedMany<U extends UploadRecord> = NonNullable<AIAdapter<U>["embedMany"]>;

/**
 * One call of `embedMany`, in a slot that was won: guarded, bounded and booked like a call for one upload. An upload that is
 * aborted leaves it; when all of them are, the call is aborted.
 */
export class SharedCall<U extends UploadRecord> {
  /** Aborted when nobody is left, and by the timeout. */
  readonly cancellation = new Cancellation();
  #members: readonly Joined<U>[];
  #phase: "waiting" | "calling" | "over" = "waiting";
  #timeoutError: UploadError | undefined;
  #grace: NodeJS.Timeout | undefined;
  #giveUp = () => {};

  constructor(
    private readonly ai: AIAdapter<U>,
    members: readonly Joined<U>[],
  ) {
    this.#members = members;
    for (const member of members) {
      member.call = this;
      if (member.run.signal.aborted) this.#leaveOut(member, new Interrupted()); // between two calls
    }
  }

  /** For a member whose upload was aborted. */
  leave(member: Joined<U>): void {
    if (this.#phase === "waiting") this.#leaveOut(member, new Interrupted());
    // Looked at when all that are aborted in this moment are. Of the last ones the answer counts, if it comes soon: it was paid for.
    else if (this.#phase === "calling") queueMicrotask(() => this.#leaveCall(member));
  }

  #leaveCall(member: Joined<U>): void {
    if (this.#phase !== "calling") return;
    if (this.#members.every(({ run }) => run.signal.aborted)) this.#stop(member.run.signal.reason);
    else this.#leaveOut(member, new Interrupted());
  }

  #leaveOut(member: Joined<U>, error: unknown): void {
    if (!this.#members.includes(member)) return;
    this.#members = this.#members.filter((each) => each !== member);
    member.reject(error);
    if (this.#members.length === 0) this.cancellation.abort(member.run.signal.reason);
  }

  /** @returns those who have to be asked for again, in parts, because one of them may have failed the others */
  async make(): Promise<readonly (readonly Joined<U>[])[]> {
    const [first] = this.#members;
    if (first === undefined) return [];
    let admitted: AdmittedCall | undefined;
    try {
      admitted = await this.#admit(first.run);
      for (const member of this.#members) member.begin(); // a listener of the progress may abort it
      if (this.#members.length === 0) throw new Interrupted();
    } catch (error) {
      admitted?.leave?.(0);
      if (admitted !== undefined) first.run.settings.models.breakerOfEmbed.released(admitted.ticket);
      this.#end(({ reject }) => reject(error));
      return [];
    }
    return this.#called(admitted);
  }

  #admit({ settings, id }: Joined<U>["run"]): Promise<AdmittedCall> {
    const { breakerOfEmbed: breaker } = settings.models;
    return admit({
      enter: () => breaker.enter(id, this.cancellation, settings.comesBack),
      release: (ticket) => breaker.released(ticket),
      reserve: () => reserve(settings, this.cancellation),
      confirm: () => this.#confirm(),
      isDoubtful: () => this.#members.some(({ run }) => run.claim.isDoubtful),
      refusal: () => undefined, // who has met a call without a price was left out
    });
  }

  /** Whose claim is doubtful renews it first, and who cannot is left out; so is whose run has met a call without a price. */
  async #confirm(): Promise<void> {
    for (const member of this.#members) {
      const unpriced = member.run.settings.run?.unpriced;
      if (unpriced !== undefined) this.#leaveOut(member, unpriced);
    }
    for (let left = MOST_RENEWALS; left > 0; left--) {
      const renewing: Promise<void>[] = [];
      for (const member of this.#members) {
        const confirming = member.run.claim.confirm();
        if (confirming !== undefined) renewing.push(confirming.catch((error) => this.#leaveOut(member, error)));
      }
      if (renewing.length === 0) return;
      await Promise.all(renewing);
    }
  }

  async #called({ ticket, leave }: AdmittedCall): Promise<readonly (readonly Joined<U>[])[]> {
    const called = this.#members;
    const [{ run: first }] = called as [Joined<U>];
    const { breakerOfEmbed: breaker } = first.settings.models;
    const calledAt = performance.now();
    let answer: EmbeddedVectors;
    try {
      answer = await this.#answer(called);
    } catch (thrown) {
      this.#book(calledAt, usageOf(thrown), "failed", leave);
      const error = this.#failure(thrown);
      judge(first, breaker, ticket, "embed", error, called.length === 1);
      if (called.length > 1 && isFault(error, "upload")) return this.#halves();
      if (called.length > 1 && isFault(error, "service")) this.#failedTogether(error, called.length);
      this.#end(({ reject }) => reject(error));
      return [];
    }
    this.#book(calledAt, usageTold(answer), "ok", leave);
    breaker.succeeded(ticket);
    try {
      const vectors = readVectors(answer, called.length);
      const places = new Map(called.map((member, place) => [member, place]));
      this.#end((member) => member.resolve({ vector: vectors[places.get(member) ?? -1] as ArrayLike<number> }));
    } catch (error) {
      if (called.length > 1 && isList(answer)) return this.#halves();
      this.#end(({ resolve }) => resolve({ refused: error as UploadError }));
    }
    return [];
  }

  #answer(called: readonly Joined<U>[]): Promise<EmbeddedVectors> {
    const { run } = called[0] as Joined<U>;
    const { timeouts, logger } = run.settings;
    const context = Object.assign(new WithSignal(this.cancellation), { idempotencyKey: keyOf(called), logger });
    const inputs = called.map((member) => ({ text: member.text, upload: member.run.record() }));
    this.#phase = "calling";
    return new Promise<EmbeddedVectors>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#timeoutError = tookLonger("embed", timeouts.embedMs);
        this.#stop(this.#timeoutError);
      }, timeouts.embedMs);
      const end = <T>(settle: (value: T) => void) => {
        return (value: T) => {
          this.#phase = "over";
          clearTimeout(timer);
          clearTimeout(this.#grace);
          settle(value);
        };
      };
      this.#giveUp = () => {
        run.warn(wentOn("embed"));
        end(reject)(undefined);
      };
      const asking = async () => (this.ai.embedMany as EmbedMany<U>)(inputs, context);
      asking().then(end(resolve), end(reject));
    });
  }

  #stop(reason: unknown): void {
    if (this.#phase !== "calling" || this.cancellation.aborted) return;
    this.#grace = setTimeout(this.#giveUp, ABORT_GRACE_MS);
    this.cancellation.abort(reason);
  }

  #failure(thrown: unknown): UploadError | Interrupted {
    if (this.#members.every(({ run }) => run.signal.aborted)) return new Interrupted();
    return this.#timeoutError ?? classifyError(thrown, "embed", "EMBED_FAILED");
  }

  /** Once, and shared over those who are in it at its end, by the lengths of their texts. */
  #book(calledAt: number, used: unknown, outcome: "ok" | "failed", leave: AdmittedCall["leave"]): void {
    const usage = new UsageSum();
    usage.requests = 1;
    usage.durationMs = performance.now() - calledAt;
    const [{ run: first }] = this.#members as [Joined<U>];
    addPrice(first, this.ai, "embed", usage.read(used));
    const isUnpriced = usage.cost === undefined && leave !== undefined && outcome === "ok";
    const weights = this.#members.map(({ text }) => Math.max(1, text.length));
    for (const [place, share] of sharesOf(usage, weights).entries()) {
      const { run } = this.#members[place] as Joined<U>;
      if (isUnpriced) endUnpriced(run, "embed");
      run.book("embed", share);
    }
    leave?.(usage.cost ?? 0);
  }

  /**
   * One of them may be the reason, and nobody knows which: none is at fault, and they come back together. A text that makes the
   * service fail must not take the same others along for ever: after every two failures it goes with fewer.
   */
  #failedTogether(error: UploadError, size: number): void {
    shareWait(error);
    for (const { run } of this.#members) {
      const { failedTogether } = run.settings.memory;
      const failures = (failedTogether.get(run.id)?.failures ?? 0) + 1;
      failedTogether.set(run.id, { failures, most: failures % 2 === 0 ? Math.max(1, Math.floor(size / 4)) : size });
      run.failedTogether = true;
    }
  }

  #halves(): readonly (readonly Joined<U>[])[] {
    const members = this.#members;
    this.#members = [];
    const middle = Math.ceil(members.length / 2);
    return [members.slice(0, middle), members.slice(middle)].filter(({ length }) => length > 0);
  }

  #end(settle: (member: Joined<U>) => void): void {
    const members = this.#members;
    this.#members = [];
    for (const member of members) settle(member);
  }
}

/** Of one text its own key; of several one that is made of all of them, in their order. */
function keyOf<U extends UploadRecord>(members: readonly Joined<U>[]): string {
  const keys = members.map(({ run }) => keyMaker(run, "embed")());
  if (keys.length === 1) return keys[0] as string;
  return `upload-processor/embed/${createHash("sha256").update(keys.join("\n")).digest("hex")}`;
}

function isList(answer: EmbeddedVectors): boolean {
  try {
    return Array.isArray(answer?.vectors);
  } catch {
    return false;
  }
}
