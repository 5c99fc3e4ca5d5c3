// Original file: proto/agent/v1/inspect.proto


export interface InspectCommand {
  'argv'?: (string)[];
  'timeoutMs'?: (number);
}

export interface InspectCommand__Output {
  'argv': (string)[];
  'timeoutMs': (number);
}
