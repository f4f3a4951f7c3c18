import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { PGlite } from "@electric-sql/pglite";
import { vector } from "@electric-sql/pglite-pgvector";
import ts from "typescript";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { BatchRepositoryAdapter } from "../../src/contracts/repository.js";
import type { BatchRecord, UploadRecord } from "../../src/contracts/upload.js";
import { CODES } from "../../src/errors.js";
import { processUploadWithRetry } from "../../src/index.js";
import { testRepositoryContract } from "../../src/testing/index.js";
import { worldOf } from "../support/fakes.js";

const page = readFileSync(new URL("../../src/contracts/repository.md", import.meta.url), "utf8");

/** The first block of a language under each heading. */
function blocksOf(language: string): Map<string, string> {
  const sections = page.split(/^#{2,3} /m).slice(1);
  const found = sections.flatMap((section) => {
    const block = new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, "ms").exec(section)?.[1];
    return block === undefined ? [] : [[section.slice(0, section.indexOf("\n")), block.trim()] as const];
  });
  return new Map(found);
}

const sql = Object.fromEntries(blocksOf("sql"));
/** By name, how often a statement of the page was sent. */
const sent = new Map<string, number>();

type Statements = Readonly<Record<string, string>>;

interface Adapter {
  readonly createRepository: (
    database: object,
    sql: Statements,
    isId?: (id: string) => boolean,
  ) => BatchRepositoryAdapter;
  readonly isBigint: (id: string) => boolean;
  readonly insertUploads: (database: object, sql: Statements, uploads: readonly UploadRecord[]) => Promise<void>;
}

/** The adapter as it stands on the page, and what else of code stands there. */
async function adapterOfPage(rounds: boolean): Promise<Adapter> {
  const adapter = blocksOf("ts").get("The adapter") ?? "";
  const [rounded] = adviceOn("the embedding is `real[]`").slice(-1);
  const isBigint = /`(\(id\) => [^`]+)`/.exec(page)?.[1];
  const inserting = /^async function insertUploads.*?^}/ms.exec(blocksOf("ts").get("The test") ?? "")?.[0];
  const code = `${rounds ? adapter.replace("JSON.stringify(changes)", `JSON.stringify({ ...changes, embedding: ${rounded} })`) : adapter}
export const isBigint = ${isBigint};
export async function insertUploads(database, sql, uploads) {
  ${inserting}
  await insertUploads(uploads);
}`;
  const options = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
  const { outputText } = ts.transpileModule(code, { compilerOptions: options });
  return import(/* @vite-ignore */ `data:text/javascript,${encodeURIComponent(outputText)}`);
}

/** The table of the page as somebody else would have it: ids that are numbers, users that are UUIDs, and foreign keys. */
function strictTables(): string {
  return `create table users (id uuid primary key);
${(sql.tables ?? "")
  .replace(/^ {2}id text primary key/gm, "  id bigint primary key")
  .replace("  batch_id text", "  batch_id bigint references batches (id)")
  .replace(/^ {2}user_id text/gm, "  user_id uuid not null references users (id)")}`;
}

/** What the page says of tables of one's own, by the first words of its row. */
function adviceOn(table: string): readonly string[] {
  const row = page.split("\n").find((line) => line.startsWith(`| ${table}`)) ?? "";
  return [...row.matchAll(/`([^`]+)`/g)].map(([, code]) => code ?? "");
}

/** A table that was there before, with a row in it: numbers in the order of creation, an enum as status, pgvector. */
function tablesOfOwn(): string {
  const castFor = (type: string) => adviceOn("the status is an enum").at(-1)?.replace("upload_status", type);
  const batches = /^create table batches .*?;/ms.exec(sql.tables ?? "")?.[0] ?? "";
  return `create extension vector;
create type upload_status as enum ('pending', 'analyzing', 'embedding', 'completed', 'failed');
create type batch_status as enum ('pending', 'processing', 'completed', 'failed', 'cancelled');
${castFor("upload_status")};
${castFor("batch_status")};
create table uploads (id bigint primary key, storage_key text not null);
insert into uploads (id, storage_key) values (1, 'old.jpg');
${batches.replace("id text", "id bigint").replace("status text", "status batch_status")}
${(sql["existing-table"] ?? "")
  .replace("sequence bigint generated always as identity", "sequence bigint generated always as (id) stored")
  .replace("status text", "status upload_status")
  .replace("batch_id text", "batch_id bigint")
  .replace("double precision[]", "vector")}`;
}

/** The statements for pgvector, as the page says. */
function statementsForVectors(): Record<string, string> {
  const [, , selected = "", , written = "", array = ""] = adviceOn("the embedding is a `vector`");
  expect(array).toBe("array(…)");
  return {
    ...sql,
    record: (sql.record ?? "").replace("'embedding', embedding", () => `'embedding', ${selected}`),
    "update-upload": (sql["update-upload"] ?? "").replace(/array\(select .*\)\)/, () => written),
  };
}

