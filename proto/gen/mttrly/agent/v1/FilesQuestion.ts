// Original file: proto/agent/v1/inspect.proto


export interface FilesQuestion {
  'json'?: (string);
}

export interface FilesQuestion__Output {
  'json': (string);
}
