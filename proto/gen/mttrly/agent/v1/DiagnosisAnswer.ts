// Original file: proto/agent/v1/inspect.proto


export interface DiagnosisAnswer {
  'json'?: (string);
}

export interface DiagnosisAnswer__Output {
  'json': (string);
}
