// Settings of the JavaScript engine. Each is a flag that V8 reads while it runs; one that a version of Node does not know has
// no effect.
import { setFlagsFromString } from 'node:v8'

/**
 * For the server: lets the optimizing compiler inline more. A request runs through some forty small functions, more than its
 * default budget holds: with it a GET takes 160 ns in the server's own code, without it 190 (Node 20).
 */
export function inlineMore(): void {
  setFlagsFromString('--max-inlined-bytecode-size=1500')
  setFlagsFromString('--max-inlined-bytecode-size-cumulative=3000')
}

/**
 * For a sentinel: keeps the space for young objects as small as it begins. It doubles up to 16 MiB and more as it fills, and an
 * idle sentinel then holds 110 to 125 MB instead of 85 to 97 (Node 20), for nothing but fewer collections of a millisecond.
 */
export function keepYoungSpaceSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1')
}
