// Original file: proto/agent/v1/link.proto

import type { Long } from '@grpc/proto-loader';

export interface Ping {
  'sentAt'?: (number | string | Long);
}

export interface Ping__Output {
  'sentAt': (number);
}