const VARIANTS = [
  { name: "as they stand on the page", tables: sql.tables ?? "", userId: undefined, isOwn: false, numbers: false },
  {
    name: "with numbers as ids, UUIDs as users, and foreign keys",
    tables: strictTables(),
    userId: randomUUID(),
    isOwn: false,
    numbers: true,
  },
  {
    name: "that were there before, with an enum, pgvector, and ids in the order of creation",
    tables: tablesOfOwn(),
    userId: undefined,
    isOwn: true,
    numbers: true,
  },
];

describe.each(VARIANTS)("the tables $name", ({ tables, userId, isOwn, numbers }) => {
  let database: PGlite;
  let adapter: Adapter;
  let ids = 1;
  const variant = isOwn ? statementsForVectors() : sql;

  beforeAll(async () => {
    database = await PGlite.create({ extensions: { vector } });
    await database.exec(tables);
    if (isOwn) await database.exec(sql["has-result"] ?? "");
    if (userId !== undefined) await database.query("insert into users (id) values ($1)", [userId]);
    adapter = await adapterOfPage(isOwn);
  });
  afterAll(() => database?.close());

  const addBatch = ({ id, status, userId: user = null }: BatchRecord) =>
    database.query("insert into batches (id, status, user_id) values ($1, $2, $3)", [id, status, user]);

  testRepositoryContract({
    test: test.concurrent,
    ownClock: false,
    create: () => {
      const counting = Object.entries(variant).map(([name, text]) => [name, `/* ${name} */ ${text}`]);
      const counted = Object.fromEntries(counting.filter(([name]) => name !== "record" && name !== "selection"));
      const statements = { ...counted, record: variant.record ?? "", selection: variant.selection ?? "" };
      const watched = {
        query(text: string, values: unknown[]) {
          const name = /^\/\* (.*?) \*\//.exec(text)?.[1] ?? "";
          sent.set(name, (sent.get(name) ?? 0) + 1);
          return database.query(text, values);
        },
      };
      return {
        repository: adapter.createRepository(watched, statements, numbers ? adapter.isBigint : undefined),
        addUploads: (uploads) => adapter.insertUploads(watched, statements, uploads),
        addBatch,
        deleteUpload: (id) => database.query("delete from uploads where id = $1", [id]),
        userId,
        ...(numbers && { newId: () => String(++ids), impossibleId: "abc" }),
      };
    },
  });

  if (isOwn)
    test("old rows count as done, and the nearest are found", async () => {
      const text = (sql["find-similar"] ?? "").replace("{record}", () => variant.record ?? "");
      await database.query("update uploads set embedding = '[3,4,0]' where id = 1");
      const { rows } = await database.query<{ upload: UploadRecord; similarity: number }>(text, ["[4,3,0]", 10_000]);
      const old = rows.find(({ upload }) => upload.id === "1");
      expect(old).toMatchObject({ upload: { status: "completed", embedding: [3, 4, 0] } });
      expect(old?.similarity).toBeCloseTo(0.96);
      const similarities = rows.map(({ similarity }) => similarity);
      expect(similarities).toEqual([...similarities].sort((a, b) => b - a));
    });

  test("every statement of the page was run", () => {
    const others = ["tables", "record", "selection", "existing-table", "has-result", "find-similar"];
    const statements = Object.keys(sql).filter((name) => !others.includes(name));
    expect(statements).toHaveLength(11);
    expect([...sent.keys()].sort()).toEqual(statements.sort());
  });
});

test("the lengths on the page are those of what the library stores", async () => {
  const longest = Math.max(...Object.keys(CODES).map((code) => code.length));
  expect(page).toContain(`\`error_code\` ${longest} or`);
  const [, told] = /any text of at most (\d+) characters/.exec(page) ?? [];
  expect(page).toContain(`\`claim_token\` ${told} characters`);
  const world = worldOf([{ id: "u1", storageKey: "a.jpg", status: "pending" }]);
  const tokens: string[] = [];
  const repository: typeof world.repository = {
    ...world.repository,
    claimUpload(id, request) {
      tokens.push(request.token);
      return world.repository.claimUpload(id, request);
    },
  };
  await processUploadWithRetry("u1", { ...world, repository });
  // The number grows with each claim: this leaves room for a million million of them.
  expect(tokens).toEqual([expect.stringMatching(/^[\da-z]+-\d+$/)]);
  expect((tokens[0] ?? "").length).toBeLessThanOrEqual(Number(told) - 12);
});

test("no SQL of the page stands outside of a block that is run", () => {
  expect(page.match(/^```sql$/gm)).toHaveLength(Object.keys(sql).length);
});
