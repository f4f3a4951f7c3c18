import { describe, expect, test } from "vitest";
import { redact } from "../../src/redact.js";

const jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.SflKxwRJSMeKKF2QT4";
const amz =
  "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20260101%2Feu-central-1%2Fs3&X-Amz-Expires=900&X-Amz-Security-Token=IQoJb3JpZ2luX2VjEJr%2F&X-Amz-Signature=fe5f80f77d5fa3be";

describe("credentials", () => {
  test.each([
    // As services word it.
    ["Incorrect API key provided: sk-proj-abcdefghijklmnop. Find", "Incorrect API key provided: ***. Find"],
    ["401 invalid x-api-key: sk-ant-api03-AbCdEf_123456-xyz", "401 invalid x-api-key: ***"],
    ["API key not valid: AIzaSyD-9tSrke72PouQMnMX-a7eZSW0jkFMBWY", "API key not valid: ***"],
    ["GET https://g.test/v1beta/models?key=plain123 400", "GET https://g.test/v1beta/models?key=*** 400"],
    ["failed: Ocp-Apim-Subscription-Key: 0123abcd", "failed: Ocp-Apim-Subscription-Key: ***"],
    ["AccountName=a;AccountKey=Zm9v+/YmFy==;EndpointSuffix=x", "AccountName=a;AccountKey=***;EndpointSuffix=x"],
    ["https://a.blob.test/c/b.jpg?se=2026&sp=r&sig=AbC%2F1%3D", "https://a.blob.test/c/b.jpg?se=2026&sp=r&sig=***"],
    [
      `PUT https://b.s3.test/k.jpg?${amz} 403`,
      "PUT https://b.s3.test/k.jpg?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=***&X-Amz-Expires=900&X-Amz-Security-Token=***&X-Amz-Signature=*** 403",
    ],
    ["https://gcs.test/b/o?X-Goog-Signature=dead&x=1", "https://gcs.test/b/o?X-Goog-Signature=***&x=1"],
    ["aws_secret_access_key = wJalrXUtnFEMI/K7MDENG", "aws_secret_access_key = ***"],
    // Connection strings, with what passwords have in them.
    ["connect postgres://app:s3cret@db:5432/x failed", "connect postgres://***@db:5432/x failed"],
    ["postgres://app:p@ss:w/rd#1?@db:5432/app refused", "postgres://***@db:5432/app refused"],
    ["redis://:hunter2@cache:6379/0", "redis://***@cache:6379/0"],
    ["mongodb+srv://u:p%40ss@c0.test/?w=1", "mongodb+srv://***@c0.test/?w=1"],
    ["https://user:p/s#s?@git.test/x.git", "https://***@git.test/x.git"],
    ["https://ghp@git.test/x.git", "https://***@git.test/x.git"],
    ["host=db password=hunter2 dbname=x", "host=db password=*** dbname=x"],
    ["host=db password='hun ter2' dbname=x", "host=db password='***' dbname=x"],
    // Headers and bodies.
    ["Authorization: Bearer abcdef123456", "Authorization: Bearer ***"],
    ["authorization: bearer short", "authorization: bearer ***"],
    ['{"authorization":"Bearer abc.DEF","x":1}', '{"authorization":"Bearer ***","x":1}'],
    ['"{\\"api_key\\":\\"abc def\\",\\"n\\":1}"', '"{\\"api_key\\":\\"***\\",\\"n\\":1}"'],
    ['{"password":"p\\"q, r","clientSecret":"s"}', '{"password":"***","clientSecret":"***"}'],
    ["{ apiKey: 'abc', region: 'eu' }", "{ apiKey: '***', region: 'eu' }"],
    ['Authorization: Digest username="M", response="66"', "Authorization: ***"],
    [`bad token ${jwt}`, "bad token ***"],
    ["Basic dXNlcjpwYXNz", "Basic ***"],
    ["Set-Cookie: session=abc; Path=/\nServer: x", "Set-Cookie: *** Server: x"],
    ["'set-cookie': [ 'a=1; Path=/', 'b=2' ], x: 1", "'set-cookie': [***], x: 1"],
    ['{"cookie":"sid=abc; other=1","x":1}', '{"cookie":"***","x":1}'],
    ["error: token=abc123; retry", "error: token=***; retry"],
    ["GET https://api.test/v1?api_key=abc&x=1", "GET https://api.test/v1?api_key=***&x=1"],
    ["https://hooks.slack.com/services/T0/B0/XXX said no", "https://hooks.slack.com/services/*** said no"],
    // Keys by how they begin.
    ["xoxb-1234-5678-abc, xoxe.xoxp-1-Mi0yLTEy", "***, ***"],
    ["github_pat_11ABCDEFG0aBcDeFg ghp_16C7e42F292c6912", "*** ***"],
    ["glpat-AbCdEf123456ghij sk_live_51AbCdEfGh whsec_abcdefgh1", "*** *** ***"],
    ["hf_AbCdEfGhIjKlMnOp gsk_AbCdEfGhIjKlMnOp r8_AbCdEfGhIjKlMnOp", "*** *** ***"],
    ["SG.ngeVfQFYQlKU0ufo8x5d1A.TwL2iGABf9DHoTf-09kq ya29.a0AfH6SMBx", "*** ***"],
    ["AKIAIOSFODNN7EXAMPLE ASIAIOSFODNN7EXAMPLE", "*** ***"],
    ["key: -----BEGIN RSA PRIVATE KEY-----\nMIIE/abc=\n-----END RSA PRIVATE KEY----- rest", "key: *** rest"],
    ["-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNz", "***"],
  ])("%s", (message, expected) => {
    expect(redact(message)).toBe(expected);
    expect(redact(expected), "once more").toBe(expected);
  });

  test("a key across the end of what is looked at is not left as half a key", () => {
    expect(redact(`Bearer ${"a1".repeat(1992)} sk-proj-abcdefghijklmnop`)).toBe("Bearer ***");
  });
});

