// Original file: proto/agent/v1/link.proto


export interface Cancel {
  'requestId'?: (string);
}

export interface Cancel__Output {
  'requestId': (string);
}
