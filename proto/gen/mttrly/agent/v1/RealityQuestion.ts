// Original file: proto/agent/v1/inspect.proto


export interface RealityQuestion {
}

export interface RealityQuestion__Output {
}
