import type { ConnectionOptions } from "bullmq";

export function connectionOf(url: string): ConnectionOptions & object {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port) };
}
