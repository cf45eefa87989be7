// The cases of Redis's Sentinel suite that are not run, each with the reason: for every run, and those over Vedette servers only.

const ACL = 'users (ACL) are another piece of work'
const GROUPS_OWN = 'a setting is the group’s: told to one sentinel, it is in force on all'

export const LEFT_OUT = {
  'Sentinel commands sanity check': `it counts the commands: 72 with those of ACL and without those of Vedette. ${ACL}`,
  'Sentinels (re)connection following master ACL change': `it wants a sentinel that was not told of a new password to lose the primary. ${GROUPS_OWN}`,
  'Sentinel Set with other error situations':
    'it makes the rewriting of the configuration file fail; the file is read and never rewritten. The errors before that are in the tests of SENTINEL SET',
  '(post-init) Set up ACL configuration': ACL,
  'SENTINEL CONFIG SET handles on-the-fly credentials reconfiguration': ACL,
  '(post-cleanup) Tear down ACL configuration': ACL,
}

export const LEFT_OUT_OVER_VEDETTE = {}
