import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { PGlite } from "@electric-sql/pglite";
import ts from "typescript";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { BatchRepositoryAdapter } from "../../src/contracts/repository.js";
import type { BatchRecord, UploadRecord } from "../../src/contracts/upload.js";
import { testRepositoryContract } from "../../src/testing/index.js";

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

interface Adapter {
  readonly createRepository: (database: object, sql: Readonly<Record<string, string>>) => BatchRepositoryAdapter;
}

/** The adapter as it stands on the page. */
async function adapterOfPage(): Promise<Adapter> {
  const code = blocksOf("ts").get("The adapter") ?? "";
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

const COLUMNS: Readonly<Record<string, string>> = {
  id: "id",
  storageKey: "storage_key",
  status: "status",
  batchId: "batch_id",
  userId: "user_id",
  fileName: "file_name",
  fileSize: "file_size",
  mimeType: "mime_type",
  thumbnailKey: "thumbnail_key",
  description: "description",
  embedding: "embedding",
  metadata: "metadata",
  aiVersion: "ai_version",
  errorCode: "error_code",
  errorStage: "error_stage",
  errorMessage: "error_message",
  starts: "starts",
  draft: "draft",
};

describe.each([
  { name: "as they stand on the page", tables: sql.tables ?? "", userId: undefined },
  { name: "with numbers as ids, UUIDs as users, and foreign keys", tables: strictTables(), userId: randomUUID() },
])("the tables $name", ({ tables, userId }) => {
  let database: PGlite;
  let adapter: Adapter;
  let ids = 0;

  beforeAll(async () => {
    database = await PGlite.create();
    await database.exec(tables);
    if (userId !== undefined) await database.query("insert into users (id) values ($1)", [userId]);
    adapter = await adapterOfPage();
  });
  afterAll(() => database?.close());

  const insert = async (table: string, record: UploadRecord | BatchRecord) => {
    const given = Object.entries(record).filter(
      ([field, value]) => value !== undefined && !(field === "starts" && value === null),
    );
    const values = given.map(([, value]) => value);
    const names = given.map(([field]) => COLUMNS[field]);
    const places = values.map((_, index) => `$${index + 1}`);
    await database.query(`insert into ${table} (${names.join(", ")}) values (${places.join(", ")})`, values);
  };

  testRepositoryContract({
    test: test.concurrent,
    ownClock: false,
    create: () => {
      const counting = Object.entries(sql).map(([name, text]) => [name, `/* ${name} */ ${text}`]);
      const counted = Object.fromEntries(counting.filter(([name]) => name !== "record" && name !== "selection"));
      const statements = { ...counted, record: sql.record ?? "", selection: sql.selection ?? "" };
      const watched = {
        query(text: string, values: unknown[]) {
          const name = /^\/\* (.*?) \*\//.exec(text)?.[1] ?? "";
          sent.set(name, (sent.get(name) ?? 0) + 1);
          return database.query(text, values);
        },
      };
      return {
        repository: adapter.createRepository(watched, statements),
        async addUploads(uploads) {
          for (const upload of uploads) await insert("uploads", upload);
        },
        addBatch: (batch) => insert("batches", batch),
        deleteUpload: (id) => database.query("delete from uploads where id = $1", [id]),
        ...(userId === undefined ? {} : { userId, newId: () => String(++ids) }),
      };
    },
  });

  test("every statement of the page was run", () => {
    const parts = ["tables", "record", "selection"];
    const statements = Object.keys(sql).filter((name) => !parts.includes(name));
    expect(statements).toHaveLength(10);
    expect([...sent.keys()].sort()).toEqual(statements.sort());
  });
});

test("no SQL of the page stands outside of a block that is run", () => {
  expect(page.match(/^```sql$/gm)).toHaveLength(Object.keys(sql).length);
});
