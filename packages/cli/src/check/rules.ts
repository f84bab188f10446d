import type { Rule } from './rule.ts'
import { rule as apiRange } from './rules/api-range.ts'
import { rule as changesTold } from './rules/changes-told.ts'
import { rule as connectDeclared } from './rules/connect-declared.ts'
import { rule as contractSuite } from './rules/contract-suite.ts'
import { rule as entryIsJavascript } from './rules/entry-is-javascript.ts'
import { rule as fieldsTitled } from './rules/fields-titled.ts'
import { rule as filesThere } from './rules/files-there.ts'
import { rule as iconThere } from './rules/icon-there.ts'
import { rule as knownServices } from './rules/known-services.ts'
import { rule as levelFits } from './rules/level-fits.ts'
import { rule as licenceNamed } from './rules/licence-named.ts'
import { rule as loads } from './rules/loads.ts'
import { rule as manifestValid } from './rules/manifest-valid.ts'
import { rule as migrationSteps } from './rules/migration-steps.ts'
import { rule as migrationTested } from './rules/migration-tested.ts'
import { rule as noDependencies } from './rules/no-dependencies.ts'
import { rule as noDeprecated } from './rules/no-deprecated.ts'
import { rule as noEnvironment } from './rules/no-environment.ts'
import { rule as noInstallScripts } from './rules/no-install-scripts.ts'
import { rule as noNativeCode } from './rules/no-native-code.ts'
import { rule as noProcessExit } from './rules/no-process-exit.ts'
import { rule as notPrivileged } from './rules/not-privileged.ts'
import { rule as packageVersion } from './rules/package-version.ts'
import { rule as readmeTells } from './rules/readme-tells.ts'
import { rule as schemaCurrent } from './rules/schema-current.ts'
import { rule as sdkImportsOnly } from './rules/sdk-imports-only.ts'
import { rule as secretsKept } from './rules/secrets-kept.ts'
import { rule as sizeLimits } from './rules/size-limits.ts'
import { rule as testedApart } from './rules/tested-apart.ts'
import { rule as testsThere } from './rules/tests-there.ts'
import { rule as timersByContext } from './rules/timers-by-context.ts'
import { rule as troubleTold } from './rules/trouble-told.ts'
import { rule as verifyOffered } from './rules/verify-offered.ts'

/** Everything that `patchbay plugin check` asks, in the order in which it asks. */
export const rules: readonly Rule[] = [
  manifestValid,
  apiRange,
  filesThere,
  packageVersion,
  noInstallScripts,
  noDependencies,
  entryIsJavascript,
  noNativeCode,
  notPrivileged,
  levelFits,
  sizeLimits,
  loads,
  schemaCurrent,
  knownServices,
  sdkImportsOnly,
  connectDeclared,
  noDeprecated,
  noEnvironment,
  noProcessExit,
  timersByContext,
  fieldsTitled,
  secretsKept,
  migrationSteps,
  readmeTells,
  testsThere,
  contractSuite,
  testedApart,
  migrationTested,
  verifyOffered,
  troubleTold,
  changesTold,
  iconThere,
  licenceNamed,
]
