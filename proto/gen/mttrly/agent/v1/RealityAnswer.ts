// Original file: proto/agent/v1/inspect.proto


export interface RealityAnswer {
  'json'?: (string);
}

export interface RealityAnswer__Output {
  'json': (string);
}
