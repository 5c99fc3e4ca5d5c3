// Original file: proto/agent/v1/link.proto

import type { Hello as _mttrly_agent_v1_Hello, Hello__Output as _mttrly_agent_v1_Hello__Output } from '../../../mttrly/agent/v1/Hello.ts';
import type { Heartbeat as _mttrly_agent_v1_Heartbeat, Heartbeat__Output as _mttrly_agent_v1_Heartbeat__Output } from '../../../mttrly/agent/v1/Heartbeat.ts';
import type { Response as _mttrly_agent_v1_Response, Response__Output as _mttrly_agent_v1_Response__Output } from '../../../mttrly/agent/v1/Response.ts';
import type { Chunk as _mttrly_agent_v1_Chunk, Chunk__Output as _mttrly_agent_v1_Chunk__Output } from '../../../mttrly/agent/v1/Chunk.ts';
import type { Ping as _mttrly_agent_v1_Ping, Ping__Output as _mttrly_agent_v1_Ping__Output } from '../../../mttrly/agent/v1/Ping.ts';
import type { Pong as _mttrly_agent_v1_Pong, Pong__Output as _mttrly_agent_v1_Pong__Output } from '../../../mttrly/agent/v1/Pong.ts';
import type { CertificateRequest as _mttrly_agent_v1_CertificateRequest, CertificateRequest__Output as _mttrly_agent_v1_CertificateRequest__Output } from '../../../mttrly/agent/v1/CertificateRequest.ts';
import type { Trusted as _mttrly_agent_v1_Trusted, Trusted__Output as _mttrly_agent_v1_Trusted__Output } from '../../../mttrly/agent/v1/Trusted.ts';

export interface AgentFrame {
  'hello'?: (_mttrly_agent_v1_Hello | null);
  'heartbeat'?: (_mttrly_agent_v1_Heartbeat | null);
  'response'?: (_mttrly_agent_v1_Response | null);
  'chunk'?: (_mttrly_agent_v1_Chunk | null);
  'ping'?: (_mttrly_agent_v1_Ping | null);
  'pong'?: (_mttrly_agent_v1_Pong | null);
  'certificateRequest'?: (_mttrly_agent_v1_CertificateRequest | null);
  'trusted'?: (_mttrly_agent_v1_Trusted | null);
  'frame'?: "hello"|"heartbeat"|"response"|"chunk"|"ping"|"pong"|"certificateRequest"|"trusted";
}

export interface AgentFrame__Output {
  'hello'?: (_mttrly_agent_v1_Hello__Output | null);
  'heartbeat'?: (_mttrly_agent_v1_Heartbeat__Output | null);
  'response'?: (_mttrly_agent_v1_Response__Output | null);
  'chunk'?: (_mttrly_agent_v1_Chunk__Output | null);
  'ping'?: (_mttrly_agent_v1_Ping__Output | null);
  'pong'?: (_mttrly_agent_v1_Pong__Output | null);
  'certificateRequest'?: (_mttrly_agent_v1_CertificateRequest__Output | null);
  'trusted'?: (_mttrly_agent_v1_Trusted__Output | null);
  'frame'?: "hello"|"heartbeat"|"response"|"chunk"|"ping"|"pong"|"certificateRequest"|"trusted";
}
