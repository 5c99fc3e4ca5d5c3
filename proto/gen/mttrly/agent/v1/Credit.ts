// Original file: proto/agent/v1/link.proto


export interface Credit {
  'requestId'?: (string);
  'bytes'?: (number);
}

export interface Credit__Output {
  'requestId': (string);
  'bytes': (number);
}
