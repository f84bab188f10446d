import { AccessRule, Decision, Refusal } from '@patchbay/contracts/access'
import { Alert } from '@patchbay/contracts/alert'
import { BackupView } from '@patchbay/contracts/backup'
import { Authority, DeviceCertificate } from '@patchbay/contracts/certificate'
import { Channel, ChannelTestAnswer } from '@patchbay/contracts/channel'
import { Command } from '@patchbay/contracts/command'
import { Credential, Device, DeviceHappening, LiveSession } from '@patchbay/contracts/device'
import { DeadLetter } from '@patchbay/contracts/delivery'
import { DeviceType } from '@patchbay/contracts/device-type'
import { FailedJob, JobQueueCounts } from '@patchbay/contracts/job'
import { Maintenance } from '@patchbay/contracts/maintenance'
import { RetainedMessage } from '@patchbay/contracts/message'
import { ApiKey, AuditEntry, Role, User } from '@patchbay/contracts/person'
import { Instance, Plugin, PluginManifest, StagedPlugin } from '@patchbay/contracts/plugin'
import { PluginLogLine } from '@patchbay/contracts/plugin-log'
import { Rule } from '@patchbay/contracts/rule'
import { ServerCertificate, Setting } from '@patchbay/contracts/setting'
import { Problem } from '@patchbay/contracts/problem'
import { ProvisioningKey } from '@patchbay/contracts/provisioning'
import { Shadow } from '@patchbay/contracts/shadow'
import { Node } from '@patchbay/contracts/node'
import { Listener } from '@patchbay/contracts/system'
import { Latest } from '@patchbay/contracts/telemetry'

/** Every schema that routes may `ref()`: the components of the OpenAPI description. */
export const sharedSchemas = [
  AccessRule,
  Alert,
  ApiKey,
  AuditEntry,
  Authority,
  BackupView,
  Channel,
  ChannelTestAnswer,
  Command,
  Credential,
  DeadLetter,
  Decision,
  Device,
  DeviceCertificate,
  DeviceHappening,
  DeviceType,
  FailedJob,
  Instance,
  JobQueueCounts,
  Latest,
  Listener,
  Node,
  LiveSession,
  Maintenance,
  Plugin,
  PluginLogLine,
  PluginManifest,
  Problem,
  ProvisioningKey,
  Refusal,
  RetainedMessage,
  Role,
  Rule,
  ServerCertificate,
  Setting,
  Shadow,
  StagedPlugin,
  User,
]
