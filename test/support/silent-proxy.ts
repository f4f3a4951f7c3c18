import { connect, createServer, type Server, type Socket } from "node:net";

/** Stands between a client and a server, and swallows what connections carry, without a word to either end. */
export class SilentProxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #speaking = new Set<Socket>();
  /** Whether connections that are made from now on carry nothing, ever. */
  isSilent = false;
  /** How many connections have been made. */
  made = 0;
  /** How often something was swallowed. */
  swallowed = 0;

  private constructor(host: string, port: number) {
    this.#server = createServer((client) => {
      const upstream = connect(port, host);
      this.made++;
      if (!this.isSilent) this.#speaking.add(client);
      for (const [from, to] of [
        [client, upstream],
        [upstream, client],
      ] as const) {
        this.#sockets.add(from);
        from.on("error", () => {});
        from.on("close", () => this.#sockets.delete(from));
        from.on("data", (bytes) => {
          if (this.#speaking.has(client)) to.write(bytes);
          else this.swallowed++;
        });
      }
      client.on("close", () => upstream.destroy());
      upstream.on("close", () => this.#speaking.has(client) && client.destroy());
    });
  }

  /** In front of the server of a URL. */
  static start(url: string): Promise<SilentProxy> {
    const { hostname, port } = new URL(url);
    const proxy = new SilentProxy(hostname, Number(port || 5432));
    return new Promise((resolve) => proxy.#server.listen(0, "127.0.0.1", () => resolve(proxy)));
  }

  /** The URL of the server through this. */
  through(url: string): string {
    const { port } = this.#server.address() as { port: number };
    return Object.assign(new URL(url), { host: `127.0.0.1:${port}` }).href;
  }

  /** From now on the connections that there are carry nothing. */
  silence(): void {
    this.#speaking.clear();
  }

  stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}
