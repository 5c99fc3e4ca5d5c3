import type * as grpc from '@grpc/grpc-js';
import type { EnumTypeDefinition, MessageTypeDefinition } from '@grpc/proto-loader';

import type { Acknowledge as _mttrly_agent_v1_Acknowledge, Acknowledge__Output as _mttrly_agent_v1_Acknowledge__Output } from './mttrly/agent/v1/Acknowledge.ts';
import type { AgentFrame as _mttrly_agent_v1_AgentFrame, AgentFrame__Output as _mttrly_agent_v1_AgentFrame__Output } from './mttrly/agent/v1/AgentFrame.ts';
import type { Cancel as _mttrly_agent_v1_Cancel, Cancel__Output as _mttrly_agent_v1_Cancel__Output } from './mttrly/agent/v1/Cancel.ts';
import type { CentralFrame as _mttrly_agent_v1_CentralFrame, CentralFrame__Output as _mttrly_agent_v1_CentralFrame__Output } from './mttrly/agent/v1/CentralFrame.ts';
import type { Certificate as _mttrly_agent_v1_Certificate, Certificate__Output as _mttrly_agent_v1_Certificate__Output } from './mttrly/agent/v1/Certificate.ts';
import type { CertificateRequest as _mttrly_agent_v1_CertificateRequest, CertificateRequest__Output as _mttrly_agent_v1_CertificateRequest__Output } from './mttrly/agent/v1/CertificateRequest.ts';
import type { Chunk as _mttrly_agent_v1_Chunk, Chunk__Output as _mttrly_agent_v1_Chunk__Output } from './mttrly/agent/v1/Chunk.ts';
import type { Credit as _mttrly_agent_v1_Credit, Credit__Output as _mttrly_agent_v1_Credit__Output } from './mttrly/agent/v1/Credit.ts';
import type { Disk as _mttrly_agent_v1_Disk, Disk__Output as _mttrly_agent_v1_Disk__Output } from './mttrly/agent/v1/Disk.ts';
import type { Failure as _mttrly_agent_v1_Failure, Failure__Output as _mttrly_agent_v1_Failure__Output } from './mttrly/agent/v1/Failure.ts';
import type { Heartbeat as _mttrly_agent_v1_Heartbeat, Heartbeat__Output as _mttrly_agent_v1_Heartbeat__Output } from './mttrly/agent/v1/Heartbeat.ts';
import type { Hello as _mttrly_agent_v1_Hello, Hello__Output as _mttrly_agent_v1_Hello__Output } from './mttrly/agent/v1/Hello.ts';
import type { Lane as _mttrly_agent_v1_Lane, Lane__Output as _mttrly_agent_v1_Lane__Output } from './mttrly/agent/v1/Lane.ts';
import type { LinkClient as _mttrly_agent_v1_LinkClient, LinkDefinition as _mttrly_agent_v1_LinkDefinition } from './mttrly/agent/v1/Link.ts';
import type { Ping as _mttrly_agent_v1_Ping, Ping__Output as _mttrly_agent_v1_Ping__Output } from './mttrly/agent/v1/Ping.ts';
import type { Pong as _mttrly_agent_v1_Pong, Pong__Output as _mttrly_agent_v1_Pong__Output } from './mttrly/agent/v1/Pong.ts';
import type { Request as _mttrly_agent_v1_Request, Request__Output as _mttrly_agent_v1_Request__Output } from './mttrly/agent/v1/Request.ts';
import type { Response as _mttrly_agent_v1_Response, Response__Output as _mttrly_agent_v1_Response__Output } from './mttrly/agent/v1/Response.ts';
import type { Trust as _mttrly_agent_v1_Trust, Trust__Output as _mttrly_agent_v1_Trust__Output } from './mttrly/agent/v1/Trust.ts';
import type { Trusted as _mttrly_agent_v1_Trusted, Trusted__Output as _mttrly_agent_v1_Trusted__Output } from './mttrly/agent/v1/Trusted.ts';
import type { Welcome as _mttrly_agent_v1_Welcome, Welcome__Output as _mttrly_agent_v1_Welcome__Output } from './mttrly/agent/v1/Welcome.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  mttrly: {
    agent: {
      v1: {
        Acknowledge: MessageTypeDefinition<_mttrly_agent_v1_Acknowledge, _mttrly_agent_v1_Acknowledge__Output>
        AgentFrame: MessageTypeDefinition<_mttrly_agent_v1_AgentFrame, _mttrly_agent_v1_AgentFrame__Output>
        Cancel: MessageTypeDefinition<_mttrly_agent_v1_Cancel, _mttrly_agent_v1_Cancel__Output>
        CentralFrame: MessageTypeDefinition<_mttrly_agent_v1_CentralFrame, _mttrly_agent_v1_CentralFrame__Output>
        Certificate: MessageTypeDefinition<_mttrly_agent_v1_Certificate, _mttrly_agent_v1_Certificate__Output>
        CertificateRequest: MessageTypeDefinition<_mttrly_agent_v1_CertificateRequest, _mttrly_agent_v1_CertificateRequest__Output>
        Chunk: MessageTypeDefinition<_mttrly_agent_v1_Chunk, _mttrly_agent_v1_Chunk__Output>
        Credit: MessageTypeDefinition<_mttrly_agent_v1_Credit, _mttrly_agent_v1_Credit__Output>
        Disk: MessageTypeDefinition<_mttrly_agent_v1_Disk, _mttrly_agent_v1_Disk__Output>
        Failure: MessageTypeDefinition<_mttrly_agent_v1_Failure, _mttrly_agent_v1_Failure__Output>
        Heartbeat: MessageTypeDefinition<_mttrly_agent_v1_Heartbeat, _mttrly_agent_v1_Heartbeat__Output>
        Hello: MessageTypeDefinition<_mttrly_agent_v1_Hello, _mttrly_agent_v1_Hello__Output>
        Isolation: EnumTypeDefinition
        Lane: MessageTypeDefinition<_mttrly_agent_v1_Lane, _mttrly_agent_v1_Lane__Output>
        Link: SubtypeConstructor<typeof grpc.Client, _mttrly_agent_v1_LinkClient> & { service: _mttrly_agent_v1_LinkDefinition }
        Ping: MessageTypeDefinition<_mttrly_agent_v1_Ping, _mttrly_agent_v1_Ping__Output>
        Pong: MessageTypeDefinition<_mttrly_agent_v1_Pong, _mttrly_agent_v1_Pong__Output>
        Request: MessageTypeDefinition<_mttrly_agent_v1_Request, _mttrly_agent_v1_Request__Output>
        Response: MessageTypeDefinition<_mttrly_agent_v1_Response, _mttrly_agent_v1_Response__Output>
        Trust: MessageTypeDefinition<_mttrly_agent_v1_Trust, _mttrly_agent_v1_Trust__Output>
        Trusted: MessageTypeDefinition<_mttrly_agent_v1_Trusted, _mttrly_agent_v1_Trusted__Output>
        Welcome: MessageTypeDefinition<_mttrly_agent_v1_Welcome, _mttrly_agent_v1_Welcome__Output>
      }
    }
  }
}

