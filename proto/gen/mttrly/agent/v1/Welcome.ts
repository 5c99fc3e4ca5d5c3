// Original file: proto/agent/v1/link.proto


export interface Welcome {
  'serverId'?: (string);
  'capabilityVersion'?: (number);
  'heartbeatMs'?: (number);
  'initialCredit'?: (number);
}

export interface Welcome__Output {
  'serverId': (string);
  'capabilityVersion': (number);
  'heartbeatMs': (number);
  'initialCredit': (number);
}
