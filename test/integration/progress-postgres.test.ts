import { randomUUID } from "node:crypto";
import { PGlite } from "@electric-sql/pglite";
import fc from "fast-check";
import pg from "pg";
import { afterEach, describe, expect, it, test, vi } from "vitest";
import { parseEvent, type ReceivedEvent, UploadError, type WireEvent } from "../../src/index.js";
import { fitPayload } from "../../src/integrations/progress/fit-payload.js";
import { type PostgresPool, postgresChannel } from "../../src/integrations/progress.js";
import { until, uploadOf } from "../support/fakes.js";
import { progressOf, settledOf } from "../support/progress-streams.js";
import { SilentProxy } from "../support/silent-proxy.js";

const url = process.env.TEST_POSTGRES_URL;
const name = () => `Progress; ${randomUUID().slice(0, 8)}`;

describe.skipIf(url === undefined)("over a server (TEST_POSTGRES_URL)", () => {
  const open: (() => Promise<unknown>)[] = [];

  afterEach(async () => {
    for (const close of open.splice(0).reverse()) await close();
  });

  function poolOf(options: pg.PoolConfig = {}) {
    const pool = new pg.Pool({ connectionString: url, ...options });
    pool.on("error", () => {});
    open.push(() => pool.end());
    return pool;
  }

  /** A subscriber that keeps what it hears. */
  async function hear(channel: ReturnType<typeof postgresChannel>) {
    const events: ReceivedEvent[] = [];
    const onGap = vi.fn();
    const unsubscribe = await channel.subscribe((event) => events.push(event), onGap);
    open.push(unsubscribe);
    return { events, onGap, unsubscribe };
  }

  async function proxied() {
    const proxy = await SilentProxy.start(String(url));
    open.push(() => proxy.stop());
    return proxy;
  }

  const listeners = async (pool: pg.Pool, quoted: string) => {
    const { rows } = await pool.query("select pid from pg_stat_activity where query = $1", [`listen ${quoted}`]);
    return rows.map(({ pid }) => pid as number);
  };
  const quote = (text: string) => `"${text}"`;

  it("carries events from one process to another, in their order, to all who listen", async () => {
    const options = { name: name() };
    const [one, other] = [postgresChannel(poolOf(), options), postgresChannel(poolOf(), options)];
    const [first, second] = [await hear(other), await hear(other)];
    await Promise.all(Array.from({ length: 250 }, (_, n) => one.publish(progressOf(`Ü${n}`, n % 100))));
    await until(() => first.events.length === 250 && second.events.length === 250);
    expect(first.events.map((event) => "uploadId" in event && event.uploadId)).toEqual(
      Array.from({ length: 250 }, (_, n) => `Ü${n}`),
    );
    expect(first.onGap).not.toHaveBeenCalled();
  });

  it("takes one connection for all who listen, and gives it back clean", async () => {
    const [pool, options] = [poolOf(), { name: name() }];
    const channel = postgresChannel(pool, options);
    const [one, two] = [await hear(channel), await hear(channel)];
    expect(await listeners(pool, quote(options.name))).toHaveLength(1);
    await one.unsubscribe();
    expect(await listeners(pool, quote(options.name))).toHaveLength(1);
    await two.unsubscribe();
    await vi.waitFor(async () => expect(await listeners(pool, quote(options.name))).toEqual([]), 5000);
    const three = await hear(channel);
    await channel.publish(progressOf("1", 1));
    await until(() => three.events.length === 1);
    expect(one.events).toEqual([]);
  });

  it("tells of a gap when its connection is cut, and goes on", async () => {
    const [pool, options] = [poolOf(), { name: name() }];
    const channel = postgresChannel(pool, options);
    const { events, onGap } = await hear(channel);
    for (let cut = 1; cut <= 2; cut++) {
      const pids = await listeners(pool, quote(options.name));
      expect(pids).toHaveLength(1);
      await pool.query("select pg_terminate_backend($1)", [pids[0]]);
      await until(() => onGap.mock.calls.length === cut);
      await channel.publish(progressOf("1", cut));
      await until(() => events.length === cut);
    }
  });

  it("finds a connection that was cut without a word", async () => {
    const proxy = await proxied();
    const options = { name: name(), checkIntervalMs: 100 };
    const channel = postgresChannel(poolOf({ connectionString: proxy.through(String(url)) }), options);
    const { events, onGap } = await hear(channel);
    proxy.silence();
    await until(() => onGap.mock.calls.length === 1);
    await postgresChannel(poolOf(), options).publish(progressOf("1", 1));
    await until(() => events.length === 1);
  });

  it("is connected again when an outage that swallows all is over, also what was connected in it", async () => {
    const proxy = await proxied();
    const pool = poolOf({ connectionString: proxy.through(String(url)) });
    const options = { name: name(), checkIntervalMs: 100 };
    const { events, onGap } = await hear(postgresChannel(pool, options));
    proxy.isSilent = true;
    proxy.silence();
    await until(() => proxy.made === 2);
    proxy.isSilent = false;
    await until(() => onGap.mock.calls.length === 1);
    await postgresChannel(poolOf(), options).publish(progressOf("1", 1));
    await until(() => events.length === 1);
    await proxy.stop(); // or the pool would wait for what it is still connecting
  });

  it("sends on behind a connection that died without a word, which gives its place in the pool to another", async () => {
    const proxy = await proxied();
    const pool = poolOf({ connectionString: proxy.through(String(url)), max: 1 });
    const channel = postgresChannel(pool, { name: name() });
    await channel.publish(progressOf("1", 1));
    proxy.silence();
    await expect(channel.publish(progressOf("1", 2))).rejects.toThrow(/did not answer|timeout/);
    await channel.publish(progressOf("1", 3));
  });

  it("cuts an event that is larger than NOTIFY takes, and says so", async () => {
    const channel = postgresChannel(poolOf(), { name: name() });
    const { events } = await hear(channel);
    const upload = uploadOf("1", { description: "ä".repeat(5000) });
    await channel.publish(settledOf(upload, ["description", "fileName"]));
    await channel.publish(settledOf({ ...upload, description: "ä".repeat(3000) }, ["description"]));
    await until(() => events.length === 2);
    const [cut, whole] = events;
    expect(cut).toMatchObject({ type: "upload:settled", status: "completed", truncated: true });
    expect(cut).toHaveProperty("upload", { id: "1" });
    expect(whole).toHaveProperty("upload.description", "ä".repeat(3000));
    expect(whole).not.toHaveProperty("truncated");
  });

  it("rejects what cannot be sent, and what comes later is sent", async () => {
    const pool = poolOf();
    const channel = postgresChannel(pool, { name: name() });
    const { events } = await hear(channel);
    const failing = vi.spyOn(pool, "query").mockRejectedValueOnce(new Error("gone") as never);
    await expect(channel.publish(progressOf("1", 1))).rejects.toThrow("gone");
    failing.mockRestore();
    await channel.publish(progressOf("1", 2));
    await until(() => events.length === 1);
  });

  it("rejects a subscription that cannot be made, and leaves nothing behind", async () => {
    const pool = poolOf({ connectionString: undefined, host: "127.0.0.1", port: 1 });
    await expect(
      postgresChannel(pool).subscribe(
        () => {},
        () => {},
      ),
    ).rejects.toThrow("ECONNREFUSED");
    expect(pool.totalCount).toBe(0);
    const client = new pg.Client({ connectionString: url });
    open.push(() => client.end());
    const noPool = postgresChannel(client as unknown as PostgresPool);
    await expect(
      noPool.subscribe(
        () => {},
        () => {},
      ),
    ).rejects.toThrow(/a client of the pool.release: expected a function/);
  });
});

