import type * as grpc from '@grpc/grpc-js';
import type { EnumTypeDefinition, MessageTypeDefinition } from '@grpc/proto-loader';

import type { CommandsClient as _mttrly_agent_v1_CommandsClient, CommandsDefinition as _mttrly_agent_v1_CommandsDefinition } from './mttrly/agent/v1/Commands.ts';
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

