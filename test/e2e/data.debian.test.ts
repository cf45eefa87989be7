// Whose data survives, over Debian's redis-server.
import { dataSuite } from '../support/data-suite.ts'

dataSuite('redis')
