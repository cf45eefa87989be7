// The same main job over real redis-server processes: our sentinels, Redis's servers.
import { failoverSuite } from '../support/failover-suite.ts'

failoverSuite('redis')
