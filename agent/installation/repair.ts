import type { Command } from './main.ts'

export const repair: Command = async () => 1
