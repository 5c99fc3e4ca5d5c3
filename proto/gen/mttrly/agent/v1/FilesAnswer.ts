// Original file: proto/agent/v1/inspect.proto


export interface FilesAnswer {
  'json'?: (string);
}

export interface FilesAnswer__Output {
  'json': (string);
}
