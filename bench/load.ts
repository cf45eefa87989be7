// Fills a server with keys, or writes them over, from a thread beside the one that measures.
import { Worker } from 'node:worker_threads'
import type { Load } from './loader.ts'

/** Writes keys from a thread of its own; resolves when all are acknowledged. */
export function load(data: Load): Promise<void> {
  const worker = new Worker(new URL('./loader.js', import.meta.url), { workerData: data })
  return new Promise((resolve, reject) => {
    worker.once('message', () => resolve())
    worker.once('error', reject)
  })
}
