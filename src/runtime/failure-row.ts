/** Failures of a service in a row, by the breaker's count of events. */
export class FailureRow {
  #length = 0;
  #began = 0;
  /** The upload that all of them are of, each in a visit of its own; `null`: they are of several, or of one visit. */
  #uploadId: string | null = null;

  get length(): number {
    return this.#length;
  }

  /** The one upload whose own fault all of it may be. One failure says nothing of that. */
  get suspect(): string | null {
    return this.#length > 1 ? this.#uploadId : null;
  }

  /** @param isOnlyAttempt whether another call for this upload is another visit, between which others could have come */
  add(moment: number, uploadId: string, isOnlyAttempt: boolean): void {
    if (this.#length++ === 0) {
      this.#began = moment;
      this.#uploadId = isOnlyAttempt ? uploadId : null;
    } else if (this.#uploadId !== uploadId) this.#uploadId = null;
  }

  /** A call has succeeded. What was under way when the service went down proves nothing. */
  succeeded(began: number): void {
    if (began > this.#began) this.clear();
  }

  clear(): void {
    this.#length = 0;
  }
}
