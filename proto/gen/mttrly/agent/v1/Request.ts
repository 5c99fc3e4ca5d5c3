// Original file: proto/agent/v1/link.proto

import type { Long } from '@grpc/proto-loader';

export interface Request {
  'id'?: (string);
  'method'?: (string);
  'body'?: (Buffer | Uint8Array | string);
  'startBefore'?: (number | string | Long);
}

export interface Request__Output {
  'id': (string);
  'method': (string);
  'body': (Buffer);
  'startBefore': (number);
}
