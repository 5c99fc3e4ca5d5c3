import type * as grpc from '@grpc/grpc-js';
import type { EnumTypeDefinition, MessageTypeDefinition } from '@grpc/proto-loader';

import type { CommandsClient as _mttrly_agent_v1_CommandsClient, CommandsDefinition as _mttrly_agent_v1_CommandsDefinition } from './mttrly/agent/v1/Commands.ts';
import type { DiagnosisAnswer as _mttrly_agent_v1_DiagnosisAnswer, DiagnosisAnswer__Output as _mttrly_agent_v1_DiagnosisAnswer__Output } from './mttrly/agent/v1/DiagnosisAnswer.ts';
import type { DiagnosisQuestion as _mttrly_agent_v1_DiagnosisQuestion, DiagnosisQuestion__Output as _mttrly_agent_v1_DiagnosisQuestion__Output } from './mttrly/agent/v1/DiagnosisQuestion.ts';
import type { Drift as _mttrly_agent_v1_Drift, Drift__Output as _mttrly_agent_v1_Drift__Output } from './mttrly/agent/v1/Drift.ts';
import type { FilesAnswer as _mttrly_agent_v1_FilesAnswer, FilesAnswer__Output as _mttrly_agent_v1_FilesAnswer__Output } from './mttrly/agent/v1/FilesAnswer.ts';
import type { FilesQuestion as _mttrly_agent_v1_FilesQuestion, FilesQuestion__Output as _mttrly_agent_v1_FilesQuestion__Output } from './mttrly/agent/v1/FilesQuestion.ts';
import type { Granted as _mttrly_agent_v1_Granted, Granted__Output as _mttrly_agent_v1_Granted__Output } from './mttrly/agent/v1/Granted.ts';
import type { InspectClient as _mttrly_agent_v1_InspectClient, InspectDefinition as _mttrly_agent_v1_InspectDefinition } from './mttrly/agent/v1/Inspect.ts';
import type { InspectCommand as _mttrly_agent_v1_InspectCommand, InspectCommand__Output as _mttrly_agent_v1_InspectCommand__Output } from './mttrly/agent/v1/InspectCommand.ts';
import type { InstallationHealth as _mttrly_agent_v1_InstallationHealth, InstallationHealth__Output as _mttrly_agent_v1_InstallationHealth__Output } from './mttrly/agent/v1/InstallationHealth.ts';
import type { InstallationQuestion as _mttrly_agent_v1_InstallationQuestion, InstallationQuestion__Output as _mttrly_agent_v1_InstallationQuestion__Output } from './mttrly/agent/v1/InstallationQuestion.ts';
import type { ReadCommand as _mttrly_agent_v1_ReadCommand, ReadCommand__Output as _mttrly_agent_v1_ReadCommand__Output } from './mttrly/agent/v1/ReadCommand.ts';
import type { RealityAnswer as _mttrly_agent_v1_RealityAnswer, RealityAnswer__Output as _mttrly_agent_v1_RealityAnswer__Output } from './mttrly/agent/v1/RealityAnswer.ts';
import type { RealityQuestion as _mttrly_agent_v1_RealityQuestion, RealityQuestion__Output as _mttrly_agent_v1_RealityQuestion__Output } from './mttrly/agent/v1/RealityQuestion.ts';
import type { RunOutcome as _mttrly_agent_v1_RunOutcome, RunOutcome__Output as _mttrly_agent_v1_RunOutcome__Output } from './mttrly/agent/v1/RunOutcome.ts';
import type { Survivor as _mttrly_agent_v1_Survivor, Survivor__Output as _mttrly_agent_v1_Survivor__Output } from './mttrly/agent/v1/Survivor.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  mttrly: {
    agent: {
      v1: {
        Commands: SubtypeConstructor<typeof grpc.Client, _mttrly_agent_v1_CommandsClient> & { service: _mttrly_agent_v1_CommandsDefinition }
        DiagnosisAnswer: MessageTypeDefinition<_mttrly_agent_v1_DiagnosisAnswer, _mttrly_agent_v1_DiagnosisAnswer__Output>
        DiagnosisQuestion: MessageTypeDefinition<_mttrly_agent_v1_DiagnosisQuestion, _mttrly_agent_v1_DiagnosisQuestion__Output>
        Drift: MessageTypeDefinition<_mttrly_agent_v1_Drift, _mttrly_agent_v1_Drift__Output>
        FilesAnswer: MessageTypeDefinition<_mttrly_agent_v1_FilesAnswer, _mttrly_agent_v1_FilesAnswer__Output>
        FilesQuestion: MessageTypeDefinition<_mttrly_agent_v1_FilesQuestion, _mttrly_agent_v1_FilesQuestion__Output>
        Granted: MessageTypeDefinition<_mttrly_agent_v1_Granted, _mttrly_agent_v1_Granted__Output>
        Inspect: SubtypeConstructor<typeof grpc.Client, _mttrly_agent_v1_InspectClient> & { service: _mttrly_agent_v1_InspectDefinition }
        InspectCommand: MessageTypeDefinition<_mttrly_agent_v1_InspectCommand, _mttrly_agent_v1_InspectCommand__Output>
        InstallationHealth: MessageTypeDefinition<_mttrly_agent_v1_InstallationHealth, _mttrly_agent_v1_InstallationHealth__Output>
        InstallationQuestion: MessageTypeDefinition<_mttrly_agent_v1_InstallationQuestion, _mttrly_agent_v1_InstallationQuestion__Output>
        Isolation: EnumTypeDefinition
        ReadCommand: MessageTypeDefinition<_mttrly_agent_v1_ReadCommand, _mttrly_agent_v1_ReadCommand__Output>
        RealityAnswer: MessageTypeDefinition<_mttrly_agent_v1_RealityAnswer, _mttrly_agent_v1_RealityAnswer__Output>
        RealityQuestion: MessageTypeDefinition<_mttrly_agent_v1_RealityQuestion, _mttrly_agent_v1_RealityQuestion__Output>
        RunOutcome: MessageTypeDefinition<_mttrly_agent_v1_RunOutcome, _mttrly_agent_v1_RunOutcome__Output>
        RunState: EnumTypeDefinition
        Survivor: MessageTypeDefinition<_mttrly_agent_v1_Survivor, _mttrly_agent_v1_Survivor__Output>
      }
    }
  }
}

