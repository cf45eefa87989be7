// A primary by name with a new IP, over real redis-server processes.
import { renamedSuite } from '../support/renamed-suite.ts'

renamedSuite('redis')
