// Original file: proto/agent/v1/link.proto


export interface Trust {
  'caPem'?: (string);
}

export interface Trust__Output {
  'caPem': (string);
}
