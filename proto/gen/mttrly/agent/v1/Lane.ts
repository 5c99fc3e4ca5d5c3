// Original file: proto/agent/v1/link.proto

import type { Isolation as _mttrly_agent_v1_Isolation, Isolation__Output as _mttrly_agent_v1_Isolation__Output } from '../../../mttrly/agent/v1/Isolation.ts';

export interface Lane {
  'name'?: (string);
  'isolation'?: (_mttrly_agent_v1_Isolation);
}

export interface Lane__Output {
  'name': (string);
  'isolation': (_mttrly_agent_v1_Isolation__Output);
}
