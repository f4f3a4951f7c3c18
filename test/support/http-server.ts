import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A server of the tests, at a port of 127.0.0.1. It can be closed for a while, and is opened again at the same port. */
export abstract class HttpServer {
  /** How many connections were made to it. */
  accepted = 0;
  /** Requests that are being answered now. */
  unanswered = 0;
  /** Requests whose connection was closed before they were answered. */
  abandoned = 0;
  #server: Server | undefined;
  #port = 0;

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get isOpen(): boolean {
    return this.#server !== undefined;
  }

  /** Connections that are open now. */
  connections(): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.#server === undefined) return resolve(0);
      this.#server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
    });
  }

  async open(): Promise<this> {
    const server = createServer((request, response) => void this.#serve(request, response));
    this.#server = server;
    server.on("connection", () => this.accepted++);
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(this.#port, "127.0.0.1", resolve);
    });
    this.#port = (server.address() as AddressInfo).port;
    return this;
  }

  /** Cuts what is under way, and refuses what comes. */
  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  }

  /** Answers a request. */
  protected abstract serve(request: IncomingMessage, response: ServerResponse): unknown;

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.unanswered++;
    response.once("close", () => {
      this.unanswered--;
      if (!response.writableFinished) this.abandoned++;
    });
    try {
      await this.serve(request, response);
    } catch (error) {
      if (!response.destroyed) throw error; // else who asked has hung up
    }
  }
}

/** The whole body of a request. */
export async function textOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) text += chunk;
  return text;
}
