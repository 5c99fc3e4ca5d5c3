// Original file: proto/agent/v1/commands.proto

import type { RunState as _mttrly_agent_v1_RunState, RunState__Output as _mttrly_agent_v1_RunState__Output } from '../../../mttrly/agent/v1/RunState.ts';
import type { Survivor as _mttrly_agent_v1_Survivor, Survivor__Output as _mttrly_agent_v1_Survivor__Output } from '../../../mttrly/agent/v1/Survivor.ts';
import type { Isolation as _mttrly_agent_v1_Isolation, Isolation__Output as _mttrly_agent_v1_Isolation__Output } from '../../../mttrly/agent/v1/Isolation.ts';
import type { Long } from '@grpc/proto-loader';

export interface RunOutcome {
  'state'?: (_mttrly_agent_v1_RunState);
  'exitCode'?: (number);
  'signal'?: (string);
  'startedAt'?: (number | string | Long);
  'durationMs'?: (number);
  'outputBytes'?: (number | string | Long);
  'outputSha256'?: (string);
  'outputKept'?: (number | string | Long);
  'redactions'?: (number);
  'survivors'?: (_mttrly_agent_v1_Survivor)[];
  'isolation'?: (_mttrly_agent_v1_Isolation);
  'detail'?: (string);
}

export interface RunOutcome__Output {
  'state': (_mttrly_agent_v1_RunState__Output);
  'exitCode': (number);
  'signal': (string);
  'startedAt': (number);
  'durationMs': (number);
  'outputBytes': (number);
  'outputSha256': (string);
  'outputKept': (number);
  'redactions': (number);
  'survivors': (_mttrly_agent_v1_Survivor__Output)[];
  'isolation': (_mttrly_agent_v1_Isolation__Output);
  'detail': (string);
}
