// Whose data survives, over Vedette's own servers.
import { dataSuite } from '../support/data-suite.ts'

dataSuite('vedette')
