const SECRET_NAME =
  /(?:api|access|account|private|shared|secret|subscription|master|signing|encryption|service|client|auth)[_-]?key|secret|token|passw(?:or)?d|passphrase|pwd$|credential|signature|session[_-]?id$/i;
/** Short names that mean something else in prose. */
const SECRET_IF_ASSIGNED = /^(?:auth|jwt|pass|sid|sig|session)$/i;
/** And those that do so even as `name=value`. */
const SECRET_IN_QUERY = /^[?&](?:key|code)$/i;

/** Of a query, a header, JSON, JSON in a JSON string, or a connection string. */
const NAME = /([?&]?(?<![\w-])[\w-]{2,64})(\\?["']?[ \t]*[=:](?!\/\/)[ \t]*)/g;
const VALUE = /(\\"|")(?:(?!\1)(?:\\.|[^\n]))*|(')(?:\\.|[^'\\\n])*|([^\s"'&,;)}\]]+)/y;

/** Hides the values of names such as `api_key`. Every other value is looked into: it may be that of `error: token=…`. */
export function hideAssigned(message: string): string {
  let hidden = "";
  let done = 0;
  for (const { 0: found, 1: name = "", 2: between = "", index } of message.matchAll(NAME)) {
    if (index < done || !isSecretName(name, between)) continue;
    const begin = index + found.length;
    VALUE.lastIndex = begin;
    const [value, double = "", single = "", bare = ""] = VALUE.exec(message) ?? [];
    if (value === undefined || isProse(name, between, bare)) continue;
    hidden += `${message.slice(done, begin)}${double}${single}***`;
    done = begin + value.length;
  }
  return hidden + message.slice(done);
}

function isSecretName(name: string, between: string): boolean {
  if (SECRET_IN_QUERY.test(name)) return true;
  const plain = name.replace(/^[?&]/, "");
  return SECRET_NAME.test(plain) || (between === "=" && SECRET_IF_ASSIGNED.test(plain));
}

/** A number of tokens, and the prose of "invalid signature: expected 4 bytes", are what a person looks for. */
function isProse(name: string, between: string, value: string): boolean {
  if (/tokens$/i.test(name) && /^\d+$/.test(value)) return true;
  return between === ": " && /^[a-z]{1,12}$/.test(value) && /(?:tokens?|signature|credentials?)$/i.test(name);
}
