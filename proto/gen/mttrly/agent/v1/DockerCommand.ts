// Original file: proto/agent/v1/docker.proto


export interface DockerCommand {
  'argv'?: (string)[];
  'timeoutMs'?: (number);
}

export interface DockerCommand__Output {
  'argv': (string)[];
  'timeoutMs': (number);
}
