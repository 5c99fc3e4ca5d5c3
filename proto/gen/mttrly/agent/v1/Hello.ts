// Original file: proto/agent/v1/link.proto

import type { Lane as _mttrly_agent_v1_Lane, Lane__Output as _mttrly_agent_v1_Lane__Output } from '../../../mttrly/agent/v1/Lane.ts';

export interface Hello {
  'agentVersion'?: (string);
  'capabilityVersion'?: (number);
  'instanceId'?: (string);
  'hostname'?: (string);
  'os'?: (string);
  'kernel'?: (string);
  'arch'?: (string);
  'bootId'?: (string);
  'machineIdHash'?: (string);
  'shell'?: (string);
  'docker'?: (boolean);
  'lanes'?: (_mttrly_agent_v1_Lane)[];
  'playbooks'?: (string)[];
  'unacknowledged'?: (string)[];
  'authorities'?: (string)[];
  'signedApprovals'?: (boolean);
  'approvers'?: (string)[];
}

export interface Hello__Output {
  'agentVersion': (string);
  'capabilityVersion': (number);
  'instanceId': (string);
  'hostname': (string);
  'os': (string);
  'kernel': (string);
  'arch': (string);
  'bootId': (string);
  'machineIdHash': (string);
  'shell': (string);
  'docker': (boolean);
  'lanes': (_mttrly_agent_v1_Lane__Output)[];
  'playbooks': (string)[];
  'unacknowledged': (string)[];
  'authorities': (string)[];
  'signedApprovals': (boolean);
  'approvers': (string)[];
}
