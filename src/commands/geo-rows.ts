// Geo: the rows of its commands.

import { geoadd, geodist, geohash, geopos } from './geo.ts'
import {
  georadius,
  georadiusbymember,
  georadiusbymemberRo,
  georadiusRo,
  geosearch,
  geosearchstore,
} from './geo-search.ts'
import { type ArgumentSpec, type CommandSpec, type KeySpec, keyAt } from './spec.ts'

const KEY: ArgumentSpec = { name: 'key', type: 'key', keySpecIndex: 0 }
const MEMBER: ArgumentSpec = { name: 'member', type: 'string' }
const LONGITUDE: ArgumentSpec = { name: 'longitude', type: 'double' }
const LATITUDE: ArgumentSpec = { name: 'latitude', type: 'double' }
const RADIUS: ArgumentSpec = { name: 'radius', type: 'double' }
const UNIT: ArgumentSpec = {
  name: 'unit',
  type: 'oneof',
  arguments: [
    { name: 'm', type: 'pure-token', token: 'M' },
    { name: 'km', type: 'pure-token', token: 'KM' },
    { name: 'ft', type: 'pure-token', token: 'FT' },
    { name: 'mi', type: 'pure-token', token: 'MI' },
  ],
}
const WITH: readonly ArgumentSpec[] = [
  { name: 'withcoord', type: 'pure-token', token: 'WITHCOORD', optional: true },
  { name: 'withdist', type: 'pure-token', token: 'WITHDIST', optional: true },
  { name: 'withhash', type: 'pure-token', token: 'WITHHASH', optional: true },
]
const ORDER: ArgumentSpec = {
  name: 'order',
  type: 'oneof',
  optional: true,
  arguments: [
    { name: 'asc', type: 'pure-token', token: 'ASC' },
    { name: 'desc', type: 'pure-token', token: 'DESC' },
  ],
}
const ANY: ArgumentSpec = { name: 'any', type: 'pure-token', token: 'ANY', optional: true }
const countWith = (any: ArgumentSpec): ArgumentSpec => ({
  name: 'count',
  type: 'block',
  optional: true,
  arguments: [{ name: 'count', type: 'integer', token: 'COUNT' }, any],
})
const COUNT = countWith(ANY)
const COUNT_SINCE = countWith({ ...ANY, since: '6.2.0' })
const STORE: readonly ArgumentSpec[] = [
  { name: 'key', type: 'key', token: 'STORE', keySpecIndex: 1, optional: true },
  { name: 'key', type: 'key', token: 'STOREDIST', keySpecIndex: 2, optional: true },
]
const WHERE: readonly ArgumentSpec[] = [
  {
    name: 'from',
    type: 'oneof',
    arguments: [
      { ...MEMBER, token: 'FROMMEMBER' },
      { name: 'longitude_latitude', type: 'block', token: 'FROMLONLAT', arguments: [LONGITUDE, LATITUDE] },
    ],
  },
  {
    name: 'by',
    type: 'oneof',
    arguments: [
      { name: 'circle', type: 'block', arguments: [{ ...RADIUS, token: 'BYRADIUS' }, UNIT] },
      {
        name: 'box',
        type: 'block',
        arguments: [{ name: 'width', type: 'double', token: 'BYBOX' }, { name: 'height', type: 'double' }, UNIT],
      },
    ],
  },
]
const SEARCH_COMPLEXITY = 'O(N+log(M)), N being the members in the cells around the area and M all members of the set.'
const UNIT_HISTORY = ['7.0.0', 'Units in capitals.'] as const
const ANY_HISTORY = ['6.2.0', 'The option `ANY` of `COUNT`.'] as const

/** Keys of the commands that store with an option, which is looked for from argument `from` on. */
const storeKeys = (from: number): readonly KeySpec[] => [
  keyAt(1, 'RO', 'access'),
  ...['STORE', 'STOREDIST'].map((keyword) => ({
    flags: ['OW', 'update'],
    begin: { keyword, startFrom: from },
    find: { last: 0, step: 1, limit: 0 },
  })),
]

