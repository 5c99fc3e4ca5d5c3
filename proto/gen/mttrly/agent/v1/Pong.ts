// Original file: proto/agent/v1/link.proto

import type { Long } from '@grpc/proto-loader';

export interface Pong {
  'sentAt'?: (number | string | Long);
}

export interface Pong__Output {
  'sentAt': (number);
}
