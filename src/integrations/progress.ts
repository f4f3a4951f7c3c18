export type { Channel, ChannelEvent } from "./progress/channel.js";
export { type ProgressHandler, progressHandler } from "./progress/handler.js";
export { localChannel } from "./progress/local-channel.js";
export type { ProgressHandlerOptions } from "./progress/options.js";
export {
  type EmbeddedPostgres,
  type PostgresChannelOptions,
  type PostgresPool,
  postgresChannel,
} from "./progress/postgres-channel.js";
export { type PublishOptions, publishTo } from "./progress/publish-to.js";
export {
  type NodeRedisSubscriber,
  type RedisChannelOptions,
  type RedisClients,
  type RedisPublisher,
  type RedisSubscriber,
  redisChannel,
} from "./progress/redis-channel.js";
export type { Subject } from "./progress/subject.js";
export type { Snapshot } from "./progress-client.js";