describe("paths", () => {
  test.each([
    ["ENOENT: no such file, open '/var/lib/app/uploads/cat.jpg'", "ENOENT: no such file, open '…/cat.jpg'"],
    ["open '/home/Jo Smith/my photos/cat 1.jpg'", "open '…/cat 1.jpg'"],
    ["open '/home/jo's/cat.jpg': denied", "open '…/cat.jpg': denied"],
    ["at Object.<anonymous> (/srv/app/index.js:10:5)", "at Object.<anonymous> (…/index.js:10:5)"],
    ["at file:///srv/app/index.js:3", "at …/index.js:3"],
    ["path=/var/lib/a/b.jpg; copy /a/b/c -> /d/e/f", "path=…/b.jpg; copy …/c -> …/f"],
    ["<path>/var/log/x.log</path> [/a/b] “/c/d/e”", "<path>…/x.log</path> […/b] “…/e”"],
    ["mount //server/share/x.jpg", "mount …/x.jpg"],
    ["C:\\Users\\bob\\cat.jpg is damaged", "…/cat.jpg is damaged"],
    ["open 'C:\\Users\\Jo Smith\\cat 1.jpg'", "open '…/cat 1.jpg'"],
    ["cannot open C:\\Users\\Jo Smith\\cat.jpg: denied", "cannot open …/cat.jpg: denied"],
    ["c:/data/photos/cat.jpg is damaged", "…/cat.jpg is damaged"],
    ["\\\\server\\share\\dir\\cat.jpg and \\\\?\\C:\\dir\\cat.jpg", "…/cat.jpg and …/cat.jpg"],
    ['"C:\\\\Users\\\\bob\\\\cat.jpg"', '"…/cat.jpg"'],
    ["file://server/share/cat.jpg", "…/cat.jpg"],
  ])("%s", (message, expected) => {
    expect(redact(message)).toBe(expected);
    expect(redact(expected), "once more").toBe(expected);
  });
});

