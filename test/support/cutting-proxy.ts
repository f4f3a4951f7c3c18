import { connect, createServer, type Server, type Socket } from "node:net";

/** Stands between a client and a server, and cuts connections: with luck before an answer, so that it is lost. */
export class CuttingProxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  cuts = 0;

  /** @param isCut asked for each answer that comes through */
  private constructor(target: number, isCut: () => boolean) {
    this.#server = createServer((client) => {
      const upstream = connect(target, "127.0.0.1");
      const cut = () => {
        client.destroy();
        upstream.destroy();
      };
      for (const socket of [client, upstream]) {
        this.#sockets.add(socket);
        socket.on("error", cut);
        socket.on("close", () => {
          this.#sockets.delete(socket);
          cut();
        });
      }
      client.pipe(upstream);
      upstream.on("data", (answer) => {
        if (isCut()) {
          this.cuts++;
          cut();
        } else client.write(answer);
      });
    });
  }

  static start(target: number, isCut: () => boolean, port = 0): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(target, isCut);
    return new Promise((resolve) => proxy.#server.listen(port, "127.0.0.1", () => resolve(proxy)));
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}
