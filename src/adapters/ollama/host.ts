import { ConfigurationError } from "../../errors.js";

/** The port that Ollama listens on, unless it is told another. */
const PORT = "11434";

/**
 * Reads what people write for the host: a URL, or `localhost`, `:11434`, `10.0.0.5:11434`, as Ollama's own tools take them.
 *
 * @returns the URL without a slash at its end and without credentials, which must not stand in messages
 * @throws ConfigurationError
 */
export function readHost(host: unknown): { readonly url: string; readonly authorization: string | undefined } {
  const url = typeof host === "string" ? parsed(host.trim()) : undefined;
  if (url === undefined) {
    const shown = typeof host === "string" ? JSON.stringify(withoutCredentials(host).slice(0, 60)) : typeof host;
    throw new ConfigurationError(`ollama.host: expected a URL such as "http://127.0.0.1:11434", got ${shown}`);
  }
  const { username, password } = url;
  const secret = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return {
    url: `${url.protocol}//${url.host}${url.pathname.replace(/\/+$/, "")}`,
    authorization: username === "" && password === "" ? undefined : `Basic ${Buffer.from(secret).toString("base64")}`,
  };
}

function parsed(host: string): URL | undefined {
  const hasProtocol = host.includes("://");
  try {
    const url = new URL(hasProtocol ? host : `http://${host.startsWith(":") ? `127.0.0.1${host}` : host}`);
    if (!/^https?:$/.test(url.protocol) || url.hostname === "" || url.search !== "" || url.hash !== "")
      return undefined;
    // A single word is as likely a mistake as the name of a machine: a URL says which of them it is.
    const isKnown = /^localhost$|\.|^\[/.test(url.hostname);
    if (!hasProtocol && url.port === "") {
      if (!isKnown) return undefined;
      url.port = PORT;
    }
    return url;
  } catch {
    return undefined;
  }
}

function withoutCredentials(host: string): string {
  return host.replace(/[^/@]*@/, "…@");
}
