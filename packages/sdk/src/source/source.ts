/** What sources of messages have in common: brokers, queues, streams. */
export { createIntake, type Intake, type IntakeOptions } from './intake.ts'
export { compileMapping, type Mapping, type MappingConfig, mappingFields, type SourceReading } from './mapping.ts'
export { type SourceMessage } from './source-message.ts'
