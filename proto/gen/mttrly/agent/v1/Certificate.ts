// Original file: proto/agent/v1/link.proto


export interface Certificate {
  'certificatePem'?: (string);
}

export interface Certificate__Output {
  'certificatePem': (string);
}
