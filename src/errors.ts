// Every error reply of server and sentinel, in one table. The texts are interfaces: clients and tests parse them, and
// where Redis has the error the text is the one that Redis sends. A `%s` is filled in by `errorText`.

import { assert } from './lib/assert.ts'

/** Error replies by name. The first word is the code that clients switch on. */
export const ERRORS = {
  syntax: 'ERR syntax error',
  notInteger: 'ERR value is not an integer or out of range',
  notFloat: 'ERR value is not a valid float',
  wrongType: 'WRONGTYPE Operation against a key holding the wrong kind of value',
  noSuchKey: 'ERR no such key',
  outOfRange: 'ERR value is out of range',
  outOfRangePositive: 'ERR value is out of range, must be positive',
  outOfRangeBetween: 'ERR value is out of range, value must between %s and %s',
  sameObject: 'ERR source and destination objects are the same',
  unknownCommand: "ERR unknown command '%s', with args beginning with: %s",
  unknownSubcommand: "ERR unknown subcommand '%s'. Try %s HELP.",
  arity: "ERR wrong number of arguments for '%s' command",
  noPermission: "NOPERM this user has no permissions to run the '%s' command",
  noKeyPermission: 'NOPERM this user has no permissions to access one of the keys used as arguments',
  noChannelPermission: 'NOPERM this user has no permissions to access one of the channels used as arguments',
  noPermissionAnyMore:
    'NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This command is no longer allowed for the following reason: %s',
  scriptNoPermission: 'ERR The user executing the script %s',
  sortNoPermission: 'ERR %s option of SORT denied due to insufficient ACL permissions.',
  aclUserName: "ERR Usernames can't contain spaces or null characters",
  aclRule: 'ERR %s',
  aclDefaultUser: "ERR The 'default' user cannot be removed",
  aclNoFile:
    'ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order to store users in the Redis configuration.',
  aclSave: 'ERR There was an error trying to save the ACLs. Please check the server logs for more information',
  aclCategory: "ERR Unknown category '%s'",
  aclPasswordBits:
    'ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to %s',
  aclNoUser: "ERR User '%s' not found",
  aclNoCommand: "ERR Command '%s' not found",
  noAuth: 'NOAUTH Authentication required.',
  wrongPass: 'WRONGPASS invalid username-password pair or user is disabled.',
  authNotConfigured:
    'ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?',
  readonly: "READONLY You can't write against a read only replica.",
  leaseLost: "READONLY You can't write against this primary: it has no lease from a majority of its sentinels.",
  leaseKey: 'NOLEASEKEY The word is not signed with the key that this server knows',
  leaseWord: 'ERR Not a word of a sentinel',
  leaseTaken: 'ERR This server takes its leases from other sentinels, which were heard just now',
  undecided:
    "READONLY You can't write against this server yet: it waits for the sentinels to name the primary of group '%s'.",
  masterDown: "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
  loading: 'LOADING Redis is loading the dataset in memory',
  misconf:
    'MISCONF Redis is configured to save RDB snapshots, but it is currently unable to persist to disk. Commands that may modify the data set are disabled, because this instance is configured to report errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB error.',
  logMisconf: 'MISCONF Errors writing to the AOF file: %s',
  oom: "OOM command not allowed when used memory > 'maxmemory'.",
  storeFull: 'OOM the key space of this process is exhausted (32 GiB of entries).',
  noReplicas: 'NOREPLICAS Not enough good replicas to write.',
  execAbort: 'EXECABORT Transaction discarded because of previous errors.',
  execRefused: 'EXECABORT Transaction discarded because of: %s',
  nestedMulti: 'ERR MULTI calls can not be nested',
  execWithoutMulti: 'ERR EXEC without MULTI',
  discardWithoutMulti: 'ERR DISCARD without MULTI',
  watchInsideMulti: 'ERR WATCH inside MULTI is not allowed',
  notInMulti: 'ERR Command not allowed inside a transaction',
  pubsubContext:
    "ERR Can't execute '%s': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context",
  noProto: 'NOPROTO unsupported protocol version',
  protocol: 'ERR Protocol error: %s',
  dbIndexRange: 'ERR DB index is out of range',
  stringTooLong: 'ERR string exceeds maximum allowed size (proto-max-bulk-len)',
  lcsNotStrings: 'ERR The specified keys must contain string values',
  nanOrInfinity: 'ERR value is NaN or Infinity',
  hashNotInteger: 'ERR hash value is not an integer',
  hashNotFloat: 'ERR hash value is not a float',
  sortNotNumber: "ERR One or more scores can't be converted into double",
  zsetNan: 'ERR resulting score is not a number (NaN)',
  zsetScoreRange: 'ERR min or max is not a float',
  zsetMemberRange: 'ERR min or max not valid string range item',
  zsetLimitByRank: 'ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX',
  zsetScoresByMember: 'ERR syntax error, WITHSCORES not supported in combination with BYLEX',
  zsetNoKeys: "ERR at least 1 input key is needed for '%s' command",
  zsetWeight: 'ERR weight value is not a float',
  numkeysTooMany: "ERR Number of keys can't be greater than number of args",
  zaddNxXx: 'ERR XX and NX options at the same time are not compatible',
  zaddGtLtNx: 'ERR GT, LT, and/or NX options at the same time are not compatible',
  zaddIncrOne: 'ERR INCR option supports a single increment-element pair',
  streamId: 'ERR Invalid stream ID specified as stream command argument',
  streamIdZero: 'ERR The ID specified in XADD must be greater than 0-0',
  streamIdLow: 'ERR The ID specified in XADD is equal or smaller than the target stream top item',
  streamIdsOver: 'ERR The stream has exhausted the last possible ID, unable to add more items',
  streamEntryTooLarge: 'ERR Elements are too large to be stored',
  streamStart: 'ERR invalid start ID for the interval',
  streamEnd: 'ERR invalid end ID for the interval',
  trimBoth: 'ERR syntax error, MAXLEN and MINID options at the same time are not compatible',
  trimMaxlen: 'ERR The MAXLEN argument must be >= 0.',
  trimLimit: 'ERR The LIMIT argument must be >= 0.',
  trimLimitAlone: 'ERR syntax error, LIMIT cannot be used without specifying a trimming strategy',
  trimLimitExact: 'ERR syntax error, LIMIT cannot be used without the special ~ option',
  trimNothing: 'ERR syntax error, XTRIM must be called with a trimming strategy',
  xsetidAdded: 'ERR entries_added must be positive',
  xsetidBelowGiven: 'ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id',
  xsetidBelowTop: 'ERR The ID specified in XSETID is smaller than the target stream top item',
  xsetidAddedLow: 'ERR The entries_added specified in XSETID is smaller than the target stream length',
  noGroup: "NOGROUP No such consumer group '%s' for key name '%s'",
  noKeyOrGroup: "NOGROUP No such key '%s' or consumer group '%s'",
  groupGone: 'NOGROUP the consumer group this client was blocked on no longer exists',
  noGroupToRead: "NOGROUP No such key '%s' or consumer group '%s' in XREADGROUP with GROUP option",
  groupBusy: 'BUSYGROUP Consumer Group name already exists',
  groupNeedsKey:
    'ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically.',
  entriesRead: 'ERR value for ENTRIESREAD must be positive or -1',
  xreadgroupGroup: 'ERR Missing GROUP option for XREADGROUP',
  xreadgroupLast:
    'ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result set.',
  claimArgument: 'ERR Invalid %s argument for %s',
  claimOption: "ERR Unrecognized XCLAIM option '%s'",
  claimCount: 'ERR COUNT must be > 0',
  xreadUnbalanced: "ERR Unbalanced %s list of streams: for each stream key an ID or '%s' must be specified.",
  xreadGroup: 'ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.',
  xreadNoAck: 'ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.',
  xreadNew: 'ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.',
  indexRange: 'ERR index out of range',
  lposRank:
    "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list",
  lposCount: "ERR COUNT can't be negative",
  lposMaxlen: "ERR MAXLEN can't be negative",
  numkeysPositive: 'ERR numkeys should be greater than 0',
  countPositive: 'ERR count should be greater than 0',
  bitOffset: 'ERR bit offset is not an integer or out of range',
  bitValue: 'ERR bit is not an integer or out of range',
  bitArgument: 'ERR The bit argument must be 1 or 0.',
  bitopNot: 'ERR BITOP NOT must be called with a single source key.',
  bitfieldType: 'ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.',
  bitfieldOverflow: 'ERR Invalid OVERFLOW type specified',
  bitfieldReadonly: 'ERR BITFIELD_RO only supports the GET subcommand',
  hllType: 'WRONGTYPE Key is not a valid HyperLogLog string value.',
  hllCorrupted: 'INVALIDOBJ Corrupted HLL object detected',
  hllNotSparse: 'ERR HLL encoding is not sparse',
  hllKey: 'ERR The specified key does not exist',
  hllTestDisagree: 'TESTFAILED dense/sparse disagree',
  hllTestError: 'TESTFAILED Too big error. card:%s abserr:%s',
  pfdebugSubcommand: "ERR Unknown PFDEBUG subcommand '%s'",
  geoPair: 'ERR invalid longitude,latitude pair %s,%s',
  geoUnit: 'ERR unsupported unit provided. please use M, KM, FT, MI',
  geoRadius: 'ERR need numeric radius',
  geoRadiusNegative: 'ERR radius cannot be negative',
  geoWidth: 'ERR need numeric width',
  geoHeight: 'ERR need numeric height',
  geoBoxNegative: 'ERR height or width cannot be negative',
  geoMember: 'ERR could not decode requested zset member',
  geoCount: 'ERR COUNT must be > 0',
  geoStore: 'ERR %s is not compatible with WITHDIST, WITHHASH and WITHCOORD options',
  geoFrom: 'ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for %s',
  geoBy: 'ERR exactly one of BYRADIUS and BYBOX can be specified for %s',
  geoAny: 'ERR the ANY argument requires COUNT argument',
  limitNegative: "ERR LIMIT can't be negative",
  incrOverflow: 'ERR increment or decrement would overflow',
  decrOverflow: 'ERR decrement would overflow',
  incrNan: 'ERR increment would produce NaN or Infinity',
  offsetRange: 'ERR offset is out of range',
  invalidExpire: "ERR invalid expire time in '%s' command",
  expireNegative: 'ERR invalid expire time, must be >= 0',
  fieldsMissing: 'ERR Mandatory argument FIELDS is missing or not at the right position',
  fieldsCount: 'ERR Parameter `numFields` should be greater than 0',
  fieldsMismatch: 'ERR The `numfields` parameter must match the number of arguments',
  hgetexOptions: 'ERR Only one of EX, PX, EXAT, PXAT or PERSIST arguments can be specified',
  hsetexOptions: 'ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified',
  hsetexConditions: 'ERR Only one of FXX or FNX arguments can be specified',
  expireOptionsNx: 'ERR NX and XX, GT or LT options at the same time are not compatible',
  expireOptionsGtLt: 'ERR GT and LT options at the same time are not compatible',
  unsupportedOption: 'ERR Unsupported option %s',
  migrateKeys: 'ERR When using MIGRATE KEYS option, the key argument must be set to the empty string',
  migrateWaits: 'ERR MIGRATE has to wait for the other server, and nothing can wait in a transaction',
  linkLost: 'IOERR %s',
  migrateConnect: 'IOERR error or timeout connecting to the client',
  migrateLink: 'IOERR error or timeout reading to target instance',
  migrateTarget: 'ERR Target instance replied with error: %s',
  migrateChanges: 'ERR The target instance has the keys, but they kept changing here meanwhile, so here they are, too',
  noScript: 'NOSCRIPT No matching script. Please use EVAL.',
  scriptBusy: 'BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.',
  scriptIdle: 'NOTBUSY No scripts in execution right now.',
  scriptUnkillable:
    'UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait the script termination or kill the server in a hard way using the SHUTDOWN NOSAVE command.',
  scriptCompile: 'ERR Error compiling script (new function): %s',
  scriptFlushMode: 'ERR SCRIPT FLUSH only support SYNC|ASYNC option',
  scriptCommandUnknown: 'ERR Unknown Redis command called from script',
  scriptCommandArity: 'ERR Wrong number of args calling Redis command from script',
  scriptCommandForbidden: 'ERR This Redis command is not allowed from script',
  scriptReadOnly: 'ERR Write commands are not allowed from read-only scripts.',
  scriptMayWrite: 'ERR Can not execute a script with write flag using *_ro command.',
  scriptOnReplica: 'READONLY You can not run script with write flag on readonly replica.',
  scriptOom: "OOM allow-oom flag is not set on the script, can not run it when used memory > 'maxmemory'",
  scriptNoArguments: 'ERR Please specify at least one argument for this redis lib call',
  scriptArguments: 'ERR Lua redis lib command arguments must be strings or integers',
  scriptArgumentTypes: 'ERR wrong number or type of arguments',
  scriptStack: 'ERR reached lua stack limit',
  scriptKilled: 'ERR Script killed by user with SCRIPT KILL.',
  scriptStuck: 'ERR the script ran for too long where it could not be interrupted',
  scriptMemory: 'ERR not enough memory: scripts may use %s bytes',
  scriptFailed: 'ERR the interpreter of scripts has failed and begins anew: %s',
  scriptError: 'ERR unknown error',
  shebangInvalid: 'ERR Invalid script shebang',
  shebangEngine: 'ERR Unexpected engine in script shebang: %s',
  shebangOption: 'ERR Unknown lua shebang option: %s',
  shebangFlag: 'ERR Unexpected flag in script shebang: %s',
  keysNegative: "ERR Number of keys can't be negative",
  keysTooMany: "ERR Number of keys can't be greater than number of args",
  busyKey: 'BUSYKEY Target key name already exists.',
  badDump: 'ERR Bad data format',
  dumpVersion: 'ERR DUMP payload version or checksum are wrong',
  invalidTtl: 'ERR Invalid TTL value, must be >= 0',
  invalidIdle: 'ERR Invalid IDLETIME value, must be >= 0',
  invalidFreq: 'ERR Invalid FREQ value, must be >= 0 and <= 255',
  invalidCursor: 'ERR invalid cursor',
  firstDbIndex: 'ERR invalid first DB index',
  secondDbIndex: 'ERR invalid second DB index',
  lcsLengthAndIndexes: 'ERR If you want both the length and indexes, please just use IDX.',
  lcsTooLarge: 'ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len',
  lfuSelected:
    'ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.',
  lfuNotSelected:
    'ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.',
  maxClients: 'ERR max number of clients reached',
  protectedMode:
    'DENIED Running in protected mode because protected mode is enabled and no password is set for the default user. In this mode connections are only accepted from the loopback interface. If you want to connect from external computers, set a password with requirepass, bind to the addresses that you trust, or turn protected-mode off.',
  // Connections, CLIENT, pub/sub and server commands.
  helloVersion: 'ERR Protocol version is not an integer or out of range',
  helloOption: "ERR Syntax error in HELLO option '%s'",
  helloNoAuth:
    'NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time',
  resetKind: 'ERR can only reset normal client connections',
  clientName: 'ERR Client names cannot contain spaces, newlines or special characters.',
  clientLibrary: 'ERR %s cannot contain spaces, newlines or special characters.',
  clientAttribute: "ERR Unrecognized option '%s'",
  clientType: "ERR Unknown client type '%s'",
  clientId: 'ERR Invalid client ID',
  clientIdPositive: 'ERR client-id should be greater than 0',
  noSuchClient: 'ERR No such client',
  noSuchUser: "ERR No such user '%s'",
  unblockReason: 'ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR',
  timeoutNotInteger: 'ERR timeout is not an integer or out of range',
  timeoutNotFloat: 'ERR timeout is not a float or out of range',
  timeoutNegative: 'ERR timeout is negative',
  timeoutRange: 'ERR timeout is out of range',
  pauseMode: 'ERR CLIENT PAUSE mode must be WRITE or ALL',
  trackingRedirect: 'ERR The client ID you want redirect to does not exist',
  trackingRedirectTwice: 'ERR A client can only redirect to a single other client',
  trackingPrefixWithoutBcast: 'ERR PREFIX option requires BCAST mode to be enabled',
  trackingPrefixes:
    "ERR Prefix '%s' overlaps with another provided prefix '%s'. Prefixes for a single client must not overlap.",
  trackingPrefixKnown:
    "ERR Prefix '%s' overlaps with an existing prefix '%s'. Prefixes for a single client must not overlap.",
  trackingPrefixesMax: 'ERR a client may track at most %s prefixes',
  trackingOptWithBcast: 'ERR OPTIN and OPTOUT are not compatible with BCAST',
  trackingBothOpts: "ERR You can't specify both OPTIN mode and OPTOUT mode",
  trackingSwitchBcast:
    "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it with a different mode.",
  trackingSwitchOpt:
    "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it with a different mode.",
  cachingWithoutTracking:
    'ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled',
  cachingYes: 'ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.',
  cachingNo: 'ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.',
  subscriptionsMax: 'ERR too many subscriptions of one client (%s at most)',
  // Configuration, snapshots, replication and the end of the server.
  configSet: "ERR CONFIG SET failed (possibly related to argument '%s') - %s",
  configUnknown: "ERR Unknown option or number of arguments for CONFIG SET - '%s'",
  configSetInMulti: 'ERR CONFIG SET failed - port and bind cannot be changed inside a transaction',
  noConfigFile: 'ERR The server is running without a config file',
  rewriteConfig: 'ERR Rewriting config file: %s',
  saveInProgress: 'ERR Background save already in progress',
  saveBesideRewrite:
    "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to schedule a BGSAVE whenever possible.",
  rewriteInProgress: 'ERR Background append only file rewriting already in progress',
  logLoad: 'ERR Error trying to load the AOF files, check server logs.',
  rdbLoad: 'ERR Error trying to load the RDB dump',
  failed: 'ERR %s',
  shutdownFailed: 'ERR Errors trying to SHUTDOWN. Check logs.',
  replicaClient: 'ERR Command is not valid when client is a replica.',
  primaryPort: 'ERR Invalid master port',
  noMasterLink: "NOMASTERLINK Can't SYNC while not connected with my master",
  replconfIp: 'ERR REPLCONF ip-address provided by replica instance is too long: %s bytes',
  replconfOption: 'ERR Unrecognized REPLCONF option: %s',
  waitOnReplica:
    'ERR WAIT cannot be used with replica instances. Please also note that since Redis 4.0 if a replica is configured to be writable (which is not the default) writes to replicas are just local and are not propagated.',
  unblocked: 'UNBLOCKED client unblocked via CLIENT UNBLOCK',
  streamGone: 'UNBLOCKED the stream key no longer exists',
  forcedUnblock: 'UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)',
  slowlogCount: 'ERR count should be greater than or equal to -1',
  latencySamples: "ERR No samples available for event '%s'",
  debugResp2: 'ERR RESP2 is not supported by this command',
  debugProtocol: 'ERR Wrong protocol type name. Please use one of the following: %s',
  debugReload: 'ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.',
  debugMemory: 'ERR argument must be a memory value bigger than 1 and smaller than 4gb',
  clusterDisabled: 'ERR This instance has cluster support disabled',
  subcommandSyntax: "ERR unknown subcommand or wrong number of arguments for '%s'. Try %s HELP.",
  commandInvalid: 'ERR Invalid command specified',
  commandNoKeys: 'ERR The command has no key arguments',
  commandArity: 'ERR Invalid number of arguments specified for command',
  commandArguments: 'ERR Invalid arguments specified for command',
  denyBlocking: "ERR %s isn't allowed for DENY BLOCKING client",
  noShutdown: 'ERR No shutdown in progress.',
  debugNotAllowed:
    'ERR DEBUG command not allowed. If the enable-debug-command option is set to "local", you can run it from a local connection, otherwise you need to set this option in the configuration file, and then restart the server.',
  argumentTooLong: 'ERR an argument is too long for this command',
  internal: 'ERR internal error, reported in the server log',
  // Sentinel.
  noSuchMaster: 'ERR No such master with that name',
  onlyHello: 'ERR Only HELLO messages are accepted by Sentinel instances.',
  sentinelQuorum: 'ERR Quorum must be 1 or greater.',
  sentinelPort: 'ERR Invalid port number.',
  sentinelQuorumNumber: 'ERR Invalid quorum',
  sentinelPortNumber: 'ERR Invalid port',
  sentinelTooOld: 'ERR Not every sentinel of the group runs a version that knows this; upgrade the others first',
  sentinelPause: 'ERR A pause lasts from 1 to %s milliseconds',
  sentinelDeadEnd: 'NOFAILOVER %s usable Sentinels, but no failover of %s: %s',
  sentinelHost: 'ERR Invalid IP address or hostname specified',
  sentinelName: 'ERR Invalid name of a group (letters, digits, dot, dash and underscore)',
  sentinelSetOption: "ERR Unknown option or number of arguments for SENTINEL SET '%s'",
  sentinelSetValue: "ERR Invalid argument '%s' for SENTINEL SET '%s'",
  sentinelNoQuorum: 'NOQUORUM %s usable Sentinels. %s',
  noMajority: 'NOQUORUM No majority of the sentinels can talk to each other now, so nothing can be decided',
  noCandidate: 'NOGOODSLAVE No suitable replica to promote',
  unsafe: 'NOGOODSLAVE Acknowledged writes may be lost: %s. ALLOW-DATA-LOSS promotes all the same.',
  duplicateMaster: 'ERR Duplicate master name.',
  tooManyMasters: 'ERR Too many monitored masters',
  failoverInProgress: 'INPROG Failover already in progress',
  resetInFailover: 'INPROG Failover of %s in progress, it was not reset',
  staleEpoch: 'INPROG Another failover came first: that of epoch %s',
  formerPrimary: 'INPROG %s is not the primary any more',
  sentinelScripts:
    'ERR Reconfiguration of scripts path is denied for security reasons. Check the deny-scripts-reconfig configuration directive in your Sentinel configuration',
  sentinelNotificationScript: 'ERR Notification script seems non existing or non executable',
  sentinelReconfigScript: 'ERR Client reconfiguration script seems non existing or non executable',
  sentinelConfig: 'ERR Only SENTINEL CONFIG GET <option> / SET <option> <value> are supported.',
  sentinelConfigSet: "ERR Invalid argument '%s' to SENTINEL CONFIG SET",
  sentinelConfigValue: "ERR Invalid value '%s' to SENTINEL CONFIG SET '%s'",
  sentinelDebugOption: "ERR Unknown option or number of arguments for SENTINEL DEBUG '%s'",
  sentinelDebugValue: "ERR Invalid argument '%s' for SENTINEL DEBUG '%s'",
  sentinelDebugFixed:
    'ERR election-timeout is fixed while a sentinel runs: it is the option election-timeout-milliseconds',
  sentinelFailure: 'ERR Unknown failure simulation specified',
} as const

