// Original file: proto/agent/v1/link.proto

import type { Failure as _mttrly_agent_v1_Failure, Failure__Output as _mttrly_agent_v1_Failure__Output } from '../../../mttrly/agent/v1/Failure.ts';

export interface Response {
  'requestId'?: (string);
  'body'?: (Buffer | Uint8Array | string);
  'failure'?: (_mttrly_agent_v1_Failure | null);
  'result'?: "body"|"failure";
}

export interface Response__Output {
  'requestId': (string);
  'body'?: (Buffer);
  'failure'?: (_mttrly_agent_v1_Failure__Output | null);
  'result'?: "body"|"failure";
}
