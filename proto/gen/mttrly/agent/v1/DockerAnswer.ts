// Original file: proto/agent/v1/docker.proto


export interface DockerAnswer {
  'json'?: (string);
}

export interface DockerAnswer__Output {
  'json': (string);
}