describe("what a person looks for stays", () => {
  test.each([
    "POST https://api.test/v1/images/describe answered 503: either/or and 3/4",
    "GET /v1/models returned 500",
    "HTTP 429: too many requests, retry in 20 s",
    "expected 3 tokens, got 5; max_tokens=100, total_tokens: 1200",
    "Unexpected token: } in JSON at position 0",
    "maxOutputTokens: expected a whole number above 0, got 0",
    "invalid signature: expected 4 bytes",
    'password authentication failed for user "app"',
    "basic authentication required, bearer token missing",
    'duplicate key value violates unique constraint "pk_uploads_batch_id"',
    "model gpt-4o/2026-08-06 not found (see https://docs.test/a/b?x=1#y)",
    "https://example.test/@scope/pkg and http://db.test:5432/x",
    "hf_hub_download failed; sk-learn; the risk-assessment-framework",
    "Request id: req_011CSHoEeqs5C35K2UUqR7Fy, 550e8400-e29b-41d4-a716-446655440000",
    "image/jpeg; charset=utf-8, 10 km/h, n/a, 12:30:15",
    'The storage has no original under "originals/2026/cat.jpg"',
  ])("%s", (message) => {
    expect(redact(message)).toBe(message);
  });
});

describe("one line of at most 500 characters", () => {
  test.each([
    ["line one\r\nline\u2028two\u0000\u001b[31m red\u001b[0m", "line one line two  red"],
    ["\u001b]8;;https://evil.test\u0007click\u001b]8;;\u0007 \u009b31mred", "click red"],
    ["abc\u202egpj.exe\u202c \u2066x\u2069", "abcgpj.exe x"],
    ["bell\u0007 tab\there next\u0085line", "bell  tab here next line"],
    ["half \ud83d pair", "half \ufffd pair"],
    ["the 🐈 stays", "the 🐈 stays"],
  ])("%j", (message, expected) => {
    expect(redact(message)).toBe(expected);
  });

  test("it is not cut inside a character", () => {
    expect(redact("x".repeat(10_000))).toHaveLength(500);
    const cut = redact(`${"x".repeat(498)}${"🐈".repeat(100)}`);
    expect(cut).toBe(`${"x".repeat(498)}…`);
    expect(redact(`${"x".repeat(497)}${"🐈".repeat(100)}`)).toBe(`${"x".repeat(497)}🐈…`);
  });
});

describe("twice the message takes no more than about twice the time", () => {
  const hostile = [
    ...[
      "/",
      "a://",
      "a://b",
      "token=",
      "token",
      "\\\\a\\",
      "C:\\a",
      "\\a",
      "'/",
      "'/a",
      "'/'a",
      '"',
      "a.",
      "a-",
      "a+",
      "=/a",
      "(/a",
    ],
    ...[
      "eyJ-",
      "eyJa.",
      "SG.a",
      "cookie:",
      "cookie: a",
      "authorization: ",
      "authorization",
      "bearer ",
      "bearer a",
      "-----BEGIN ",
    ],
    ...[
      "-----BEGIN PRIVATE KEY-----",
      "https://a:",
      "https://",
      "@",
      "https://a:b",
      "a b=",
      "a=b",
      "password: '",
      'password="',
      '\\"a\\":',
    ],
    ...[
      "\u001b]",
      "\u001b[",
      " ",
      "\t",
      "\n",
      "api key ",
      "file:///",
      "file:///a/",
      "xox",
      "sk-",
      "?key=",
      "a:",
      "//a",
      " //a/",
    ],
  ];

  /** The least of several: whatever else the machine does only adds to it. */
  function shortest(message: string): number {
    let least = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 7; round++) {
      const begun = performance.now();
      for (let repeat = 0; repeat < 4; repeat++) redact(message);
      least = Math.min(least, performance.now() - begun);
    }
    return least;
  }

  test.each(hostile)("%j over and over", (part) => {
    const of = (length: number) => part.repeat(Math.ceil(length / part.length)).slice(0, length);
    redact(of(1000));
    // A quadratic pattern takes 16 times as long for four times the message, an exponential one for ever.
    const growth = () => shortest(of(3960)) / Math.max(shortest(of(990)), 0.2);
    // What is slow by itself is so each time.
    expect(Math.min(growth(), growth(), growth())).toBeLessThan(10);
  });

  test("of a longer one no more is looked at than of one of 4,000 characters", () => {
    const growth = () => shortest("a://b'/".repeat(1e6)) / Math.max(shortest("a://b'/".repeat(571)), 0.2);
    expect(Math.min(growth(), growth(), growth())).toBeLessThan(5);
  });
});
