// The libraries of functions, and the functions by their names, which are the same in any case.
//
// Invariants: a name belongs to one function of one library; several libraries come in all together or not at all. A library is its
// source: in a new machine (`scripts/interpreter.ts`) it is run again when one of its functions is called.

import type { FunctionFacts, Libraries, LibraryFacts, RestorePolicy } from '../commands/context.ts'
import { errorText, fail, failWith } from '../errors.ts'
import type { Callable, Interpreter } from '../scripts/interpreter.ts'
import { type Registered, readLibrary } from '../scripts/library.ts'
import { type Lua, LuaFailure } from '../scripts/lua.ts'
import { flagsOf, type ScriptFlags } from '../scripts/source.ts'

/** What a library and a function take beside their text, about. */
const ENTRY_BYTES = 200
const LOAD_MICROS_MAX = 500_000

/** A function that can be called. */
export interface LibraryFunction extends FunctionFacts, Callable {
  readonly may: ScriptFlags
}

interface Library extends LibraryFacts {
  readonly functions: LibraryFunction[]
}

export class FunctionLibraries implements Libraries {
  private readonly interpreter: Interpreter
  private readonly clockMicros: () => number
  private byName = new Map<string, Library>()
  private functions = new Map<string, { readonly library: Library; readonly called: LibraryFunction }>()
  private deadlineMicros = Number.POSITIVE_INFINITY

  constructor(interpreter: Interpreter, clockMicros: () => number) {
    this.interpreter = interpreter
    this.clockMicros = clockMicros
  }

  load(code: Buffer, how: { readonly replace: boolean; readonly patient: boolean }): string {
    const { name } = readLibrary(code)
    if (!how.replace && this.byName.has(name)) fail('libraryExists', name)
    this.restore([code], 'replace', how.patient)
    return name
  }

  has(name: string): boolean {
    return this.functions.has(name.toLowerCase())
  }

  remove(name: string): void {
    const library = this.byName.get(name) ?? fail('libraryUnknown')
    const rest = new Map(this.byName)
    rest.delete(name)
    this.become(rest)
    this.release(library)
  }

  restore(codes: readonly Buffer[], policy: RestorePolicy, patient: boolean): void {
    const former = this.byName
    const added: Library[] = []
    try {
      for (const code of codes) added.push(this.compiled(code, patient))
      this.become(joined(policy === 'flush' ? new Map() : former, added, policy === 'replace'))
    } catch (error) {
      for (const library of added) this.release(library)
      throw error
    }
    for (const library of former.values()) if (this.byName.get(library.name) !== library) this.release(library)
  }

  flush(): void {
    this.become(new Map())
    this.interpreter.flush()
  }

  list(): Iterable<LibraryFacts> {
    return this.byName.values()
  }

  counts(): { libraries: number; functions: number; bytes: number } {
    let bytes = 0
    for (const { code, functions } of this.byName.values()) bytes += code.length + ENTRY_BYTES * (1 + functions.length)
    return { libraries: this.byName.size, functions: this.functions.size, bytes }
  }

  /** The function of a name, whose code may have to be made anew (`prepare`). */
  find(name: string): LibraryFunction | undefined {
    return this.functions.get(name.toLowerCase())?.called
  }

  /** Makes sure that the machine has the code of a function. Throws CommandError. */
  prepare(called: LibraryFunction): void {
    if (this.interpreter.holds(called)) return
    const { library } = this.functions.get(called.name.toLowerCase())!
    const anew = this.compiled(library.code, true)
    for (const old of library.functions) {
      const { lua, ref } = anew.functions.find(({ name }) => name === old.name) ?? fail('functionUnknown')
      old.lua = lua
      old.ref = ref
    }
  }

  /** Whether the code of a library that is being loaded has run for too long. */
  get overdue(): boolean {
    return this.clockMicros() > this.deadlineMicros
  }

  private compiled(code: Buffer, patient: boolean): Library {
    const { name, body } = readLibrary(code)
    const functions: LibraryFunction[] = []
    const take = (registered: Registered, lua: Lua): void => {
      if (functions.some((one) => one.name.toLowerCase() === registered.name.toLowerCase())) {
        throw new LuaFailure(errorText('functionTwice').slice('ERR '.length), 'table')
      }
      functions.push({ ...registered, lua, may: flagsOf(registered.flags) })
    }
    this.deadlineMicros = patient ? Number.POSITIVE_INFINITY : this.clockMicros() + LOAD_MICROS_MAX
    const problem = this.interpreter.register(body, take)
    this.deadlineMicros = Number.POSITIVE_INFINITY
    const library = { name, code: Buffer.from(code), functions }
    if (problem === undefined && functions.length > 0) return library
    this.release(library)
    return problem === undefined ? fail('libraryEmpty') : failWith(problem)
  }

  /** From here on there are these; throws, and changes nothing, if two functions have the same name. */
  private become(libraries: Map<string, Library>): void {
    const functions: typeof this.functions = new Map()
    for (const library of libraries.values()) {
      for (const called of library.functions) {
        const key = called.name.toLowerCase()
        if (functions.has(key)) fail('functionExists', called.name)
        functions.set(key, { library, called })
      }
    }
    this.byName = libraries
    this.functions = functions
  }

  private release({ functions }: Library): void {
    for (const called of functions) this.interpreter.release(called)
  }
}

/** Libraries with others, in place of those of the same names if they may be replaced. */
function joined(present: Map<string, Library>, added: readonly Library[], replace: boolean): Map<string, Library> {
  const all = new Map(present)
  const fresh = new Set<string>()
  for (const library of added) {
    const { name } = library
    if (fresh.has(name) || (all.has(name) && !replace)) fail('libraryCollides', name)
    fresh.add(name)
    // Behind all others, as one that is new.
    all.delete(name)
    all.set(name, library)
  }
  return all
}
