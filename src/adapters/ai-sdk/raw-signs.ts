import { at } from "./at.js";

/**
 * What the service itself said, in the words of OpenAI's protocol, where a provider leaves it out: those of v2 know no
 * refusals, and do not tell a stream that was cut off from a whole one. Asked for in v2 alone.
 */
export class RawSigns {
  areThere = false;
  finished = false;
  refused = false;

  /** @param raw a piece of a stream, or a whole answer */
  read(raw: unknown): void {
    const choices = at(raw, "choices");
    if (!Array.isArray(choices)) return;
    this.areThere = true;
    for (const choice of choices) {
      if (at(choice, "finish_reason") != null) this.finished = true;
      const refusal = at(at(choice, "delta") ?? at(choice, "message"), "refusal");
      if (typeof refusal === "string" && refusal !== "") this.refused = true;
    }
  }
}
