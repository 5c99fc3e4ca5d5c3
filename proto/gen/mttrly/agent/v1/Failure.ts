// Original file: proto/agent/v1/link.proto


export interface Failure {
  'code'?: (string);
  'detailsJson'?: (string);
}

export interface Failure__Output {
  'code': (string);
  'detailsJson': (string);
}
