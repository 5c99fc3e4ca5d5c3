// Original file: proto/agent/v1/link.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { AgentFrame as _mttrly_agent_v1_AgentFrame, AgentFrame__Output as _mttrly_agent_v1_AgentFrame__Output } from '../../../mttrly/agent/v1/AgentFrame.ts';
import type { CentralFrame as _mttrly_agent_v1_CentralFrame, CentralFrame__Output as _mttrly_agent_v1_CentralFrame__Output } from '../../../mttrly/agent/v1/CentralFrame.ts';

export interface LinkClient extends grpc.Client {
  Connect(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_mttrly_agent_v1_AgentFrame, _mttrly_agent_v1_CentralFrame__Output>;
  Connect(options?: grpc.CallOptions): grpc.ClientDuplexStream<_mttrly_agent_v1_AgentFrame, _mttrly_agent_v1_CentralFrame__Output>;
  connect(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_mttrly_agent_v1_AgentFrame, _mttrly_agent_v1_CentralFrame__Output>;
  connect(options?: grpc.CallOptions): grpc.ClientDuplexStream<_mttrly_agent_v1_AgentFrame, _mttrly_agent_v1_CentralFrame__Output>;
  
}

export interface LinkHandlers extends grpc.UntypedServiceImplementation {
  Connect: grpc.handleBidiStreamingCall<_mttrly_agent_v1_AgentFrame__Output, _mttrly_agent_v1_CentralFrame>;
  
}

export interface LinkDefinition extends grpc.ServiceDefinition {
  Connect: MethodDefinition<_mttrly_agent_v1_AgentFrame, _mttrly_agent_v1_CentralFrame, _mttrly_agent_v1_AgentFrame__Output, _mttrly_agent_v1_CentralFrame__Output>
}
