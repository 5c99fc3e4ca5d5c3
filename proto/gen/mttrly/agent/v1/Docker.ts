// Original file: proto/agent/v1/docker.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { DockerAnswer as _mttrly_agent_v1_DockerAnswer, DockerAnswer__Output as _mttrly_agent_v1_DockerAnswer__Output } from '../../../mttrly/agent/v1/DockerAnswer.ts';
import type { DockerCommand as _mttrly_agent_v1_DockerCommand, DockerCommand__Output as _mttrly_agent_v1_DockerCommand__Output } from '../../../mttrly/agent/v1/DockerCommand.ts';
import type { DockerQuestion as _mttrly_agent_v1_DockerQuestion, DockerQuestion__Output as _mttrly_agent_v1_DockerQuestion__Output } from '../../../mttrly/agent/v1/DockerQuestion.ts';
import type { RunOutcome as _mttrly_agent_v1_RunOutcome, RunOutcome__Output as _mttrly_agent_v1_RunOutcome__Output } from '../../../mttrly/agent/v1/RunOutcome.ts';

export interface DockerClient extends grpc.Client {
  Ask(argument: _mttrly_agent_v1_DockerQuestion, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mttrly_agent_v1_DockerAnswer__Output>): grpc.ClientUnaryCall;
  Ask(argument: _mttrly_agent_v1_DockerQuestion, metadata: grpc.Metadata, callback: grpc.requestCallback<_mttrly_agent_v1_DockerAnswer__Output>): grpc.ClientUnaryCall;
  Ask(argument: _mttrly_agent_v1_DockerQuestion, options: grpc.CallOptions, callback: grpc.requestCallback<_mttrly_agent_v1_DockerAnswer__Output>): grpc.ClientUnaryCall;
  Ask(argument: _mttrly_agent_v1_DockerQuestion, callback: grpc.requestCallback<_mttrly_agent_v1_DockerAnswer__Output>): grpc.ClientUnaryCall;
  ask(argument: _mttrly_agent_v1_DockerQuestion, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mttrly_agent_v1_DockerAnswer__Output>): grpc.ClientUnaryCall;
  ask(argument: _mttrly_agent_v1_DockerQuestion, metadata: grpc.Metadata, callback: grpc.requestCallback<_mttrly_agent_v1_DockerAnswer__Output>): grpc.ClientUnaryCall;
  ask(argument: _mttrly_agent_v1_DockerQuestion, options: grpc.CallOptions, callback: grpc.requestCallback<_mttrly_agent_v1_DockerAnswer__Output>): grpc.ClientUnaryCall;
  ask(argument: _mttrly_agent_v1_DockerQuestion, callback: grpc.requestCallback<_mttrly_agent_v1_DockerAnswer__Output>): grpc.ClientUnaryCall;
  
  Run(argument: _mttrly_agent_v1_DockerCommand, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mttrly_agent_v1_RunOutcome__Output>): grpc.ClientUnaryCall;
  Run(argument: _mttrly_agent_v1_DockerCommand, metadata: grpc.Metadata, callback: grpc.requestCallback<_mttrly_agent_v1_RunOutcome__Output>): grpc.ClientUnaryCall;
  Run(argument: _mttrly_agent_v1_DockerCommand, options: grpc.CallOptions, callback: grpc.requestCallback<_mttrly_agent_v1_RunOutcome__Output>): grpc.ClientUnaryCall;
  Run(argument: _mttrly_agent_v1_DockerCommand, callback: grpc.requestCallback<_mttrly_agent_v1_RunOutcome__Output>): grpc.ClientUnaryCall;
  run(argument: _mttrly_agent_v1_DockerCommand, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mttrly_agent_v1_RunOutcome__Output>): grpc.ClientUnaryCall;
  run(argument: _mttrly_agent_v1_DockerCommand, metadata: grpc.Metadata, callback: grpc.requestCallback<_mttrly_agent_v1_RunOutcome__Output>): grpc.ClientUnaryCall;
  run(argument: _mttrly_agent_v1_DockerCommand, options: grpc.CallOptions, callback: grpc.requestCallback<_mttrly_agent_v1_RunOutcome__Output>): grpc.ClientUnaryCall;
  run(argument: _mttrly_agent_v1_DockerCommand, callback: grpc.requestCallback<_mttrly_agent_v1_RunOutcome__Output>): grpc.ClientUnaryCall;
  
}

export interface DockerHandlers extends grpc.UntypedServiceImplementation {
  Ask: grpc.handleUnaryCall<_mttrly_agent_v1_DockerQuestion__Output, _mttrly_agent_v1_DockerAnswer>;
  
  Run: grpc.handleUnaryCall<_mttrly_agent_v1_DockerCommand__Output, _mttrly_agent_v1_RunOutcome>;
  
}

export interface DockerDefinition extends grpc.ServiceDefinition {
  Ask: MethodDefinition<_mttrly_agent_v1_DockerQuestion, _mttrly_agent_v1_DockerAnswer, _mttrly_agent_v1_DockerQuestion__Output, _mttrly_agent_v1_DockerAnswer__Output>
  Run: MethodDefinition<_mttrly_agent_v1_DockerCommand, _mttrly_agent_v1_RunOutcome, _mttrly_agent_v1_DockerCommand__Output, _mttrly_agent_v1_RunOutcome__Output>
}
