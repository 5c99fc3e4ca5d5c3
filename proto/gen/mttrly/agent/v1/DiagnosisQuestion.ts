// Original file: proto/agent/v1/inspect.proto


export interface DiagnosisQuestion {
  'json'?: (string);
}

export interface DiagnosisQuestion__Output {
  'json': (string);
}
