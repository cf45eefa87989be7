// Locks a directory, says so, and holds it until it is ended; or says why not. Usage: node lock-holder.mjs <io folder of the
// build> <directory>
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const [folder, directory] = process.argv.slice(2)
const { lockDirectory } = await import(pathToFileURL(join(folder, 'lock.js')).href)
try {
  await lockDirectory(directory, { name: '.lock', onLost: (reason) => console.log(`lost: ${reason}`) })
  console.log('held')
  setInterval(() => {}, 1000)
} catch (error) {
  console.log(`${error.name}: ${error.message}`)
}
