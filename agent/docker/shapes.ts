// What is read of an engine's answers, Docker's and Podman's. Everything else in them is left where it is.
import { z } from 'zod'

const text = z.string().catch('')
const number = z.number().catch(0)
/** Podman says null where Docker says none. */
const listOf = <T>(item: z.ZodType<T>) =>
  z
    .array(item)
    .nullish()
    .transform((list) => list ?? [])
const texts = listOf(z.string())
const labels = z
  .record(z.string(), z.string())
  .nullish()
  .transform((found) => found ?? {})

export const Port = z.object({
  IP: z.string().optional(),
  PrivatePort: z.number(),
  PublicPort: z.number().optional(),
  Type: text,
})
export const Listed = z.object({
  Id: z.string(),
  Names: texts,
  Image: text,
  ImageID: text,
  Command: text,
  Created: number,
  Ports: listOf(Port),
  Labels: labels,
  State: text,
  Status: text,
  SizeRw: z.number().optional(),
  SizeRootFs: z.number().optional(),
})
export type Listed = z.infer<typeof Listed>

export const Inspected = z.object({
  Id: z.string(),
  Name: text,
  Image: text,
  RestartCount: number,
  State: z.object({
    Status: text,
    ExitCode: number,
    OOMKilled: z.boolean().catch(false),
    StartedAt: text,
    FinishedAt: text,
    Error: text,
    Health: z
      .object({
        Status: text,
        FailingStreak: number,
        Log: listOf(z.object({ ExitCode: number, Output: text })),
      })
      .nullish(),
  }),
  Config: z.object({ Tty: z.boolean().catch(false), Image: text, Labels: labels }),
  HostConfig: z
    .object({ Memory: number, RestartPolicy: z.object({ Name: text }).nullish() })
    .catch({ Memory: 0, RestartPolicy: undefined }),
})
export type Inspected = z.infer<typeof Inspected>

const image = { Id: z.string(), RepoTags: texts, RepoDigests: texts, Size: number }
export const ListedImage = z.object({ ...image, Created: number })
export type ListedImage = z.infer<typeof ListedImage>

export const InspectedImage = z.object({
  ...image,
  Created: text,
  Os: text,
  Architecture: text,
  RootFS: z.object({ Layers: texts }).catch({ Layers: [] }),
  Config: z
    .object({
      User: text,
      Entrypoint: texts,
      Cmd: texts,
      Env: texts,
      ExposedPorts: z
        .record(z.string(), z.unknown())
        .nullish()
        .transform((ports) => Object.keys(ports ?? {})),
      Labels: labels,
    })
    .nullish(),
})

export const Version = z.object({ Version: text, ApiVersion: text, Os: text, Arch: text, KernelVersion: text }).loose()
export const Top = z.object({
  Titles: texts,
  Processes: listOf(texts),
})
export const Changed = listOf(z.object({ Path: text, Kind: number }))
export const History = z.array(z.object({ Id: text, Created: number, CreatedBy: text, Size: number, Comment: text }))
export const Network = z.object({ Id: z.string(), Name: text, Driver: text, Scope: text })
export const Volumes = z.object({
  Volumes: listOf(z.object({ Name: text, Driver: text })),
})
export const Event = z.object({
  Type: text,
  Action: text,
  time: number,
  Actor: z.object({ ID: text, Attributes: labels }).catch({ ID: '', Attributes: {} }),
})
export type Event = z.infer<typeof Event>
/** Both halves are there where a container runs. */
const Cpu = z
  .object({
    cpu_usage: z.object({ total_usage: number }),
    system_cpu_usage: number,
    online_cpus: number,
  })
  .catch({ cpu_usage: { total_usage: 0 }, system_cpu_usage: 0, online_cpus: 0 })
export const Stats = z.object({
  cpu_stats: Cpu,
  precpu_stats: Cpu,
  memory_stats: z
    .object({ usage: number, limit: number, stats: z.record(z.string(), z.number()).catch({}) })
    .catch({ usage: 0, limit: 0, stats: {} }),
  pids_stats: z.object({ current: number }).catch({ current: 0 }),
  networks: z.record(z.string(), z.object({ rx_bytes: number, tx_bytes: number })).catch({}),
  blkio_stats: z
    .object({ io_service_bytes_recursive: z.array(z.object({ op: text, value: number })).nullable() })
    .catch({ io_service_bytes_recursive: [] }),
})
export type Stats = z.infer<typeof Stats>
