// Original file: proto/agent/v1/link.proto

import type { Welcome as _mttrly_agent_v1_Welcome, Welcome__Output as _mttrly_agent_v1_Welcome__Output } from '../../../mttrly/agent/v1/Welcome.ts';
import type { Request as _mttrly_agent_v1_Request, Request__Output as _mttrly_agent_v1_Request__Output } from '../../../mttrly/agent/v1/Request.ts';
import type { Credit as _mttrly_agent_v1_Credit, Credit__Output as _mttrly_agent_v1_Credit__Output } from '../../../mttrly/agent/v1/Credit.ts';
import type { Cancel as _mttrly_agent_v1_Cancel, Cancel__Output as _mttrly_agent_v1_Cancel__Output } from '../../../mttrly/agent/v1/Cancel.ts';
import type { Acknowledge as _mttrly_agent_v1_Acknowledge, Acknowledge__Output as _mttrly_agent_v1_Acknowledge__Output } from '../../../mttrly/agent/v1/Acknowledge.ts';
import type { Ping as _mttrly_agent_v1_Ping, Ping__Output as _mttrly_agent_v1_Ping__Output } from '../../../mttrly/agent/v1/Ping.ts';
import type { Pong as _mttrly_agent_v1_Pong, Pong__Output as _mttrly_agent_v1_Pong__Output } from '../../../mttrly/agent/v1/Pong.ts';
import type { Certificate as _mttrly_agent_v1_Certificate, Certificate__Output as _mttrly_agent_v1_Certificate__Output } from '../../../mttrly/agent/v1/Certificate.ts';
import type { Trust as _mttrly_agent_v1_Trust, Trust__Output as _mttrly_agent_v1_Trust__Output } from '../../../mttrly/agent/v1/Trust.ts';

export interface CentralFrame {
  'welcome'?: (_mttrly_agent_v1_Welcome | null);
  'request'?: (_mttrly_agent_v1_Request | null);
  'credit'?: (_mttrly_agent_v1_Credit | null);
  'cancel'?: (_mttrly_agent_v1_Cancel | null);
  'acknowledge'?: (_mttrly_agent_v1_Acknowledge | null);
  'ping'?: (_mttrly_agent_v1_Ping | null);
  'pong'?: (_mttrly_agent_v1_Pong | null);
  'certificate'?: (_mttrly_agent_v1_Certificate | null);
  'trust'?: (_mttrly_agent_v1_Trust | null);
  'frame'?: "welcome"|"request"|"credit"|"cancel"|"acknowledge"|"ping"|"pong"|"certificate"|"trust";
}

export interface CentralFrame__Output {
  'welcome'?: (_mttrly_agent_v1_Welcome__Output | null);
  'request'?: (_mttrly_agent_v1_Request__Output | null);
  'credit'?: (_mttrly_agent_v1_Credit__Output | null);
  'cancel'?: (_mttrly_agent_v1_Cancel__Output | null);
  'acknowledge'?: (_mttrly_agent_v1_Acknowledge__Output | null);
  'ping'?: (_mttrly_agent_v1_Ping__Output | null);
  'pong'?: (_mttrly_agent_v1_Pong__Output | null);
  'certificate'?: (_mttrly_agent_v1_Certificate__Output | null);
  'trust'?: (_mttrly_agent_v1_Trust__Output | null);
  'frame'?: "welcome"|"request"|"credit"|"cancel"|"acknowledge"|"ping"|"pong"|"certificate"|"trust";
}
