// Original file: proto/agent/v1/inspect.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { DiagnosisAnswer as _mttrly_agent_v1_DiagnosisAnswer, DiagnosisAnswer__Output as _mttrly_agent_v1_DiagnosisAnswer__Output } from '../../../mttrly/agent/v1/DiagnosisAnswer.ts';
import type { DiagnosisQuestion as _mttrly_agent_v1_DiagnosisQuestion, DiagnosisQuestion__Output as _mttrly_agent_v1_DiagnosisQuestion__Output } from '../../../mttrly/agent/v1/DiagnosisQuestion.ts';
import type { FilesAnswer as _mttrly_agent_v1_FilesAnswer, FilesAnswer__Output as _mttrly_agent_v1_FilesAnswer__Output } from '../../../mttrly/agent/v1/FilesAnswer.ts';
import type { FilesQuestion as _mttrly_agent_v1_FilesQuestion, FilesQuestion__Output as _mttrly_agent_v1_FilesQuestion__Output } from '../../../mttrly/agent/v1/FilesQuestion.ts';
import type { InspectCommand as _mttrly_agent_v1_InspectCommand, InspectCommand__Output as _mttrly_agent_v1_InspectCommand__Output } from '../../../mttrly/agent/v1/InspectCommand.ts';
import type { InstallationHealth as _mttrly_agent_v1_InstallationHealth, InstallationHealth__Output as _mttrly_agent_v1_InstallationHealth__Output } from '../../../mttrly/agent/v1/InstallationHealth.ts';
import type { InstallationQuestion as _mttrly_agent_v1_InstallationQuestion, InstallationQuestion__Output as _mttrly_agent_v1_InstallationQuestion__Output } from '../../../mttrly/agent/v1/InstallationQuestion.ts';
import type { RealityAnswer as _mttrly_agent_v1_RealityAnswer, RealityAnswer__Output as _mttrly_agent_v1_RealityAnswer__Output } from '../../../mttrly/agent/v1/RealityAnswer.ts';
import type { RealityQuestion as _mttrly_agent_v1_RealityQuestion, RealityQuestion__Output as _mttrly_agent_v1_RealityQuestion__Output } from '../../../mttrly/agent/v1/RealityQuestion.ts';
import type { RunOutcome as _mttrly_agent_v1_RunOutcome, RunOutcome__Output as _mttrly_agent_v1_RunOutcome__Output } from '../../../mttrly/agent/v1/RunOutcome.ts';

export interface InspectClient extends grpc.Client {
  Diagnose(argument: _mttrly_agent_v1_DiagnosisQuestion, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mttrly_agent_v1_DiagnosisAnswer__Output>): grpc.ClientUnaryCall;
  Diagnose(argument: _mttrly_agent_v1_DiagnosisQuestion, metadata: grpc.Metadata, callback: grpc.requestCallback<_mttrly_agent_v1_DiagnosisAnswer__Output>): grpc.ClientUnaryCall;
  Diagnose(argument: _mttrly_agent_v1_DiagnosisQuestion, options: grpc.CallOptions, callback: grpc.requestCallback<_mttrly_agent_v1_DiagnosisAnswer__Output>): grpc.ClientUnaryCall;
  Diagnose(argument: _mttrly_agent_v1_DiagnosisQuestion, callback: grpc.requestCallback<_mttrly_agent_v1_DiagnosisAnswer__Output>): grpc.ClientUnaryCall;
  diagnose(argument: _mttrly_agent_v1_DiagnosisQuestion, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mttrly_agent_v1_DiagnosisAnswer__Output>): grpc.ClientUnaryCall;
  diagnose(argument: _mttrly_agent_v1_DiagnosisQuestion, metadata: grpc.Metadata, callback: grpc.requestCallback<_mttrly_agent_v1_DiagnosisAnswer__Output>): grpc.ClientUnaryCall;
  diagnose(argument: _mttrly_agent_v1_DiagnosisQuestion, options: grpc.CallOptions, callback: grpc.requestCallback<_mttrly_agent_v1_DiagnosisAnswer__Output>): grpc.ClientUnaryCall;
  diagnose(argument: _mttrly_agent_v1_DiagnosisQuestion, callback: grpc.requestCallback<_mttrly_agent_v1_DiagnosisAnswer__Output>): grpc.ClientUnaryCall;
  
