// Original file: proto/agent/v1/inspect.proto


export interface Drift {
  'code'?: (string);
  'target'?: (string);
  'was'?: (string);
  'should'?: (string);
  'diff'?: (string)[];
}

export interface Drift__Output {
  'code': (string);
  'target': (string);
  'was': (string);
  'should': (string);
  'diff': (string)[];
}
