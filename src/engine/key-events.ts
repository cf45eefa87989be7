// Keyspace events: what a command did to keys, as messages on two channels, where these are switched on
// (`notify-keyspace-events`).
import { type Effects, NOTIFY_KEYEVENT, NOTIFY_KEYSPACE } from '../commands/effects.ts'
import type { PubSub } from '../facade/call.ts'

/** Publishes the events of a command, and forgets them. */
export function publishEvents(effects: Effects, pubsub: PubSub): void {
  for (const { db, event, key } of effects.events) {
    if ((effects.notifyMask & NOTIFY_KEYSPACE) !== 0) {
      pubsub.publish(Buffer.concat([Buffer.from(`__keyspace@${db}__:`), key]), Buffer.from(event))
    }
    if ((effects.notifyMask & NOTIFY_KEYEVENT) !== 0) {
      pubsub.publish(Buffer.from(`__keyevent@${db}__:${event}`), key)
    }
  }
  effects.events.length = 0
}
