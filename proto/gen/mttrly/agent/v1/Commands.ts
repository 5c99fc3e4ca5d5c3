// Original file: proto/agent/v1/commands.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { Granted as _mttrly_agent_v1_Granted, Granted__Output as _mttrly_agent_v1_Granted__Output } from '../../../mttrly/agent/v1/Granted.ts';
import type { ReadCommand as _mttrly_agent_v1_ReadCommand, ReadCommand__Output as _mttrly_agent_v1_ReadCommand__Output } from '../../../mttrly/agent/v1/ReadCommand.ts';
import type { RunOutcome as _mttrly_agent_v1_RunOutcome, RunOutcome__Output as _mttrly_agent_v1_RunOutcome__Output } from '../../../mttrly/agent/v1/RunOutcome.ts';

export interface CommandsClient extends grpc.Client {
  Act(argument: _mttrly_agent_v1_Granted, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mttrly_agent_v1_RunOutcome__Output>): grpc.ClientUnaryCall;
  Act(argument: _mttrly_agent_v1_Granted, metadata: grpc.Metadata, callback: grpc.requestCallback<_mttrly_agent_v1_RunOutcome__Output>): grpc.ClientUnaryCall;
  Act(argument: _mttrly_agent_v1_Granted, options: grpc.CallOptions, callback: grpc.requestCallback<_mttrly_agent_v1_RunOutcome__Output>): grpc.ClientUnaryCall;
  Act(argument: _mttrly_agent_v1_Granted, callback: grpc.requestCallback<_mttrly_agent_v1_RunOutcome__Output>): grpc.ClientUnaryCall;
  act(argument: _mttrly_agent_v1_Granted, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mttrly_agent_v1_RunOutcome__Output>): grpc.ClientUnaryCall;
  act(argument: _mttrly_agent_v1_Granted, metadata: grpc.Metadata, callback: grpc.requestCallback<_mttrly_agent_v1_RunOutcome__Output>): grpc.ClientUnaryCall;
  act(argument: _mttrly_agent_v1_Granted, options: grpc.CallOptions, callback: grpc.requestCallback<_mttrly_agent_v1_RunOutcome__Output>): grpc.ClientUnaryCall;
  act(argument: _mttrly_agent_v1_Granted, callback: grpc.requestCallback<_mttrly_agent_v1_RunOutcome__Output>): grpc.ClientUnaryCall;
  
  Read(argument: _mttrly_agent_v1_ReadCommand, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mttrly_agent_v1_RunOutcome__Output>): grpc.ClientUnaryCall;
  Read(argument: _mttrly_agent_v1_ReadCommand, metadata: grpc.Metadata, callback: grpc.requestCallback<_mttrly_agent_v1_RunOutcome__Output>): grpc.ClientUnaryCall;
  Read(argument: _mttrly_agent_v1_ReadCommand, options: grpc.CallOptions, callback: grpc.requestCallback<_mttrly_agent_v1_RunOutcome__Output>): grpc.ClientUnaryCall;
  Read(argument: _mttrly_agent_v1_ReadCommand, callback: grpc.requestCallback<_mttrly_agent_v1_RunOutcome__Output>): grpc.ClientUnaryCall;
  read(argument: _mttrly_agent_v1_ReadCommand, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mttrly_agent_v1_RunOutcome__Output>): grpc.ClientUnaryCall;
  read(argument: _mttrly_agent_v1_ReadCommand, metadata: grpc.Metadata, callback: grpc.requestCallback<_mttrly_agent_v1_RunOutcome__Output>): grpc.ClientUnaryCall;
  read(argument: _mttrly_agent_v1_ReadCommand, options: grpc.CallOptions, callback: grpc.requestCallback<_mttrly_agent_v1_RunOutcome__Output>): grpc.ClientUnaryCall;
  read(argument: _mttrly_agent_v1_ReadCommand, callback: grpc.requestCallback<_mttrly_agent_v1_RunOutcome__Output>): grpc.ClientUnaryCall;
  
}

export interface CommandsHandlers extends grpc.UntypedServiceImplementation {
  Act: grpc.handleUnaryCall<_mttrly_agent_v1_Granted__Output, _mttrly_agent_v1_RunOutcome>;
  
  Read: grpc.handleUnaryCall<_mttrly_agent_v1_ReadCommand__Output, _mttrly_agent_v1_RunOutcome>;
  
}

export interface CommandsDefinition extends grpc.ServiceDefinition {
  Act: MethodDefinition<_mttrly_agent_v1_Granted, _mttrly_agent_v1_RunOutcome, _mttrly_agent_v1_Granted__Output, _mttrly_agent_v1_RunOutcome__Output>
  Read: MethodDefinition<_mttrly_agent_v1_ReadCommand, _mttrly_agent_v1_RunOutcome, _mttrly_agent_v1_ReadCommand__Output, _mttrly_agent_v1_RunOutcome__Output>
}
