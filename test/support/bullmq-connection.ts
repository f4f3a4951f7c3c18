import type { ConnectionOptions } from "bullmq";

export function connectionOf(url: string): ConnectionOptions & { readonly host: string; readonly port: number } {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port) };
}
