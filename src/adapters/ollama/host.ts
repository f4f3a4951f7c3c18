import { ConfigurationError } from "../../errors.js";

/** The port that Ollama listens on, unless it is told another. */
const PORT = "11434";

interface Host {
  /** Without a slash at its end and without credentials, which must not stand in messages. */
  readonly url: string;
  readonly authorization: string | undefined;
}

/**
 * Reads what people write for the host: a URL, or `localhost`, `:11434`, `10.0.0.5:11434`, as Ollama's own tools take them.
 *
 * @throws ConfigurationError
 */
export function readHost(given: unknown): Host {
  const host = typeof given === "string" ? hostOf(given.trim()) : undefined;
  if (host !== undefined) return host;
  const shown = typeof given === "string" ? JSON.stringify(withoutCredentials(given).slice(0, 60)) : typeof given;
  const remedy = shown.includes("@")
    ? ". In user and password write % as %25, / as %2F, @ as %40, and other special characters likewise"
    : "";
  throw new ConfigurationError(`ollama.host: expected a URL such as "http://127.0.0.1:11434", got ${shown}${remedy}`);
}

function hostOf(host: string): Host | undefined {
  try {
    const url = parsed(host);
    if (url === undefined) return undefined;
    const { username, password } = url;
    const secret = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    return {
      url: `${url.protocol}//${url.host}${url.pathname.replace(/\/+$/, "")}`,
      authorization: username === "" && password === "" ? undefined : `Basic ${Buffer.from(secret).toString("base64")}`,
    };
  } catch {
    return undefined; // no URL, or a % in the credentials that escapes nothing
  }
}

function parsed(host: string): URL | undefined {
  const hasProtocol = host.includes("://");
  const url = new URL(hasProtocol ? host : `http://${host.startsWith(":") ? `127.0.0.1${host}` : host}`);
  if (!/^https?:$/.test(url.protocol) || url.hostname === "" || url.search !== "" || url.hash !== "") return undefined;
  // What was meant for a password with a slash in it.
  if (url.pathname.includes("@")) return undefined;
  if (hasProtocol || hasPort(host)) return url;
  // A single word is as likely a mistake as the name of a machine: a URL says which of them it is.
  if (!/^localhost$|\.|^\[/.test(url.hostname)) return undefined;
  url.port = PORT;
  return url;
}

/** A URL does not tell that it was given the port of its protocol. */
function hasPort(host: string): boolean {
  const [authority = ""] = withoutCredentials(host).split("/", 1);
  return /:\d+$/.test(authority);
}

/** A password may have every character in it, so it ends at the last @; what stands in place of a port may be one, too. */
function withoutCredentials(host: string): string {
  const open = host.replace(/^([a-z]+:\/\/)?.*@/is, "$1***@");
  return open.replace(/:(?!\/\/|\d*(?:\/|$))(?!.*\])[^/]*/s, ":…");
}
