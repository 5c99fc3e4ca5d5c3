// Original file: proto/agent/v1/isolation.proto

export const Isolation = {
  ISOLATION_NONE: 'ISOLATION_NONE',
  ISOLATION_BUBBLEWRAP: 'ISOLATION_BUBBLEWRAP',
  ISOLATION_SYSTEMD: 'ISOLATION_SYSTEMD',
} as const;

export type Isolation =
  | 'ISOLATION_NONE'
  | 0
  | 'ISOLATION_BUBBLEWRAP'
  | 1
  | 'ISOLATION_SYSTEMD'
  | 2

export type Isolation__Output = typeof Isolation[keyof typeof Isolation]
