// Appends entries to a state file for as long as it lets it, and prints the index of each once it is saved; then the error.
// Usage: node state-writer.mjs <io folder of the build> <directory>
import { writeSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const [folder, directory] = process.argv.slice(2)
const { openStateFile } = await import(pathToFileURL(join(folder, 'state/file.js')).href)
try {
  const store = openStateFile(directory)
  for (let index = 1; ; index++) {
    store.save({ entries: [{ index, term: 1, kind: 'normal', data: Buffer.alloc(700, `${index} `) }] }, true)
    writeSync(1, `${index}\n`) // not console.log: it must be out before the next save
  }
} catch (error) {
  writeSync(1, `${error.name} ${error.code} ${error.message}\n`)
}
