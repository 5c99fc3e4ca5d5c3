// Original file: proto/agent/v1/inspect.proto


export interface InstallationQuestion {
}

export interface InstallationQuestion__Output {
}
