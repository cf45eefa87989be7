// What this server says it is. Clients switch features on by the version of Redis that a server claims.

/** The version of Redis whose commands, replies and formats this server has; in HELLO, INFO and RDB files. */
export const REDIS_VERSION = '7.0.15'
