import type { Command } from './main.ts'

export const doctor: Command = async () => 1
