import { expected, requireMethods, requireOptions } from "../check.js";
import type { Channel } from "./channel.js";
import { type OpenSource, Subscribers } from "./subscribers.js";

/** What is asked of a client that sends: those of ioredis and of `redis` have it. */
export interface RedisPublisher {
  publish(channel: string, message: string): Promise<unknown>;
}

/** What is asked of a client of ioredis that listens. */
export interface RedisSubscriber {
  subscribe(channel: string): Promise<unknown>;
  on(event: "message", listener: (channel: string, message: string) => void): unknown;
}

/** What is asked of a client of `redis` that listens. */
export interface NodeRedisSubscriber {
  subscribe(channel: string, listener: (message: string, channel: string) => void): Promise<unknown>;
  pSubscribe(pattern: string, listener: (message: string, channel: string) => void): Promise<unknown>;
}

export interface RedisClients {
  readonly publisher: RedisPublisher;
  /** A connection of its own: one that listens takes no other commands. `publisher.duplicate()` makes one. */
  readonly subscriber: RedisSubscriber | NodeRedisSubscriber;
}

export interface RedisChannelOptions {
  /**
   * The name of the channel in Redis. Whoever is to see the same events has the same, and nobody else: give each database of uploads
   * one of its own, because ids say nothing of theirs, and Redis' numbered databases share their channels.
   *
   * @default "upload_processor_progress"
   */
  readonly name?: string | undefined;
}

/** What else the clients have, and is used where it is there. */
interface Emitter {
  on(event: string, listener: (...told: never[]) => void): unknown;
  removeListener?(event: string, listener: (...told: never[]) => void): unknown;
  unsubscribe?(channel: string, listener?: unknown): Promise<unknown>;
}

/**
 * A channel over PUBLISH and SUBSCRIBE, with two clients of ioredis, or of `redis` (connected). They reconnect by themselves, and
 * then subscribers are told of a gap. The clients are yours: give them an `"error"` listener, and close them after the channel.
 *
 * @throws ConfigurationError for clients that lack a method, or one client in both places
 * @example
 * const channel = redisChannel({ publisher: redis, subscriber: redis.duplicate() });
 */
export function redisChannel(clients: RedisClients, options: RedisChannelOptions = {}): Channel {
  requireMethods("clients", clients, []);
  const { publisher, subscriber } = clients;
  requireMethods("clients.publisher", publisher, ["publish"]);
  requireMethods("clients.subscriber", subscriber, ["subscribe", "on"]);
  if (Object.is(publisher, subscriber))
    throw expected("clients.subscriber", "a connection of its own, as publisher.duplicate()", subscriber);
  requireOptions("options", options, ["name"]);
  const { name = "upload_processor_progress" } = options;
  if (typeof name !== "string" || name === "") throw expected("name", "a text that is not empty", name);

  const isNodeRedis = "pSubscribe" in subscriber;
  const subscribers = new Subscribers(isNodeRedis ? byNodeRedis(subscriber, name) : byIoredis(subscriber, name));
  return {
    async publish(event) {
      await publisher.publish(name, JSON.stringify(event));
    },
    subscribe: subscribers.subscribe,
  };
}

function byIoredis(subscriber: RedisSubscriber, name: string): OpenSource {
  const emitter = subscriber as RedisSubscriber & Emitter;
  return async ({ event, gap }) => {
    const hear = (channel: string, message: string) => {
      if (channel === name) event(message);
    };
    // It subscribes again by itself, unless it was told not to, but does not say when it has: to subscribe twice does no harm.
    const again = () => void subscriber.subscribe(name).then(gap, () => {});
    const silence = () => {
      emitter.removeListener?.("message", hear);
      emitter.removeListener?.("ready", again);
    };
    emitter.on("message", hear);
    try {
      await subscriber.subscribe(name);
    } catch (error) {
      silence();
      throw error;
    }
    emitter.on("ready", again);
    return async () => {
      silence();
      await emitter.unsubscribe?.(name);
    };
  };
}

function byNodeRedis(subscriber: NodeRedisSubscriber, name: string): OpenSource {
  const emitter = subscriber as NodeRedisSubscriber & Emitter;
  return async ({ event, gap }) => {
    const hear = (message: string) => event(message);
    await subscriber.subscribe(name, hear);
    // Comes when it has subscribed again.
    emitter.on("ready", gap);
    return async () => {
      emitter.removeListener?.("ready", gap);
      await emitter.unsubscribe?.(name, hear);
    };
  };
}