  Files(argument: _mttrly_agent_v1_FilesQuestion, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mttrly_agent_v1_FilesAnswer__Output>): grpc.ClientUnaryCall;
  Files(argument: _mttrly_agent_v1_FilesQuestion, metadata: grpc.Metadata, callback: grpc.requestCallback<_mttrly_agent_v1_FilesAnswer__Output>): grpc.ClientUnaryCall;
  Files(argument: _mttrly_agent_v1_FilesQuestion, options: grpc.CallOptions, callback: grpc.requestCallback<_mttrly_agent_v1_FilesAnswer__Output>): grpc.ClientUnaryCall;
  Files(argument: _mttrly_agent_v1_FilesQuestion, callback: grpc.requestCallback<_mttrly_agent_v1_FilesAnswer__Output>): grpc.ClientUnaryCall;
  files(argument: _mttrly_agent_v1_FilesQuestion, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mttrly_agent_v1_FilesAnswer__Output>): grpc.ClientUnaryCall;
  files(argument: _mttrly_agent_v1_FilesQuestion, metadata: grpc.Metadata, callback: grpc.requestCallback<_mttrly_agent_v1_FilesAnswer__Output>): grpc.ClientUnaryCall;
  files(argument: _mttrly_agent_v1_FilesQuestion, options: grpc.CallOptions, callback: grpc.requestCallback<_mttrly_agent_v1_FilesAnswer__Output>): grpc.ClientUnaryCall;
  files(argument: _mttrly_agent_v1_FilesQuestion, callback: grpc.requestCallback<_mttrly_agent_v1_FilesAnswer__Output>): grpc.ClientUnaryCall;
  
  Installation(argument: _mttrly_agent_v1_InstallationQuestion, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mttrly_agent_v1_InstallationHealth__Output>): grpc.ClientUnaryCall;
  Installation(argument: _mttrly_agent_v1_InstallationQuestion, metadata: grpc.Metadata, callback: grpc.requestCallback<_mttrly_agent_v1_InstallationHealth__Output>): grpc.ClientUnaryCall;
  Installation(argument: _mttrly_agent_v1_InstallationQuestion, options: grpc.CallOptions, callback: grpc.requestCallback<_mttrly_agent_v1_InstallationHealth__Output>): grpc.ClientUnaryCall;
  Installation(argument: _mttrly_agent_v1_InstallationQuestion, callback: grpc.requestCallback<_mttrly_agent_v1_InstallationHealth__Output>): grpc.ClientUnaryCall;
  installation(argument: _mttrly_agent_v1_InstallationQuestion, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mttrly_agent_v1_InstallationHealth__Output>): grpc.ClientUnaryCall;
  installation(argument: _mttrly_agent_v1_InstallationQuestion, metadata: grpc.Metadata, callback: grpc.requestCallback<_mttrly_agent_v1_InstallationHealth__Output>): grpc.ClientUnaryCall;
  installation(argument: _mttrly_agent_v1_InstallationQuestion, options: grpc.CallOptions, callback: grpc.requestCallback<_mttrly_agent_v1_InstallationHealth__Output>): grpc.ClientUnaryCall;
  installation(argument: _mttrly_agent_v1_InstallationQuestion, callback: grpc.requestCallback<_mttrly_agent_v1_InstallationHealth__Output>): grpc.ClientUnaryCall;
  
  Reality(argument: _mttrly_agent_v1_RealityQuestion, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mttrly_agent_v1_RealityAnswer__Output>): grpc.ClientUnaryCall;
  Reality(argument: _mttrly_agent_v1_RealityQuestion, metadata: grpc.Metadata, callback: grpc.requestCallback<_mttrly_agent_v1_RealityAnswer__Output>): grpc.ClientUnaryCall;
  Reality(argument: _mttrly_agent_v1_RealityQuestion, options: grpc.CallOptions, callback: grpc.requestCallback<_mttrly_agent_v1_RealityAnswer__Output>): grpc.ClientUnaryCall;
  Reality(argument: _mttrly_agent_v1_RealityQuestion, callback: grpc.requestCallback<_mttrly_agent_v1_RealityAnswer__Output>): grpc.ClientUnaryCall;
  reality(argument: _mttrly_agent_v1_RealityQuestion, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mttrly_agent_v1_RealityAnswer__Output>): grpc.ClientUnaryCall;
  reality(argument: _mttrly_agent_v1_RealityQuestion, metadata: grpc.Metadata, callback: grpc.requestCallback<_mttrly_agent_v1_RealityAnswer__Output>): grpc.ClientUnaryCall;
  reality(argument: _mttrly_agent_v1_RealityQuestion, options: grpc.CallOptions, callback: grpc.requestCallback<_mttrly_agent_v1_RealityAnswer__Output>): grpc.ClientUnaryCall;
  reality(argument: _mttrly_agent_v1_RealityQuestion, callback: grpc.requestCallback<_mttrly_agent_v1_RealityAnswer__Output>): grpc.ClientUnaryCall;
  
