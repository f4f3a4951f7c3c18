import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { AIAdapter } from "../../src/index.js";

/** A model service over HTTP whose port can be closed for a while: then connections are refused. */
export class OutageService {
  #server: Server | undefined;
  #port = 0;
  /** Calls that were begun while it was down. */
  callsWhileDown = 0;
  /** How often each upload was answered. */
  readonly answered = new Map<string, number>();

  async open(): Promise<void> {
    const server = createServer(async (request, response) => {
      let id = "";
      for await (const chunk of request) id += chunk;
      await new Promise((resolve) => setTimeout(resolve, 20));
      if (!response.writable) return;
      this.answered.set(id, (this.answered.get(id) ?? 0) + 1);
      response.end(`a photo of ${id}`);
    });
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.#port, "127.0.0.1", resolve));
    this.#port = (server.address() as AddressInfo).port;
  }

  /** Cuts what is under way, and refuses what comes. */
  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    server?.closeAllConnections();
    await new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve)));
  }

  readonly ai: AIAdapter = {
    describe: async ({ upload }, { signal }) => {
      if (this.#server === undefined) this.callsWhileDown++;
      const response = await fetch(`http://127.0.0.1:${this.#port}`, { method: "POST", body: upload.id, signal });
      return response.text();
    },
    embed: async ({ text }) => [text.length, 1],
  };
}
