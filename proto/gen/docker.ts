import type * as grpc from '@grpc/grpc-js';
import type { EnumTypeDefinition, MessageTypeDefinition } from '@grpc/proto-loader';

import type { CommandsClient as _mttrly_agent_v1_CommandsClient, CommandsDefinition as _mttrly_agent_v1_CommandsDefinition } from './mttrly/agent/v1/Commands.ts';
import type { DockerClient as _mttrly_agent_v1_DockerClient, DockerDefinition as _mttrly_agent_v1_DockerDefinition } from './mttrly/agent/v1/Docker.ts';
import type { DockerAnswer as _mttrly_agent_v1_DockerAnswer, DockerAnswer__Output as _mttrly_agent_v1_DockerAnswer__Output } from './mttrly/agent/v1/DockerAnswer.ts';
import type { DockerCommand as _mttrly_agent_v1_DockerCommand, DockerCommand__Output as _mttrly_agent_v1_DockerCommand__Output } from './mttrly/agent/v1/DockerCommand.ts';
import type { DockerQuestion as _mttrly_agent_v1_DockerQuestion, DockerQuestion__Output as _mttrly_agent_v1_DockerQuestion__Output } from './mttrly/agent/v1/DockerQuestion.ts';
import type { Granted as _mttrly_agent_v1_Granted, Granted__Output as _mttrly_agent_v1_Granted__Output } from './mttrly/agent/v1/Granted.ts';
import type { ReadCommand as _mttrly_agent_v1_ReadCommand, ReadCommand__Output as _mttrly_agent_v1_ReadCommand__Output } from './mttrly/agent/v1/ReadCommand.ts';
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
        Docker: SubtypeConstructor<typeof grpc.Client, _mttrly_agent_v1_DockerClient> & { service: _mttrly_agent_v1_DockerDefinition }
        DockerAnswer: MessageTypeDefinition<_mttrly_agent_v1_DockerAnswer, _mttrly_agent_v1_DockerAnswer__Output>
        DockerCommand: MessageTypeDefinition<_mttrly_agent_v1_DockerCommand, _mttrly_agent_v1_DockerCommand__Output>
        DockerQuestion: MessageTypeDefinition<_mttrly_agent_v1_DockerQuestion, _mttrly_agent_v1_DockerQuestion__Output>
        Granted: MessageTypeDefinition<_mttrly_agent_v1_Granted, _mttrly_agent_v1_Granted__Output>
        Isolation: EnumTypeDefinition
        ReadCommand: MessageTypeDefinition<_mttrly_agent_v1_ReadCommand, _mttrly_agent_v1_ReadCommand__Output>
        RunOutcome: MessageTypeDefinition<_mttrly_agent_v1_RunOutcome, _mttrly_agent_v1_RunOutcome__Output>
        RunState: EnumTypeDefinition
        Survivor: MessageTypeDefinition<_mttrly_agent_v1_Survivor, _mttrly_agent_v1_Survivor__Output>
      }
    }
  }
}

