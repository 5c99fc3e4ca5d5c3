// Original file: proto/agent/v1/link.proto

import type { Long } from '@grpc/proto-loader';

export interface Chunk {
  'requestId'?: (string);
  'offset'?: (number | string | Long);
  'data'?: (Buffer | Uint8Array | string);
}

export interface Chunk__Output {
  'requestId': (string);
  'offset': (number);
  'data': (Buffer);
}