test("an embedded PostgreSQL carries events as well", async () => {
  const pglite = new PGlite();
  const channel = postgresChannel(pglite, { name: "Quoted Name" });
  const events: ReceivedEvent[] = [];
  const unsubscribe = await channel.subscribe(
    (event) => events.push(event),
    () => {},
  );
  await channel.publish(progressOf("1", 1));
  await until(() => events.length === 1);
  await unsubscribe();
  await channel.publish(progressOf("1", 2));
  await pglite.close();
  expect(events).toHaveLength(1);
});

describe("names", () => {
  const pool = { connect: async () => undefined, query: async () => undefined };

  it.each(["", 'a"b', "a\nb", "a\0b", "\ud800", "x".repeat(64), "ä".repeat(32), 7])("%j is refused", (given) => {
    expect(() => postgresChannel(pool, { name: given as string })).toThrow("name: expected a name of 1 to 63 bytes");
  });

  it("of 63 bytes are taken, whatever is in them", () => {
    postgresChannel(pool, { name: "x".repeat(63) });
    postgresChannel(pool, { name: "'; drop table users; --" });
  });

  it("and what is no pool is refused", () => {
    expect(() => postgresChannel({ query: async () => {} } as never)).toThrow("pool.connect: expected a function");
    expect(() => postgresChannel("postgres://" as never)).toThrow("pool: expected an object");
  });
});

describe("an event that is cut", () => {
  it("fits and can be read, whatever is in it", () => {
    const text = fc.string({ unit: "binary", maxLength: 800 });
    const error = text.map((message) => new UploadError(message || "-", { code: "STAGE_FAILED" }).toJSON());
    const events = fc.record({
      warnings: fc.array(error, { maxLength: 10 }),
      stages: fc.array(fc.record({ stage: text }), { maxLength: 60 }),
      upload: fc.dictionary(fc.string({ maxLength: 20 }), text).map((fields) => ({ ...fields, id: "1" })),
    });
    fc.assert(
      fc.property(events, fc.integer({ min: 600, max: 9000 }), (fields, most) => {
        const event = { ...settledOf(uploadOf("1")), ...fields } as WireEvent;
        const payload = fitPayload(event, most);
        expect(Buffer.byteLength(payload)).toBeLessThanOrEqual(most);
        const whole = JSON.stringify(event);
        expect(payload === whole).toBe(Buffer.byteLength(whole) <= most);
        expect(parseEvent(payload)).toMatchObject({ type: "upload:settled", uploadId: "1", upload: { id: "1" } });
      }),
      { numRuns: 100 },
    );
  });

  it("loses the fields of its record before its texts, and its texts before its lists", () => {
    const warning = new UploadError("w".repeat(400), { code: "THUMBNAIL_FAILED" }).toJSON();
    const event = {
      ...settledOf(uploadOf("1", { description: "d".repeat(500) }), ["description"]),
      warnings: [warning],
    };
    const size = JSON.stringify(event).length;
    const cut = (most: number) => JSON.parse(fitPayload(event, most));
    expect(cut(size - 1)).toMatchObject({ upload: { id: "1" }, warnings: [warning] });
    expect(cut(size - 600).warnings[0].message).toBe("w".repeat(200));
    expect(cut(300)).toMatchObject({ warnings: [], status: "completed", truncated: true });
  });

  it("is refused when its ids alone are too large", () => {
    expect(() => fitPayload(progressOf("x".repeat(9000), 1), 7999)).toThrow(
      /An event of \d+ bytes cannot be cut to the 7999/,
    );
  });
});
