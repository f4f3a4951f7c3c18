import type { IncomingMessage, ServerResponse } from "node:http";
import type { AIAdapter } from "../../src/index.js";
import { HttpServer, textOf } from "./http-server.js";

/** A model service over HTTP whose port can be closed for a while: then connections are refused. */
export class OutageService extends HttpServer {
  /** Calls that were begun while it was down, and a call had been told so: before that nobody can know. */
  callsWhileDown = 0;
  #isKnown = false;
  /** How often each upload was answered. */
  readonly answered = new Map<string, number>();

  readonly ai: AIAdapter = {
    describe: async ({ upload }, { signal }) => {
      if (this.isOpen) this.#isKnown = false;
      else if (this.#isKnown) this.callsWhileDown++;
      try {
        const response = await fetch(this.url, { method: "POST", body: upload.id, signal });
        return await response.text();
      } catch (error) {
        this.#isKnown = true;
        throw error;
      }
    },
    embed: async ({ text }) => [text.length, 1],
  };

  protected async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const id = await textOf(request);
    await new Promise((resolve) => setTimeout(resolve, 20));
    if (!response.writable) return;
    this.answered.set(id, (this.answered.get(id) ?? 0) + 1);
    response.end(`a photo of ${id}`);
  }
}
