import { randomUUID } from "node:crypto";
import { Redis } from "ioredis";
import { createClient } from "redis";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ReceivedEvent } from "../../src/index.js";
import { type RedisClients, redisChannel } from "../../src/integrations/progress.js";
import { until } from "../support/fakes.js";
import { progressOf } from "../support/progress-streams.js";

const url = process.env.TEST_REDIS_URL;

interface Made extends RedisClients {
  /** Cuts the connection of the subscriber, as the server sees it. */
  readonly cut: () => Promise<unknown>;
  readonly close: () => Promise<unknown>;
}

async function byIoredis(): Promise<Made> {
  const publisher = new Redis(String(url));
  const subscriber = publisher.duplicate();
  for (const client of [publisher, subscriber]) client.on("error", () => {});
  const id = await subscriber.client("ID");
  return {
    publisher,
    subscriber,
    cut: () => publisher.client("KILL", "ID", id),
    close: async () => {
      publisher.disconnect();
      subscriber.disconnect();
    },
  };
}

async function byNodeRedis(): Promise<Made> {
  const publisher = createClient({ url: String(url) });
  const subscriber = publisher.duplicate();
  for (const client of [publisher, subscriber]) client.on("error", () => {});
  await Promise.all([publisher.connect(), subscriber.connect()]);
  const id = await subscriber.clientId();
  return {
    publisher,
    subscriber,
    cut: () => publisher.sendCommand(["CLIENT", "KILL", "ID", String(id)]),
    close: async () => {
      publisher.destroy();
      subscriber.destroy();
    },
  };
}

describe.skipIf(url === undefined)("over a server (TEST_REDIS_URL)", () => {
  describe.each([
    ["ioredis", byIoredis],
    ["redis", byNodeRedis],
  ] as const)("with clients of %s", (_, make) => {
    let clients: Made;
    let name: string;
    beforeEach(async () => {
      clients = await make();
      name = `progress-${randomUUID()}`;
    });
    afterEach(() => clients.close());

    it("carries events in their order, to all who listen, until they stop", async () => {
      const channel = redisChannel(clients, { name });
      const [one, two]: ReceivedEvent[][] = [[], []];
      const stopOne = await channel.subscribe(
        (event) => one?.push(event),
        () => {},
      );
      const stopTwo = await channel.subscribe(
        (event) => two?.push(event),
        () => {},
      );
      await redisChannel(clients, { name: `${name}-other` }).publish(progressOf("x", 1));
      await clients.publisher.publish(name, "no event");
      await Promise.all(Array.from({ length: 100 }, (_, n) => channel.publish(progressOf("1", n))));
      await until(() => one?.length === 100 && two?.length === 100);
      expect(one?.map((event) => "progress" in event && event.progress)).toEqual(
        Array.from({ length: 100 }, (_, n) => n),
      );
      await stopOne();
      await stopTwo();
      expect(await clients.publisher.publish(name, "{}")).toBe(0); // nobody is subscribed
      const three: ReceivedEvent[] = [];
      const stopThree = await channel.subscribe(
        (event) => three.push(event),
        () => {},
      );
      await channel.publish(progressOf("1", 7));
      await until(() => three.length === 1);
      await stopThree();
      expect(one).toHaveLength(100);
    });

    it("tells of a gap when its connection is cut, and goes on", async () => {
      const channel = redisChannel(clients, { name });
      const events: ReceivedEvent[] = [];
      const onGap = vi.fn();
      const stop = await channel.subscribe((event) => events.push(event), onGap);
      await clients.cut();
      await until(() => onGap.mock.calls.length > 0);
      await channel.publish(progressOf("1", 1));
      await until(() => events.length === 1);
      await stop();
    });
  });
});

it("refuses what are no two clients", () => {
  const publisher = { publish: async () => 0 };
  const subscriber = { subscribe: async () => 0, on: () => {} };
  redisChannel({ publisher, subscriber });
  const both = { ...publisher, ...subscriber };
  expect(() => redisChannel({ publisher: both, subscriber: both })).toThrow("a connection of its own");
  expect(() => redisChannel({ publisher: {} as never, subscriber })).toThrow(
    "clients.publisher.publish: expected a function",
  );
  expect(() => redisChannel({ publisher, subscriber }, { name: "" })).toThrow(
    "name: expected a text that is not empty",
  );
});
