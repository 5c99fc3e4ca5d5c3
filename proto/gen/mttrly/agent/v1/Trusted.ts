// Original file: proto/agent/v1/link.proto


export interface Trusted {
  'authorities'?: (string)[];
}

export interface Trusted__Output {
  'authorities': (string)[];
}
