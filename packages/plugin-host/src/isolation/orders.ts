import { PluginManifest } from '@patchbay/contracts/plugin'
import { Type, type Static, type TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { Value } from 'typebox/value'

const RunOrder = Type.Object({
  manifest: PluginManifest,
  name: Type.String(),
  config: Type.Unknown(),
  dataFolder: Type.String(),
  privateTargets: Type.Array(Type.String()),
  deprecated: Type.Array(Type.String()),
})
const VerifyOrder = Type.Object({
  config: Type.Unknown(),
  purpose: Type.Union([Type.Literal('save'), Type.Literal('test')]),
  privateTargets: Type.Array(Type.String()),
  messages: Type.Boolean(),
  dataFolder: Type.Optional(Type.String()),
})
/** A guard that looks a value over by a schema. */
export const guard =
  <T extends TSchema>(schema: T): ((value: unknown) => value is Static<T>) =>
  (value): value is Static<T> =>
    Value.Check(schema, value)

/** The same for what comes a thousand times a second: made when it is first needed, then many times as quick. */
export const hotGuard = <T extends TSchema>(schema: T): ((value: unknown) => value is Static<T>) => {
  let compiled: { Check(value: unknown): boolean } | undefined
  return (value): value is Static<T> => (compiled ??= Compile(schema)).Check(value)
}

/** What the host sends. */
export const isRunOrder = guard(RunOrder)
export const isVerifyOrder = guard(VerifyOrder)
