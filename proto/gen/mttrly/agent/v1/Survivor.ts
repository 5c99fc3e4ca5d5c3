// Original file: proto/agent/v1/commands.proto


export interface Survivor {
  'pid'?: (number);
  'command'?: (string);
}

export interface Survivor__Output {
  'pid': (number);
  'command': (string);
}