  Run(argument: _mttrly_agent_v1_InspectCommand, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mttrly_agent_v1_RunOutcome__Output>): grpc.ClientUnaryCall;
  Run(argument: _mttrly_agent_v1_InspectCommand, metadata: grpc.Metadata, callback: grpc.requestCallback<_mttrly_agent_v1_RunOutcome__Output>): grpc.ClientUnaryCall;
  Run(argument: _mttrly_agent_v1_InspectCommand, options: grpc.CallOptions, callback: grpc.requestCallback<_mttrly_agent_v1_RunOutcome__Output>): grpc.ClientUnaryCall;
  Run(argument: _mttrly_agent_v1_InspectCommand, callback: grpc.requestCallback<_mttrly_agent_v1_RunOutcome__Output>): grpc.ClientUnaryCall;
  run(argument: _mttrly_agent_v1_InspectCommand, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_mttrly_agent_v1_RunOutcome__Output>): grpc.ClientUnaryCall;
  run(argument: _mttrly_agent_v1_InspectCommand, metadata: grpc.Metadata, callback: grpc.requestCallback<_mttrly_agent_v1_RunOutcome__Output>): grpc.ClientUnaryCall;
  run(argument: _mttrly_agent_v1_InspectCommand, options: grpc.CallOptions, callback: grpc.requestCallback<_mttrly_agent_v1_RunOutcome__Output>): grpc.ClientUnaryCall;
  run(argument: _mttrly_agent_v1_InspectCommand, callback: grpc.requestCallback<_mttrly_agent_v1_RunOutcome__Output>): grpc.ClientUnaryCall;
  
}

export interface InspectHandlers extends grpc.UntypedServiceImplementation {
  Diagnose: grpc.handleUnaryCall<_mttrly_agent_v1_DiagnosisQuestion__Output, _mttrly_agent_v1_DiagnosisAnswer>;
  
  Files: grpc.handleUnaryCall<_mttrly_agent_v1_FilesQuestion__Output, _mttrly_agent_v1_FilesAnswer>;
  
  Installation: grpc.handleUnaryCall<_mttrly_agent_v1_InstallationQuestion__Output, _mttrly_agent_v1_InstallationHealth>;
  
  Reality: grpc.handleUnaryCall<_mttrly_agent_v1_RealityQuestion__Output, _mttrly_agent_v1_RealityAnswer>;
  
  Run: grpc.handleUnaryCall<_mttrly_agent_v1_InspectCommand__Output, _mttrly_agent_v1_RunOutcome>;
  
}

export interface InspectDefinition extends grpc.ServiceDefinition {
  Diagnose: MethodDefinition<_mttrly_agent_v1_DiagnosisQuestion, _mttrly_agent_v1_DiagnosisAnswer, _mttrly_agent_v1_DiagnosisQuestion__Output, _mttrly_agent_v1_DiagnosisAnswer__Output>
  Files: MethodDefinition<_mttrly_agent_v1_FilesQuestion, _mttrly_agent_v1_FilesAnswer, _mttrly_agent_v1_FilesQuestion__Output, _mttrly_agent_v1_FilesAnswer__Output>
  Installation: MethodDefinition<_mttrly_agent_v1_InstallationQuestion, _mttrly_agent_v1_InstallationHealth, _mttrly_agent_v1_InstallationQuestion__Output, _mttrly_agent_v1_InstallationHealth__Output>
  Reality: MethodDefinition<_mttrly_agent_v1_RealityQuestion, _mttrly_agent_v1_RealityAnswer, _mttrly_agent_v1_RealityQuestion__Output, _mttrly_agent_v1_RealityAnswer__Output>
  Run: MethodDefinition<_mttrly_agent_v1_InspectCommand, _mttrly_agent_v1_RunOutcome, _mttrly_agent_v1_InspectCommand__Output, _mttrly_agent_v1_RunOutcome__Output>
}