/** The geo family. */
export const GEO_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'geoadd',
    summary: 'Adds places to a sorted set, as scores, or moves them.',
    since: '3.2.0',
    group: 'geo',
    complexity: 'O(log(N)) for each place, N being the number of members.',
    arity: -5,
    flags: ['write', 'denyoom'],
    keys: [keyAt(1, 'RW', 'update')],
    arguments: [
      KEY,
      {
        name: 'condition',
        type: 'oneof',
        since: '6.2.0',
        optional: true,
        arguments: [
          { name: 'nx', type: 'pure-token', token: 'NX' },
          { name: 'xx', type: 'pure-token', token: 'XX' },
        ],
      },
      { name: 'change', type: 'pure-token', token: 'CH', since: '6.2.0', optional: true },
      { name: 'longitude_latitude_member', type: 'block', multiple: true, arguments: [LONGITUDE, LATITUDE, MEMBER] },
    ],
    history: [['6.2.0', 'The options `CH`, `NX` and `XX`.']],
    run: geoadd,
  },
  {
    name: 'geopos',
    summary: 'Returns longitude and latitude of members.',
    since: '3.2.0',
    group: 'geo',
    complexity: 'O(log(N)) for each member asked for.',
    arity: -2,
    flags: ['readonly'],
    keys: [keyAt(1, 'RO', 'access')],
    arguments: [KEY, { ...MEMBER, multiple: true }],
    run: geopos,
  },
  {
    name: 'geodist',
    summary: 'Returns the distance between two members.',
    since: '3.2.0',
    group: 'geo',
    complexity: 'O(log(N))',
    arity: -4,
    flags: ['readonly'],
    keys: [keyAt(1, 'RO', 'access')],
    arguments: [
      KEY,
      { name: 'member1', type: 'string' },
      { name: 'member2', type: 'string' },
      { ...UNIT, optional: true },
    ],
    run: geodist,
  },
  {
    name: 'geohash',
    summary: 'Returns members as standard geohashes.',
    since: '3.2.0',
    group: 'geo',
    complexity: 'O(log(N)) for each member asked for.',
    arity: -2,
    flags: ['readonly'],
    keys: [keyAt(1, 'RO', 'access')],
    arguments: [KEY, { ...MEMBER, multiple: true }],
    run: geohash,
  },
  {
    name: 'geosearch',
    summary: 'Returns the members in a circle or a box.',
    since: '6.2.0',
    group: 'geo',
    complexity: SEARCH_COMPLEXITY,
    arity: -7,
    flags: ['readonly'],
    keys: [keyAt(1, 'RO', 'access')],
    arguments: [KEY, ...WHERE, ORDER, COUNT, ...WITH],
    history: [UNIT_HISTORY],
    run: geosearch,
  },
  {
    name: 'geosearchstore',
    summary: 'Stores the members in a circle or a box.',
    since: '6.2.0',
    group: 'geo',
    complexity: SEARCH_COMPLEXITY,
    arity: -8,
    flags: ['write', 'denyoom'],
    keys: [keyAt(1, 'OW', 'update'), keyAt(2, 'RO', 'access')],
    arguments: [
      { name: 'destination', type: 'key', keySpecIndex: 0 },
      { name: 'source', type: 'key', keySpecIndex: 1 },
      ...WHERE,
      ORDER,
      COUNT,
      { name: 'storedist', type: 'pure-token', token: 'STOREDIST', optional: true },
    ],
    history: [UNIT_HISTORY],
    run: geosearchstore,
  },
  {
    name: 'georadius',
    summary: 'Returns or stores the members within a distance of a place.',
    since: '3.2.0',
    group: 'geo',
    complexity: SEARCH_COMPLEXITY,
    arity: -6,
    flags: ['write', 'denyoom', 'movablekeys'],
    keys: storeKeys(6),
    arguments: [KEY, LONGITUDE, LATITUDE, RADIUS, UNIT, ...WITH, COUNT_SINCE, ORDER, ...STORE],
    history: [ANY_HISTORY, UNIT_HISTORY],
    deprecatedSince: '6.2.0',
    replacedBy: '`GEOSEARCH` and `GEOSEARCHSTORE` with the option `BYRADIUS`',
    run: georadius,
  },
  {
    name: 'georadius_ro',
    summary: 'Returns the members within a distance of a place.',
    since: '3.2.10',
    group: 'geo',
    complexity: SEARCH_COMPLEXITY,
    arity: -6,
    flags: ['readonly'],
    keys: [keyAt(1, 'RO', 'access')],
    arguments: [KEY, LONGITUDE, LATITUDE, RADIUS, UNIT, ...WITH, COUNT_SINCE, ORDER],
    history: [ANY_HISTORY],
    deprecatedSince: '6.2.0',
    replacedBy: '`GEOSEARCH` with the option `BYRADIUS`',
    run: georadiusRo,
  },
  {
    name: 'georadiusbymember',
    summary: 'Returns or stores the members within a distance of a member.',
    since: '3.2.0',
    group: 'geo',
    complexity: SEARCH_COMPLEXITY,
    arity: -5,
    flags: ['write', 'denyoom', 'movablekeys'],
    keys: storeKeys(5),
    arguments: [KEY, MEMBER, RADIUS, UNIT, ...WITH, COUNT, ORDER, ...STORE],
    history: [UNIT_HISTORY],
    deprecatedSince: '6.2.0',
    replacedBy: '`GEOSEARCH` and `GEOSEARCHSTORE` with the options `BYRADIUS` and `FROMMEMBER`',
    run: georadiusbymember,
  },
  {
    name: 'georadiusbymember_ro',
    summary: 'Returns the members within a distance of a member.',
    since: '3.2.10',
    group: 'geo',
    complexity: SEARCH_COMPLEXITY,
    arity: -5,
    flags: ['readonly'],
    keys: [keyAt(1, 'RO', 'access')],
    arguments: [KEY, MEMBER, RADIUS, UNIT, ...WITH, COUNT, ORDER],
    deprecatedSince: '6.2.0',
    replacedBy: '`GEOSEARCH` with the options `BYRADIUS` and `FROMMEMBER`',
    run: georadiusbymemberRo,
  },
]
