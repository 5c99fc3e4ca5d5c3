// Original file: proto/agent/v1/commands.proto


export interface ReadCommand {
  'line'?: (string);
  'timeoutMs'?: (number);
}

export interface ReadCommand__Output {
  'line': (string);
  'timeoutMs': (number);
}
