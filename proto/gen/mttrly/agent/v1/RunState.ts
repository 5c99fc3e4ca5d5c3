// Original file: proto/agent/v1/commands.proto

export const RunState = {
  RUN_STATE_UNKNOWN: 'RUN_STATE_UNKNOWN',
  RUN_STATE_EXITED: 'RUN_STATE_EXITED',
  RUN_STATE_SIGNALLED: 'RUN_STATE_SIGNALLED',
  RUN_STATE_TIMED_OUT: 'RUN_STATE_TIMED_OUT',
  RUN_STATE_CANCELLED: 'RUN_STATE_CANCELLED',
  RUN_STATE_NOT_STARTED: 'RUN_STATE_NOT_STARTED',
} as const;

export type RunState =
  | 'RUN_STATE_UNKNOWN'
  | 0
  | 'RUN_STATE_EXITED'
  | 1
  | 'RUN_STATE_SIGNALLED'
  | 2
  | 'RUN_STATE_TIMED_OUT'
  | 3
  | 'RUN_STATE_CANCELLED'
  | 4
  | 'RUN_STATE_NOT_STARTED'
  | 5

export type RunState__Output = typeof RunState[keyof typeof RunState]
