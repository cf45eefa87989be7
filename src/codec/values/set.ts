// Sets in RDB files: intset (11) or members one by one (2); of Redis 7.2 also listpack (20).

import { intsetLength, intsetValidate } from '../../store/intset.ts'
import { lpFirst, lpNext, lpText, lpValidate, makeLpText, NONE } from '../../store/listpack.ts'
import type { NodeBytes } from '../../store/nodes.ts'
import type { BuiltValue } from '../../types/builder.ts'
import { createSetBuilder, intsetMember, SET_INTSET, type SetBuilder, setFitsIntset } from '../../types/set.ts'
import { TYPE_SET } from '../../types/value-type.ts'
import { RDB_SET, RDB_SET_INTSET, RDB_SET_LISTPACK } from '../rdb-format.ts'
import { type BuildContext, emptyRange, type RdbInput, type ValueCodec, type ValueReader } from './value-codec.ts'

/** Members one by one. */
function readMembers(context: BuildContext): ValueReader {
  const member = emptyRange()
  let builder: SetBuilder | undefined
  let left = 0
  return {
    step(input) {
      if (builder === undefined) {
        left = input.length()
        builder = createSetBuilder(context.nodes, context.limits, left)
        return left === 0
      }
      input.string(member)
      addMember(builder, input, member)
      return --left === 0
    },
    finish: () => (builder!.count() === 0 ? undefined : builder!.finish()),
    abandon: () => builder?.abandon(),
  }
}

function addMember(builder: SetBuilder, input: RdbInput, { bytes, start, end }: NodeBytes): void {
  if (!builder.add(bytes, start, end)) throw input.corrupt('a member that comes twice in a set')
}

/** An intset: taken as it is, if it is sound and within the limits. */
function readIntset(context: BuildContext): ValueReader {
  const blob = emptyRange()
  let built: BuiltValue | undefined
  let builder: SetBuilder | undefined
  return {
    step(input) {
      input.string(blob)
      const { bytes, start, end } = blob
      if (!intsetValidate(bytes, start, end - start)) throw input.corrupt('Intset integrity check failed')
      const count = intsetLength(bytes, start)
      if (setFitsIntset(context.limits, count)) {
        built = { kind: SET_INTSET, root: 0, bytes, start, end }
        return true
      }
      builder = createSetBuilder(context.nodes, context.limits, count)
      for (let i = 0; i < count; i++) addMember(builder, input, intsetMember(bytes, start, i))
      return true
    },
    finish: () => built ?? builder?.finish(),
    abandon: () => builder?.abandon(),
  }
}

/** A listpack of members. */
function readListpack(context: BuildContext): ValueReader {
  const blob = emptyRange()
  let builder: SetBuilder | undefined
  return {
    step(input) {
      input.string(blob)
      const { bytes, start, end } = blob
      const elements = lpValidate(bytes, start, end - start)
      if (elements === NONE) throw input.corrupt('Set listpack integrity check failed')
      builder = createSetBuilder(context.nodes, context.limits)
      for (let p = lpFirst(bytes, start); p !== NONE; p = lpNext(bytes, p)) {
        lpText(bytes, p, TEXT)
        if (!builder.add(TEXT.bytes, TEXT.start, TEXT.end)) throw input.corrupt('a member that comes twice in a set')
      }
      return true
    },
    finish: () => (builder!.count() === 0 ? undefined : builder!.finish()),
    abandon: () => builder?.abandon(),
  }
}

const TEXT = makeLpText()

/** The codec's row of sets. */
export const SET_CODEC: ValueCodec = {
  type: TYPE_SET,
  written: { 0: RDB_SET_INTSET, 8: RDB_SET },
  readers: {
    [RDB_SET]: readMembers,
    [RDB_SET_INTSET]: readIntset,
    [RDB_SET_LISTPACK]: readListpack,
  },
}
