// The readers of untrusted JSON (lib/fields.ts), and the one that only sentinels need: of an address.
export { asId, asInt, asList, asName, asObject, asText, asWord, parseObject } from '../lib/fields.ts'
export { toAddress as asAddress } from './address.ts'
