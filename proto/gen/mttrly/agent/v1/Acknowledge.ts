// Original file: proto/agent/v1/link.proto


export interface Acknowledge {
  'requestId'?: (string);
}

export interface Acknowledge__Output {
  'requestId': (string);
}
