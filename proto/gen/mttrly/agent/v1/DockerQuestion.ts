// Original file: proto/agent/v1/docker.proto


export interface DockerQuestion {
  'json'?: (string);
}

export interface DockerQuestion__Output {
  'json': (string);
}