/** The name of an error in the table. */
export type ErrorName = keyof typeof ERRORS

/** The error reply `name` with each `%s` replaced by the next of `values`. */
export function errorText(name: ErrorName, ...values: readonly (string | number)[]): string {
  const parts = ERRORS[name].split('%s')
  assert(parts.length === values.length + 1, `error ${name} takes ${parts.length - 1} values`)
  return parts.reduce((text, part, i) => text + String(values[i - 1]).slice(0, VALUE_LENGTH_MAX) + part)
}

/** Of what a peer sent, so much is repeated in an error. */
const VALUE_LENGTH_MAX = 1024

/** The error `name` as a whole reply, for what is refused outside a command. */
export function errorReply(name: ErrorName, ...values: readonly (string | number)[]): Buffer {
  return Buffer.from(`-${errorText(name, ...values)}\r\n`)
}

/** An error that is answered to the client as it stands; thrown by commands off the hot path. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
  /** The reply, code first, without the leading `-`. */
  readonly reply: string

  constructor(reply: string) {
    super(reply)
    this.reply = reply
  }
}

/** Ends the running command with the error `name` of the table as its reply. */
export function fail(name: ErrorName, ...values: readonly (string | number)[]): never {
  throw new CommandError(errorText(name, ...values))
}

/** Ends the running command with an error reply that has a text of its own; `text` begins with the code. */
export function failWith(text: string): never {
  throw new CommandError(text)
}
