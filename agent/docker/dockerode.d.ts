// The part of dockerode that this room uses. What an engine answers is unknown until it has been looked at (shapes.ts).
declare module 'dockerode' {
  import type { Agent } from 'node:http'

  type Query = Record<string, unknown> & { abortSignal: AbortSignal }
  type Ask = (query: Query) => Promise<unknown>
  type Dial = {
    path: string
    method: 'GET'
    isStream: true
    abortSignal: AbortSignal
    statusCodes: Record<number, true | string>
    options: Record<string, unknown>
  }
  export default class Docker {
    constructor(options: { protocol: 'http'; host: undefined; socketPath: string; agent: Agent })
    modem: { dial(options: Dial, done: (error: Error | null, answer: unknown) => void): void }
    version: Ask
    info: Ask
    df: Ask
    listContainers: Ask
    listImages: Ask
    listNetworks: Ask
    listVolumes: Ask
    getEvents: Ask
    getContainer(id: string): { inspect: Ask; top: Ask; changes: Ask; stats: Ask }
    getImage(name: string): { inspect: Ask; history(): Promise<unknown> }
    getNetwork(name: string): { inspect: Ask }
    getVolume(name: string): { inspect: Ask }
  }
}
