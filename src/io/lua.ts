// Lua 5.1 in WebAssembly: the real interpreter, as wasmoon-lua5.1 builds it. Of that package only the machine code is used; what it
// needs around it is here, and no more: memory that grows up to a limit, and the jumps by which Lua leaves a function that
// failed. No file, no clock and no process is within reach of a script.

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { LuaApi, LuaMachine, MakeLua } from '../scripts/abi.ts'

// Of WebAssembly's own interface, which is no part of the language's types, this is used.
declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array)
  }
  class Instance {
    readonly exports: Record<string, unknown>
    constructor(module: Module, imports: Record<string, Record<string, unknown>>)
  }
}

/** What the machine exports beside Lua. */
interface Runtime extends LuaApi {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number }
  readonly __indirect_function_table: {
    grow(n: number): number
    set(i: number, f: unknown): void
    get(i: number): Function_
  }
  __wasm_call_ctors(): void
  stackSave(): number
  stackRestore(at: number): void
  setThrew(threw: number, value: number): void
}

type Function_ = (...args: number[]) => number

const PAGE_BYTES = 64 * 1024
/** `no such function`, as the machine's C library knows it. */
const ENOSYS = -52

/** What is thrown to leave a function of Lua's that failed; `invoke_vii` catches it where Lua called `setjmp`. */
const JUMP = Symbol('longjmp')

/** A panic: Lua failed outside of any protected call, and the machine is of no use any more. */
export class LuaPanic extends Error {
  override readonly name = 'LuaPanic'
}

let compiled: WebAssembly.Module | undefined

function machineCode(): WebAssembly.Module {
  const main = createRequire(import.meta.url).resolve('wasmoon-lua5.1')
  return new WebAssembly.Module(readFileSync(join(main, '..', 'liblua5.1.wasm')))
}

/** Makes a machine; the code is compiled with the first one. */
export const makeLua: MakeLua = (memoryBytesMax) => {
  compiled ??= machineCode()
  const { exports } = new WebAssembly.Instance(
    compiled,
    imports(() => runtime, memoryBytesMax),
  )
  const runtime = exports as unknown as Runtime
  runtime.__wasm_call_ctors()
  const addTo = (f: unknown): number => {
    const at = runtime.__indirect_function_table.grow(1)
    runtime.__indirect_function_table.set(at, f)
    return at
  }
  const machine: LuaMachine = {
    api: runtime,
    addFunction: (run) => addTo(typed(run, 1, true)),
    addHook: (run) => addTo(typed(run, 2, false)),
    memoryBytes: () => runtime.memory.buffer.byteLength,
  }
  return machine
}

/** What the machine may call. Of files and clocks it finds none. */
function imports(runtime: () => Runtime, memoryBytesMax: () => number): Record<string, Record<string, unknown>> {
  const refused = (): number => ENOSYS
  const refuseAll = new Proxy({}, { get: () => refused })
  const env: Record<string, unknown> = {
    exit() {
      throw new LuaPanic('Lua failed where nothing protects it')
    },
    invoke_vii(index: number, a: number, b: number) {
      const { stackSave, stackRestore, setThrew, __indirect_function_table: table } = runtime()
      const at = stackSave()
      try {
        table.get(index)(a, b)
      } catch (error) {
        stackRestore(at)
        if (error !== JUMP) throw error
        setThrew(1, 0)
      }
    },
    _emscripten_throw_longjmp() {
      throw JUMP
    },
    emscripten_memcpy_js(to: number, from: number, length: number) {
      new Uint8Array(runtime().memory.buffer).copyWithin(to, from, from + length)
    },
    emscripten_resize_heap(bytes: number) {
      const { memory } = runtime()
      const needed = bytes >>> 0
      if (needed > memoryBytesMax()) return 0
      const have = memory.buffer.byteLength
      // A fifth more than asked for, so that many small steps do not each cost a growth.
      const wanted = Math.min(memoryBytesMax(), Math.max(needed, have + have / 5))
      try {
        memory.grow(Math.ceil((wanted - have) / PAGE_BYTES))
        return 1
      } catch {
        return 0
      }
    },
  }
  const known = (name: string): unknown => env[name] ?? refused
  return {
    env: new Proxy({}, { get: (_, name: string) => known(name) }) as Record<string, unknown>,
    wasi_snapshot_preview1: refuseAll as Record<string, unknown>,
  }
}

/**
 * A function of JavaScript with a type, as the machine's table wants it: the export of a small module that imports it. It takes
 * `parameters` integers and gives one back, or none.
 */
function typed(run: (...args: number[]) => unknown, parameters: number, returns: boolean): unknown {
  const I32 = 0x7f
  const type = [0x60, parameters, ...new Array<number>(parameters).fill(I32), ...(returns ? [1, I32] : [0])]
  // Magic and version; the one type; the import e.f of that type; its export f.
  const bytes = [
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...[0x01, type.length + 1, 0x01, ...type],
    ...[0x02, 0x07, 0x01, 0x01, 0x65, 0x01, 0x66, 0x00, 0x00],
    ...[0x07, 0x05, 0x01, 0x01, 0x66, 0x00, 0x00],
  ]
  return new WebAssembly.Instance(new WebAssembly.Module(Uint8Array.from(bytes)), { e: { f: run } }).exports.f
}
