// The main job over Vedette's own servers. Part of `npm test`, and what .ci/run repeats on the newest Node.
import { failoverSuite } from '../support/failover-suite.ts'

failoverSuite('vedette')
